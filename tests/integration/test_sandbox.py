"""The wall with real processes: what gets through, what does not, and what a worker that is attacked costs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from model_complexity.errors import ActionError
from model_complexity.report import Failure, Measurement, Result
from model_complexity.sandbox.process import OUTPUT_LIMIT
from model_complexity.sandbox.sandbox import Job, MeasureOptions, Sandbox, WorkerInfo

WORKER_PYTHON = Path(__file__).parents[2] / ".venv" / "worker" / "bin" / "python"
SHAPE = (3, 4, 4)
NET = """
from mmengine.registry import MODELS
from torch import nn

@MODELS.register_module()
class Net(nn.Conv2d):
    def __init__(self, **_):
        super().__init__(3, 2, 1)
"""
GOOD = "custom_imports = dict(imports=['nets'])\nmodel = dict(type='Net')\n"
FORGES = """
os = __import__('os')
for descriptor in range(3, 32):
    try:
        os.write(descriptor, b'{"measurement": {"flops": -1}}')
    except OSError:
        pass
os._exit(0)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "nets.py").write_text(NET)
    (tree / "good.py").write_text(GOOD)
    return tree


def sandbox(tmp_path: Path, python: Path = WORKER_PYTHON, *, device: str = "cpu", jobs: int = 2) -> Sandbox:
    workdir = tmp_path / "room"
    workdir.mkdir(parents=True)
    return Sandbox.prepare(python, workdir, users=(None, None), options=MeasureOptions(60, device, jobs=jobs))


def measure(wall: Sandbox, tree: Path, *configs: str) -> tuple[dict[str, Result], list[str]]:
    said: list[str] = []
    return {
        job.config: result for job, result in wall.measure(tree, [Job(name, SHAPE) for name in configs], said.append)
    }, said


def test_a_tree_cannot_stand_in_for_our_code_or_for_torch(tmp_path: Path, tree: Path) -> None:
    for name in ("torch.py", "fvcore.py", "json.py", "sitecustomize.py", "usercustomize.py"):
        (tree / name).write_text("raise SystemExit('the tree was imported')\n")
    (tree / "model_complexity").mkdir()
    (tree / "model_complexity" / "__init__.py").write_text("raise SystemExit('the tree was imported')\n")
    told: list[WorkerInfo] = []
    wall = sandbox(tmp_path)
    ((_, result),) = wall.measure(tree, [Job("good.py", SHAPE)], print, told.append)
    assert isinstance(result, Measurement)
    assert result.flops == 4 * 4 * 3 * 2
    assert (told[0].device, told[0].versions) == ("cpu", result.versions)


def test_a_worker_that_is_brought_down_costs_the_job_at_hand(tmp_path: Path, tree: Path) -> None:
    (tree / "empty.py").write_text("nothing = 1\n")
    (tree / "kills.py").write_text("os = __import__('os')\nos.kill(os.getppid(), 9)\n__import__('time').sleep(60)\n")
    found, _ = measure(sandbox(tmp_path), tree, "good.py", "kills.py", "empty.py", "good.py")
    assert isinstance(found["good.py"], Measurement)
    assert isinstance(found["kills.py"], Failure)
    assert (found["kills.py"].kind, found["kills.py"].message) == (
        "crash",
        "brought the whole worker down, or answered for another config",
    )
    assert isinstance(found["empty.py"], Failure), "it is measured by the worker that came after"
    assert found["empty.py"].message == "the config has no `model`"


def test_a_measurement_that_breaks_a_rule_is_a_failure(tmp_path: Path, tree: Path) -> None:
    (tree / "forges.py").write_text(FORGES)
    found, _ = measure(sandbox(tmp_path), tree, "forges.py", "good.py")
    assert isinstance(found["forges.py"], Failure)
    assert found["forges.py"].kind == "crash"
    assert isinstance(found["good.py"], Measurement)


NESTED = """
os = __import__('os')
for descriptor in range(3, 32):
    try:
        os.write(descriptor, b'{"measurement": ' + b'[' * %d + b']' * %d + b'}')
    except OSError:
        pass
os._exit(0)
"""


