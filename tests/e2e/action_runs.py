"""Runs of the action's image on an event, and readers of what a run leaves in the report and on GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.e2e.runner import Run, Runner
from tests.support.github_server import Comment
from tests.support.pull_request import PullRequestFixture

from model_complexity.report import Measurement, Report, Result

NETS = """
from mmengine.registry import MODELS
from torch import nn


@MODELS.register_module()
class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1, bias=False)

    def forward(self, image):
        return self.conv(image)
"""


def net(width: int) -> str:
    """Return a config of a 1x1 convolution from 3 channels to ``width``."""
    return f'custom_imports = dict(imports=["nets"])\nmodel = dict(type="Net", width={width})\n'


def flops(width: int, height: int = 224, breadth: int = 224) -> int:
    """Return the flops of ``net(width)`` on an image of this size."""
    return 3 * width * height * breadth


def on_pull_request(
    runner: Runner, pull_request: PullRequestFixture, action: str = "opened", *, depth: int | None = None, **more: Any
) -> Run:
    """Run the action on a ``pull_request`` event. ``more`` goes to ``Runner.run``."""
    workspace, sha = pull_request.checkout(depth=depth)
    ref = f"refs/pull/{pull_request.number}/merge"
    return _run(runner, pull_request, "pull_request", pull_request.payload(action), workspace, sha=sha, ref=ref, **more)


def on_dispatch(runner: Runner, pull_request: PullRequestFixture, inputs: Mapping[str, str], /, **more: Any) -> Run:
    """Run the action on a ``workflow_dispatch`` event on main with these workflow inputs. ``more`` goes to ``Runner.run``."""
    workspace, sha = pull_request.checkout(ref=pull_request.base_sha)
    return _run(
        runner,
        pull_request,
        "workflow_dispatch",
        pull_request.dispatch(inputs),
        workspace,
        sha=sha,
        ref="refs/heads/main",
        **more,
    )


def _run(
    runner: Runner,
    pull_request: PullRequestFixture,
    event: str,
    payload: Mapping[str, Any],
    workspace: Path,
    **more: Any,
) -> Run:
    options = {"repository": pull_request.name, "token": pull_request.token, **more}
    return runner.run(
        event, {**payload, **options.pop("extra_payload", {})}, pull_request.server.url, workspace, **options
    )


def comments(pull_request: PullRequestFixture) -> list[Comment]:
    """Return the pull request's comments."""
    return [comment for comment in pull_request.server.state.comments if comment.number == pull_request.number]


def report(run: Run) -> Report:
    """Read the report that the run's `report` output names."""
    path = run.workspace / run.outputs["report"]
    return Report.model_validate_json(path.read_text(encoding="utf-8"))


def flops_by_config(report: Report) -> dict[str, tuple[str | int | None, str | int | None]]:
    """Map each config to flops at head and base: a failure's kind if it failed, None if not measured."""
    return {entry.target.name: (_flops_or_kind(entry.head), _flops_or_kind(entry.base)) for entry in report.entries}


def _flops_or_kind(result: Result | None) -> str | int | None:
    if result is None:
        return None
    return result.figures["flops"] if isinstance(result, Measurement) else result.kind


def row_cells(markdown: str, config: str) -> list[str]:
    """Return the cells of a config's row in the comment's table."""
    file = config.rpartition("/")[2]
    rows = [line for line in markdown.splitlines() if line.startswith(f"| `{file}`")]
    assert len(rows) == 1, markdown
    return [cell.strip() for cell in rows[0].strip("|").split(" | ")]
