"""Every job gets exactly one result, its own, in whatever order jobs need retries, share answers and kill the worker."""

from __future__ import annotations

import random
import stat
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.integration.test_sandbox import make_sandbox

from model_complexity.errors import ActionError
from model_complexity.report import Failure, Measurement, Result
from model_complexity.sandbox.protocol import Job
from model_complexity.sandbox.sandbox import Sandbox

SHAPE = (3, 4, 4)
NETS = """
import os
import time
from pathlib import Path

import torch
from mmengine.registry import MODELS
from torch import nn

@MODELS.register_module()
class Net(nn.Conv2d):
    def __init__(self, channels=2, **_):
        super().__init__(3, channels, 1)

@MODELS.register_module()
class ReadsValues(Net):
    def forward(self, x):
        if not float(x.double().repeat(1, 1, 32, 32).mean()) > 0:
            raise ValueError('only a real run has values')
        return super().forward(x)

@MODELS.register_module()
class Broken(Net):
    def forward(self, x):
        raise RuntimeError('broken in each mode')

@MODELS.register_module()
class Exits(Net):
    def forward(self, x):
        os._exit(3)

@MODELS.register_module()
class KillsWorker(Net):
    def forward(self, x):
        os.kill(os.getppid(), 9)
        time.sleep(60)

@MODELS.register_module()
class KillsWorkerOnce(Net):
    def forward(self, x):
        marker = Path('killed')
        if not marker.exists():
            marker.touch()
            os.kill(os.getppid(), 9)
            time.sleep(60)
        return super().forward(x)
"""
WORKER_LOST = "crash: The config crashed the worker or sent an invalid answer."
OUTCOMES = {
    "Net": "96 flops",
    "ReadsValues": "96 flops",
    "Broken": "forward: RuntimeError at nets.py:25: broken in each mode",
    "Exits": "crash: exited with status 3 before it returned a result",
    "KillsWorker": WORKER_LOST,
}


def write_configs(tree: Path, kinds: list[str]) -> list[str]:
    """Write a config for each model, which build equal models where the model is the same."""
    tree.mkdir()
    (tree / "nets.py").write_text(NETS)
    names = [f"{number}_{kind}.py" for number, kind in enumerate(kinds)]
    for name, kind in zip(names, kinds, strict=True):
        (tree / name).write_text(
            f"custom_imports = dict(imports=['nets'])\nmodel = dict(type='{kind}')\nx = '{name}'\n"
        )
    return names


def measure(sandbox: Sandbox, tree: Path, names: list[str]) -> list[tuple[str, Result]]:
    return [(job.config, result) for job, result in sandbox.measure(tree, [Job(n, SHAPE) for n in names], print)]


def outcome(result: Result) -> str:
    if isinstance(result, Measurement):
        return f"{result.figures['flops']} flops"
    return f"{result.kind}: {result.message}"


@pytest.mark.parametrize("jobs", [1, 2])
def test_configs_that_need_a_real_run_are_measured_by_one_worker(tmp_path: Path, jobs: int) -> None:
    names = write_configs(tmp_path / "tree", ["ReadsValues", "Net", "Broken", "ReadsValues", "Broken"])
    workers: list[object] = []
    sandbox = make_sandbox(tmp_path, jobs=jobs)
    results = {
        job.config: outcome(result)
        for job, result in sandbox.measure(tmp_path / "tree", [Job(n, SHAPE) for n in names], print, workers.append)
    }
    assert results == {name: OUTCOMES[name[2:-3]] for name in names}
    assert len(workers) == 1


@pytest.mark.parametrize(("jobs", "seed"), [(1, 1), (1, 2), (3, 3), (3, 4)])
def test_every_job_gets_its_own_result_in_any_order(tmp_path: Path, jobs: int, seed: int) -> None:
    kinds = [*OUTCOMES, "Net", "ReadsValues", "Broken", "Exits", "KillsWorker"]
    random.Random(seed).shuffle(kinds)  # noqa: S311 - an order to test, no secret
    names = write_configs(tmp_path / "tree", kinds)
    results = measure(make_sandbox(tmp_path, jobs=jobs), tmp_path / "tree", names)
    assert {name: outcome(result) for name, result in results} == {
        name: OUTCOMES[kind] for name, kind in zip(names, kinds, strict=True)
    }
    assert Counter(name for name, _ in results) == Counter(names)


