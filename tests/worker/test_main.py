"""A config that prints, exits, dies, hangs or eats memory costs its own line only."""

from __future__ import annotations

from pathlib import Path

from tests.worker.run_worker import measure, replies
from tests.worker.test_job import CONV, LIBRARY

EVIL = {
    "exits.py": "exit(3)\n",
    "dies.py": "__import__('os')._exit(7)\n",
    "crashes.py": "__import__('ctypes').string_at(0)\n",
    "is_killed.py": "__import__('os').kill(__import__('os').getpid(), 9)\n",
    "hangs.py": "while True: pass\n",
    "eats.py": "hoard = [bytearray(1 << 28) for _ in range(400)]\n",  # 100 GiB
    "bombs.py": "os = __import__('os')\nfor _ in range(8):\n    os.fork()\nwhile True: pass\n",  # 256 processes
    "pretends.py": 'print(\'{"job": 0, "measurement": {"flops": 1}}\', flush=True)\n__import__(\'os\')._exit(0)\n',
    # answers in its own pipe's place: whatever it finds open
    "spoofs.py": """
os = __import__('os')
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'{"job": 0, "flops": 1}\\n')
    except OSError:
        pass
os._exit(0)
""",
    "leaves.py": "os = __import__('os')\nif os.fork() == 0:\n    __import__('time').sleep(600)\n" + CONV,
}


def test_hostile_config_loses_only_its_own_answer(tree: Path) -> None:
    (tree / "nets.py").write_text(LIBRARY)
    (tree / "good.py").write_text(
        "print('{\"job\": 0, \"measurement\": {}}')\ncustom_imports = dict(imports=['nets'])\n" + CONV
    )
    for name, text in EVIL.items():
        (tree / name).write_text(("custom_imports = dict(imports=['nets'])\n" if name == "leaves.py" else "") + text)
    configs = [name for evil in EVIL for name in (evil, "good.py")]
    answers = measure(tree, configs, timeout=15, memory_bytes=2 << 30)
    failures = {
        config: answer["failure"]["kind"] + ": " + answer["failure"]["message"] if "failure" in answer else "measured"
        for config, answer in zip(configs, answers, strict=True)
    }
    assert failures == {
        "exits.py": "config_load: called sys.exit(3) at exits.py:1",
        "dies.py": "crash: exited with status 7 before it returned a result",
        "crashes.py": "crash: terminated by signal 11 (SIGSEGV)",
        "is_killed.py": "out_of_memory: was killed by the system, most often for lack of memory",
        "hangs.py": "timeout: no result after 15 seconds",
        "bombs.py": "timeout: no result after 15 seconds",
        "pretends.py": "crash: exited with status 0 before it returned a result",
        "eats.py": "out_of_memory: used more than 2.0 GiB of memory",
        "spoofs.py": "crash: the config's process returned something that is not a result",
        "leaves.py": "measured",
        "good.py": "measured",
    }
    assert all("measurement" in answer for config, answer in zip(configs, answers, strict=True) if config == "good.py")


def test_each_attempt_is_announced_before_it_starts_and_after_it_ended(tree: Path) -> None:
    (tree / "nets.py").write_text(LIBRARY + FAILS_WHEN_DRY)
    for name, kind in {"a.py": "Conv", "b.py": "FailsWhenDry", "c.py": "Conv"}.items():
        (tree / name).write_text(f"custom_imports = dict(imports=['nets'])\nmodel = dict(type='{kind}', channels=8)\n")
    jobs = [{"job": number, "config": name, "shape": (3, 8, 8)} for number, name in enumerate(["a.py", "b.py", "c.py"])]
    lines = [
        {"answered": line["job"]} if "measurement" in line else line
        for line in replies(tree, jobs, mode="auto", jobs=1)
    ]
    assert lines == [
        *({"started": 0}, {"ended": 0}, {"answered": 0}),
        *({"started": 1}, {"ended": 1}),  # the dry run
        *({"started": 2}, {"ended": 2}, {"answered": 2}),  # has the model of job 0
        *({"started": 1}, {"ended": 1}, {"answered": 1}),
    ]


FAILS_WHEN_DRY = """
@MODELS.register_module()
class FailsWhenDry(Conv):
    def forward(self, x):
        if not float(x.repeat(1, 1, 32, 32).mean()) > 0:
            raise ValueError('only a real run has values')
        return super().forward(x)
"""
