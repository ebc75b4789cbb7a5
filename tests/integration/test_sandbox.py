"""The sandbox with real processes: what gets through, what does not, and what an attack on the worker costs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from model_complexity.common.options import MeasureOptions
from model_complexity.errors import ActionError
from model_complexity.report import Failure, Measurement, Result
from model_complexity.sandbox.process import OUTPUT_LIMIT
from model_complexity.sandbox.protocol import Job, WorkerInfo
from model_complexity.sandbox.sandbox import Sandbox

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


def make_sandbox(tmp_path: Path, python: Path = WORKER_PYTHON, *, device: str = "cpu", jobs: int = 2) -> Sandbox:
    workdir = tmp_path / "workdir"
    workdir.mkdir(parents=True)
    return Sandbox.prepare(python, workdir, users=(None, None), options=MeasureOptions(60, device, jobs=jobs))


def measure(sandbox: Sandbox, tree: Path, *configs: str) -> tuple[dict[str, Result], list[str]]:
    lines: list[str] = []
    return {
        job.config: result
        for job, result in sandbox.measure(tree, [Job(name, SHAPE) for name in configs], lines.append)
    }, lines


def test_tree_cannot_shadow_our_code_or_torch(tmp_path: Path, tree: Path) -> None:
    for name in ("torch.py", "fvcore.py", "json.py", "sitecustomize.py", "usercustomize.py"):
        (tree / name).write_text("raise SystemExit('the tree was imported')\n")
    (tree / "model_complexity").mkdir()
    (tree / "model_complexity" / "__init__.py").write_text("raise SystemExit('the tree was imported')\n")
    workers: list[WorkerInfo] = []
    sandbox = make_sandbox(tmp_path)
    ((_, result),) = sandbox.measure(tree, [Job("good.py", SHAPE)], print, workers.append)
    assert isinstance(result, Measurement)
    assert result.figures["flops"] == 4 * 4 * 3 * 2
    assert (workers[0].device, workers[0].versions) == ("cpu", result.versions)


def test_crashed_worker_costs_the_job_that_crashed_it(tmp_path: Path, tree: Path) -> None:
    (tree / "empty.py").write_text("nothing = 1\n")
    (tree / "kills.py").write_text("os = __import__('os')\nos.kill(os.getppid(), 9)\n__import__('time').sleep(60)\n")
    results, _ = measure(make_sandbox(tmp_path), tree, "good.py", "kills.py", "empty.py", "good.py")
    assert isinstance(results["good.py"], Measurement)
    assert isinstance(results["kills.py"], Failure)
    assert (results["kills.py"].kind, results["kills.py"].message) == (
        "crash",
        "The config crashed the worker or sent an invalid answer.",
    )
    assert isinstance(results["empty.py"], Failure), "it is measured by the worker that came after"
    assert results["empty.py"].message == "the config has no `model`"


def test_invalid_measurement_is_a_failure(tmp_path: Path, tree: Path) -> None:
    (tree / "forges.py").write_text(FORGES)
    results, _ = measure(make_sandbox(tmp_path), tree, "forges.py", "good.py")
    assert isinstance(results["forges.py"], Failure)
    assert results["forges.py"].kind == "crash"
    assert isinstance(results["good.py"], Measurement)


NESTED = """
os = __import__('os')
for descriptor in range(3, 32):
    try:
        os.write(descriptor, b'{"measurement": ' + b'[' * %d + b']' * %d + b'}')
    except OSError:
        pass