def test_jobs_that_ran_next_to_a_crash_are_measured(tmp_path: Path) -> None:
    names = write_configs(tmp_path / "tree", ["Net", "KillsWorkerOnce", "ReadsValues", "Net"])
    results = measure(make_sandbox(tmp_path, jobs=4), tmp_path / "tree", names)
    assert sorted((name, outcome(result)) for name, result in results) == [(name, "96 flops") for name in names]


FAKE_WORKER = """#!{python}
import json, os, signal, sys
answers = os.fdopen(int(sys.argv[-1]), 'w')
def write(line):
    answers.write(json.dumps(line) + chr(10))
    answers.flush()
versions = dict(python='3', torch='2', fvcore='0', mmengine='0')
write(dict(ready=dict(device='cpu', versions=versions)))
options, *jobs = [json.loads(line) for line in sys.stdin]
def answer(job):
    write(dict(job=job, failure=dict(kind='build', message='m', hint='h')))
{body}
"""


def fake_worker(tmp_path: Path, body: str) -> Path:
    """Return an interpreter that speaks the worker's protocol, whatever the sandbox starts it with."""
    python = tmp_path / "python"
    python.write_text(FAKE_WORKER.format(python=sys.executable, body=body))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python


@pytest.mark.parametrize(
    ("body", "crashed"),
    [
        # waits with job 0, then ends while job 1 runs
        ("write(dict(started=0)); write(dict(ended=0)); write(dict(started=1))" + " if len(jobs) == 3 else None", [1]),
        ("answer(jobs[0]['job'])", None),  # never started it
        ("write(dict(started=9))", None),
        ("write(dict(started=0)); write(dict(started=1))", [0]),  # two at a time
        ("write(dict(started=0)); answer(0)", [0]),  # still runs
        ("write(dict(started=0)); write('x' * (7 << 20))", [0]),
        (
            "while True: write(dict(started=jobs[0]['job'])); write(dict(ended=jobs[0]['job']))",
            None,
        ),
    ],
)
def test_worker_that_breaks_the_protocol_costs_the_job_that_runs(
    tmp_path: Path, body: str, crashed: list[int] | None
) -> None:
    tree = tmp_path / "tree"
    names = write_configs(tree, ["Net", "Net", "Net"])
    # what the fake does only while all three are left, it does once; then it measures properly
    first = f"if len(jobs) == 3:\n    {body}\n    sys.exit()\n" if crashed else f"{body}\nsys.exit()\n"
    proper = "for job in jobs:\n    n = job['job']; write(dict(started=n)); write(dict(ended=n)); answer(n)\n"
    sandbox = make_sandbox(tmp_path, fake_worker(tmp_path, first + proper), jobs=1)
    results: list[tuple[str, Result]] = []
    if crashed is None:
        with pytest.raises(
            ActionError, match=r"The worker exited before it measured a config\. See its output above\."
        ):
            results += measure(sandbox, tree, names)
        assert results == []
        return
    results = measure(sandbox, tree, names)
    assert Counter(name for name, _ in results) == Counter(names)
    assert [name for name, result in results if isinstance(result, Failure) and result.kind == "crash"] == [
        names[number] for number in crashed
    ]


def test_worker_that_ends_once_before_it_starts_a_job_costs_none(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    names = write_configs(tree, ["Net", "Net"])
    body = (
        "if not os.path.exists('ended'):\n    open('ended', 'w'); sys.exit()\n"
        "for job in jobs:\n    n = job['job']; write(dict(started=n)); write(dict(ended=n)); answer(n)\n"
    )
    results = measure(make_sandbox(tmp_path, fake_worker(tmp_path, body), jobs=1), tree, names)
    assert [(name, outcome(result)) for name, result in results] == [(name, "build: m") for name in names]