def test_an_answer_that_is_nested_or_huge_costs_itself(tmp_path: Path, tree: Path) -> None:
    for depth in (500, 984, 5_000):
        (tree / f"nested{depth}.py").write_text(NESTED % (depth, depth))
    (tree / "huge.py").write_text(NESTED.replace("b'[' * %d + b']' * %d", "b'[' + b'1,' * (40 << 20) + b'1]'"))
    configs = ["nested500.py", "nested984.py", "nested5000.py", "huge.py", "good.py"]
    found, _ = measure(sandbox(tmp_path), tree, *configs)
    assert isinstance(found.pop("good.py"), Measurement)
    assert {result.kind for result in found.values() if isinstance(result, Failure)} == {"crash"}
    assert set(found) == set(configs[:-1])


def test_a_process_that_is_left_behind_does_not_reach_the_next_config(tmp_path: Path, tree: Path) -> None:
    (tree / "leaves.py").write_text(LEAVES + GOOD)
    (tree / "better.py").write_text(GOOD)
    for jobs in (1, 2):
        found, _ = measure(sandbox(tmp_path / str(jobs), jobs=jobs), tree, "leaves.py", "good.py", "better.py")
        assert isinstance(found["good.py"], Measurement), "whatever it did to itself"
        assert isinstance(found["better.py"], Measurement)


LEAVES = """
os = __import__('os')
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            for pid in filter(str.isdigit, os.listdir('/proc')):
                try:
                    if open(f'/proc/{pid}/stat').read().split()[3] == str(os.getppid()) and int(pid) != os.getpid():
                        os.kill(int(pid), 9)
                except OSError:
                    pass
    os._exit(0)
os.wait()
"""


def test_a_name_that_is_not_utf_8_does_not_hide_the_failure(tmp_path: Path, tree: Path) -> None:
    (tree / "names.py").write_text("raise ValueError('/data/caf' + chr(0xDCE9))\n")
    found, _ = measure(sandbox(tmp_path), tree, "names.py")
    assert isinstance(found["names.py"], Failure)
    assert found["names.py"].message == "ValueError: /data/caf?"


def test_output_is_passed_on_and_bounded(tmp_path: Path, tree: Path) -> None:
    (tree / "prints.py").write_text(
        f"print('first')\nfor _ in range({OUTPUT_LIMIT // 1000 + 2000}):\n    print('x' * 999)\n" + GOOD
    )
    found, said = measure(sandbox(tmp_path), tree, "prints.py")
    assert isinstance(found["prints.py"], Measurement)
    assert said[0] == "first"
    assert said[-1] == "[its output goes on; the first 4 MiB are shown]"
    assert sum(map(len, said)) <= OUTPUT_LIMIT + 100


def test_an_environment_that_cannot_measure_says_so(tmp_path: Path, tree: Path) -> None:
    said: list[str] = []
    wall = sandbox(tmp_path, Path(sys.executable))
    with pytest.raises(
        ActionError, match=r"cannot measure: ModuleNotFoundError: No module named 'torch'\. .* `install`"
    ):
        list(wall.measure(tree, [Job("good.py", SHAPE)], said.append))


def test_cuda_where_there_is_none(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ActionError, match="device cuda was requested, but torch sees no CUDA device"):
        list(sandbox(tmp_path, device="cuda").measure(tree, [Job("good.py", SHAPE)], print))


def test_auto_falls_back_to_the_cpu(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ((_, result),) = sandbox(tmp_path, device="auto").measure(tree, [Job("good.py", SHAPE)], print)
    assert isinstance(result, Measurement)
    assert result.device == "cpu"


def test_no_interpreter_and_no_user(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match=r"there is no Python interpreter at .*nowhere\. Set MODEL_COMPLEXITY_PYTHON"):
        sandbox(tmp_path, tmp_path / "nowhere")
    for user, message in (("root", "must not run as root"), ("nobody-here", "there is no user 'nobody-here'")):
        with pytest.raises(ActionError, match=message):
            Sandbox.prepare(WORKER_PYTHON, tmp_path / user, users=(user, None), options=MeasureOptions())


def test_the_environment_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "GITHUB_TOKEN": "a",
        "INPUT_GITHUB-TOKEN": "b",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "c",
        "AWS_SECRET_ACCESS_KEY": "d",
        "LD_PRELOAD": "e",
        "PYTHONSTARTUP": "f",
        "PIP_INDEX_URL": "https://user:secret@example.org/simple",
        "HTTPS_PROXY": "http://proxy.example.org:3128",
    }.items():
        monkeypatch.setenv(name, value)
    environment = sandbox(tmp_path).environment(tmp_path)
    assert environment["HTTPS_PROXY"] == "http://proxy.example.org:3128"
    assert {"a", "b", "c", "d", "e", "f"}.isdisjoint(environment.values())
    assert "secret" not in " ".join(environment.values())
