"""Whole runs of the action by function call, and what they leave behind."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from tests.support.pull_request import PullRequestFixture

from model_complexity.action import run
from model_complexity.report import Report
from model_complexity.settings.environment import Settings

WORKER_PYTHON = Path(__file__).parents[2] / ".venv" / "worker" / "bin" / "python"
LIBRARY = """
from mmengine.registry import MODELS
from torch import nn

@MODELS.register_module()
class Net(nn.Sequential):
    def __init__(self, channels, **_):
        super().__init__(nn.Conv2d(3, channels, 1, bias=False), nn.Conv2d(channels, 2, 1, bias=False))
"""
TREE = {
    "nets.py": LIBRARY,
    "configs/_base_/net.py": "custom_imports = dict(imports=['nets'])\nmodel = dict(type='Net', channels=4)\n",
    "configs/small.py": "_base_ = './_base_/net.py'\n",
    "configs/large.py": "_base_ = './_base_/net.py'\nmodel = dict(channels=8)\n",
    "README.md": "A zoo.\n",
}


def act(
    pull_request: PullRequestFixture, event: str = "pull_request", payload: dict[str, Any] | None = None, **inputs: str
) -> tuple[int, str]:
    """One run over a full checkout; returns exit code and log."""
    workspace, sha = pull_request.checkout() if pull_request.pull else pull_request.checkout(ref=pull_request.base_sha)
    return act_in(pull_request, workspace, sha, event, payload, **inputs)


def act_in(
    pull_request: PullRequestFixture,
    workspace: Path,
    sha: str,
    event: str = "pull_request",
    payload: dict[str, Any] | None = None,
    environment: dict[str, str] | None = None,
    **inputs: str,
) -> tuple[int, str]:
    inputs = {"shapes": "8", "device": "cpu", **inputs}
    variables = pull_request.environment(event, payload or pull_request.payload(), workspace, sha, **inputs) | (
        environment or {}
    )
    log = io.StringIO()
    status = run(Settings.from_environment({**variables, "MODEL_COMPLEXITY_PYTHON": str(WORKER_PYTHON)}), log)
    return status, log.getvalue()


def left_behind(pull_request: PullRequestFixture) -> tuple[Report, dict[str, str], str]:
    """report.json, the outputs and the job summary of the last run."""
    files = pull_request.root / f"runner{pull_request._checkouts}"
    outputs, lines = {}, iter((files / "output").read_text().splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        outputs[name] = "\n".join(iter(lambda: next(lines), delimiter))
    report = pull_request.root / f"checkout{pull_request._checkouts}" / "model-complexity" / "default" / "report.json"
    return Report.model_validate_json(report.read_text()), outputs, (files / "summary").read_text()


def comments(pull_request: PullRequestFixture) -> list[str]:
    return [comment.body for comment in pull_request.server.state.comments]


def flops(channels: int) -> int:
    return 64 * (3 * channels + 2 * channels)