os._exit(0)
"""


def test_nested_or_huge_answer_costs_its_own_job(tmp_path: Path, tree: Path) -> None:
    for depth in (500, 984, 5_000):
        (tree / f"nested{depth}.py").write_text(NESTED % (depth, depth))
    (tree / "huge.py").write_text(NESTED.replace("b'[' * %d + b']' * %d", "b'[' + b'1,' * (40 << 20) + b'1]'"))
    configs = ["nested500.py", "nested984.py", "nested5000.py", "huge.py", "good.py"]
    results, _ = measure(make_sandbox(tmp_path), tree, *configs)
    assert isinstance(results.pop("good.py"), Measurement)
    assert {result.kind for result in results.values() if isinstance(result, Failure)} == {"crash"}
    assert set(results) == set(configs[:-1])


def test_leftover_process_does_not_affect_the_next_config(tmp_path: Path, tree: Path) -> None:
    (tree / "leaves.py").write_text(LEAVES + GOOD)
    (tree / "better.py").write_text(GOOD)
    for jobs in (1, 2):
        results, _ = measure(make_sandbox(tmp_path / str(jobs), jobs=jobs), tree, "leaves.py", "good.py", "better.py")
        assert isinstance(results["good.py"], Measurement), "whatever it did to itself"
        assert isinstance(results["better.py"], Measurement)


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


def test_failure_is_readable_when_a_name_is_not_utf_8(tmp_path: Path, tree: Path) -> None:
    (tree / "names.py").write_text("raise ValueError('/data/caf' + chr(0xDCE9))\n")
    results, _ = measure(make_sandbox(tmp_path), tree, "names.py")
    assert isinstance(results["names.py"], Failure)
    assert results["names.py"].message == "ValueError at names.py:1: /data/caf?"


def test_output_is_logged_up_to_its_limit(tmp_path: Path, tree: Path) -> None:
    (tree / "prints.py").write_text(
        f"print('first')\nfor _ in range({OUTPUT_LIMIT // 1000 + 2000}):\n    print('x' * 999)\n" + GOOD
    )
    results, lines = measure(make_sandbox(tmp_path), tree, "prints.py")
    assert isinstance(results["prints.py"], Measurement)
    assert lines[0] == "first"
    assert lines[-1] == "[output truncated: the first 4 MiB are shown]"
    assert sum(map(len, lines)) <= OUTPUT_LIMIT + 100


def test_measure_fails_when_the_environment_has_no_torch(tmp_path: Path, tree: Path) -> None:
    lines: list[str] = []
    sandbox = make_sandbox(tmp_path, Path(sys.executable))
    with pytest.raises(
        ActionError, match=r"The worker could not start: ModuleNotFoundError: No module named 'torch'\. .* `install`"
    ):
        list(sandbox.measure(tree, [Job("good.py", SHAPE)], lines.append))


def test_measure_fails_when_cuda_is_unavailable(tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ActionError, match="device cuda was requested, but torch sees no CUDA device"):
        list(make_sandbox(tmp_path, device="cuda").measure(tree, [Job("good.py", SHAPE)], print))


def test_auto_device_is_the_cpu_when_cuda_is_unavailable(
    tmp_path: Path, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    ((_, result),) = make_sandbox(tmp_path, device="auto").measure(tree, [Job("good.py", SHAPE)], print)
    assert isinstance(result, Measurement)
    assert result.device == "cpu"


def test_prepare_fails_without_interpreter_or_user(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match=r"there is no Python interpreter at .*nowhere\. Set MODEL_COMPLEXITY_PYTHON"):
        make_sandbox(tmp_path, tmp_path / "nowhere")
    for user, message in (("root", "must not run as root"), ("nobody-here", "there is no user 'nobody-here'")):
        with pytest.raises(ActionError, match=message):
            Sandbox.prepare(WORKER_PYTHON, tmp_path / user, users=(user, None), options=MeasureOptions())


def test_environment_has_only_allowed_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    environment = make_sandbox(tmp_path).environment(tmp_path)
    assert (environment["PYTHONHASHSEED"], environment["TORCHDYNAMO_DISABLE"]) == ("0", "1")
    assert environment["HTTPS_PROXY"] == "http://proxy.example.org:3128"
    assert {"a", "b", "c", "d", "e", "f"}.isdisjoint(environment.values())
    assert "secret" not in " ".join(environment.values())
