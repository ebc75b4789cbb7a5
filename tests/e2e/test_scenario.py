"""The whole action in its real image, started as GitHub's runner starts it, against GitHub's API and git over real HTTP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.action_runs import (
    NETS,
    comments,
    flops,
    flops_by_config,
    net,
    on_dispatch,
    on_pull_request,
    report,
    row_cells,
)
from tests.e2e.conftest import ROOT
from tests.e2e.runner import Runner
from tests.e2e.step_log import workflow_commands
from tests.support import zoo
from tests.support.github_server import GitHubServer
from tests.support.pull_request import PullRequestFixture

from model_complexity.report import Measurement

pytestmark = pytest.mark.e2e

INSTALL = "pip install --quiet --no-deps --no-build-isolation -r requirements.txt"
"""Install the pinned mmpretrain and its imports, as scripts/demo does."""
READ_ONLY = "ghs_readonly"
RESNET_18 = 1_818_553_856
"""mmpretrain publishes 1.82G."""
DEEPER_STEM = 112**2 * (9 * (3 * 32 + 32 * 32 + 32 * 64) - 49 * 3 * 64 + 2 * 2 * 32)
"""Three 3x3 convolutions in place of one 7x7, and two more batch norms at 2 flops a value."""


@pytest.fixture
def pull_request(tmp_path: Path) -> Iterator[PullRequestFixture]:
    """An empty repository on a server of its own."""
    with GitHubServer() as server:
        yield PullRequestFixture(tmp_path, server)


@pytest.fixture
def small(pull_request: PullRequestFixture) -> PullRequestFixture:
    """A repository with one model, and a pull request that widens it from 8 channels to 16."""
    pull_request.main("A net", {"nets.py": NETS, "configs/net.py": net(8)})
    pull_request.push("Wider", {"configs/net.py": net(16)})
    return pull_request


def vit_flops(patch: int) -> int:
    """ViT-B at 224 by hand: patch embedding; 12 layers of projections, attention and MLP; 25 norms at 5 flops a value."""
    width, patches = 768, (224 // patch) ** 2
    tokens = patches + 1
    embedding = patches * width * 3 * patch**2
    layer = 12 * tokens * width**2 + 2 * tokens**2 * width
    return embedding + 12 * layer + 25 * 5 * tokens * width


def get_flops(tree: Path, config: str) -> tuple[str, str]:
    """The summary block and the table that scripts/get_flops.py prints in a tree."""
    command = [str(zoo.WORKER_PYTHON), "-W", "ignore", str(ROOT / "scripts" / "get_flops.py"), config]
    printed = subprocess.run(command, cwd=tree, check=True, capture_output=True, text=True).stdout
    block, _, table = printed.strip("\n").partition("\n|")
    return block, f"|{table}"


def test_comment_is_created_then_updated_then_kept(runner: Runner, pull_request: PullRequestFixture) -> None:
    requirements = (ROOT / "action" / "requirements" / "zoo.txt").read_text()
    pull_request.main("mmpretrain's configs", {**zoo.configs(), "requirements.txt": requirements})
    pull_request.push("Finer patches, deeper stem", zoo.finer_patches_deeper_stem(pull_request.clone))
    inputs = {"install": INSTALL, "max-configs": "5"}

    first = on_pull_request(runner, pull_request, inputs=inputs)

    assert first.exit_code == 0, first.log
    (created,) = comments(pull_request)
    vit, resnet, broken = (row_cells(created.body, config) for config in (zoo.VIT, zoo.RESNET, zoo.BROKEN))
    assert vit[1] == "23.186G (+5.604G, +31.87\N{NO-BREAK SPACE}%)"
    assert f"through `{zoo.RESNET_BASE.removeprefix('configs/')}`" in resnet[0]
    assert "**fails to load:**" in broken[0]
    assert broken[1:] == ["none", "none", "none"]
    flops_of = flops_by_config(report(first))
    assert flops_of[zoo.VIT] == (vit_flops(14), vit_flops(16))
    assert flops_of[zoo.RESNET] == (RESNET_18 + DEEPER_STEM, RESNET_18)
    assert flops_of[zoo.BROKEN] == ("config_syntax", None)
    assert len(flops_of) == 3
    block, table = get_flops(pull_request.clone, zoo.VIT)
    for text in (created.body, first.summary):
        assert f"```text\n{block}\n```" in text
        assert f"```text\n{table}\n```" in text
    results = json.loads(first.outputs["results"])
    assert [result["config"] for result in results["results"]] == [zoo.BROKEN, zoo.VIT, zoo.RESNET]
    more = float(first.outputs["flops-delta"])
    assert more == pytest.approx(100 * (vit_flops(14) / vit_flops(16) - 1), abs=1e-4)
    shown_above = {"results", "flops-delta", "params-delta"}
    assert {name: value for name, value in first.outputs.items() if name not in shown_above} == {
        "report": "model-complexity/default/report.json",
        "comment-url": f"{pull_request.server.url}/{pull_request.name}/pull/{pull_request.number}#issuecomment-{created.id}",
        "configs": "3",
        "failed": "1",
        "verdict": "pass",
    }
    before = created.body

    pushed = pull_request.push("Clip gradients", zoo.clipped_gradients(pull_request.clone))
    second = on_pull_request(runner, pull_request, "synchronize", inputs=inputs)
    again = on_pull_request(runner, pull_request, "synchronize", inputs=inputs)

    (updated,) = comments(pull_request)
    assert (second.exit_code, again.exit_code) == (0, 0), second.log + again.log
    assert updated.id == created.id
    assert updated.body != before
    assert [len(pull_request.server.state.requests(method)) for method in ("POST", "PATCH")] == [1, 1]
    assert second.outputs == again.outputs == first.outputs
    assert report(second).head == pushed


def test_fork_with_read_only_token_gets_report_without_comment(
    runner: Runner, pull_request: PullRequestFixture
) -> None:
    pull_request.main("A net", {"nets.py": NETS, "configs/net.py": net(8)})
    pull_request.push("Wider", {"configs/net.py": net(16)}, fork="someone/model-zoo")
    pull_request.server.state.add_token(READ_ONLY, permission="read")

    run = on_pull_request(runner, pull_request, token=READ_ONLY)

    assert run.exit_code == 0, run.log
    assert comments(pull_request) == []
    warnings = [command.data for command in workflow_commands(run.log) if command.name == "warning"]
    assert len(warnings) == 1
    assert "pull requests from forks and from Dependabot a read-only token" in warnings[0]
    assert "2.408M" in run.summary
    assert flops_by_config(report(run)) == {"configs/net.py": (flops(16), flops(8))}
    assert (run.outputs["comment-url"], run.outputs["configs"]) == ("", "1")


def test_read_only_token_is_an_error_that_names_the_permission_when_not_from_a_fork(
    runner: Runner, small: PullRequestFixture
) -> None:
    small.server.state.add_token(READ_ONLY, permission="read")

    run = on_pull_request(runner, small, token=READ_ONLY)

    assert run.exit_code == 2, run.log
    (error,) = [command for command in workflow_commands(run.log) if command.name == "error"]
    assert "`permissions: {contents: read, pull-requests: write}`" in error.data
    assert flops_by_config(report(run)) == {"configs/net.py": (flops(16), flops(8))}
    assert comments(small) == []


def test_manual_run_measures_without_comment_when_no_pull_request_is_given(
    runner: Runner, small: PullRequestFixture
) -> None:
    run = on_dispatch(runner, small, {"configs": "configs/net.py", "shapes": "32, 64x32"})

    assert run.exit_code == 0, run.log
    written = report(run)
    measured = [
        (entry.shape, entry.primary.figures["flops"])
        for entry in written.entries
        if isinstance(entry.primary, Measurement)
    ]
    assert measured == [((3, 32, 32), flops(8, 32, 32)), ((3, 64, 32), flops(8, 64, 32))]
    assert (written.pull_request, written.head, written.base) == (None, small.base_sha, None)
    assert "24.576K" in run.summary
    assert run.outputs["comment-url"] == ""
    assert comments(small) == []
    assert small.server.state.requests("POST") == []


def test_manual_run_comments_when_a_pull_request_is_given(runner: Runner, small: PullRequestFixture) -> None:
    run = on_dispatch(runner, small, {"pr-number": str(small.number), "configs": "configs/*.py"})

    assert run.exit_code == 0, run.log
    (comment,) = comments(small)
    assert run.outputs["comment-url"].endswith(f"#issuecomment-{comment.id}")
    assert row_cells(comment.body, "configs/net.py")[1] == "2.408M (+1.204M, +100.00\N{NO-BREAK SPACE}%)"
    assert flops_by_config(report(run)) == {"configs/net.py": (flops(16), flops(8))}


def test_shallow_checkout_is_compared_with_the_merge_base(runner: Runner, small: PullRequestFixture) -> None:
    fork_point = small.base_sha
    small.main("Narrower on main, after the branch left it", {"configs/net.py": net(8), "other.txt": "later\n"})

    run = on_pull_request(runner, small, depth=1)

    assert run.exit_code == 0, run.log
    (comment,) = comments(small)
    assert row_cells(comment.body, "configs/net.py")[1] == "2.408M (+1.204M, +100.00\N{NO-BREAK SPACE}%)"
    assert (report(run).base, report(run).notes) == (fork_point, ())
    fetched = {e.path for e in small.server.state.exchanges if e.path.endswith("git-upload-pack")}
    assert fetched == {f"/{small.name}.git/git-upload-pack"}


def test_unknown_input_is_an_error_that_names_it(runner: Runner, small: PullRequestFixture) -> None:
    run = on_pull_request(runner, small, extra_env={"INPUT_MAX-CONFIG": "3"})

    assert run.exit_code == 2, run.log
    assert [(command.name, command.data) for command in workflow_commands(run.log)] == [
        ("error", "input `max-config`: there is no such input. Did you mean `max-configs`?")
    ]
    assert (run.outputs, run.summary, comments(small)) == ({}, "", [])


def test_pull_request_target_event_is_refused(runner: Runner, small: PullRequestFixture) -> None:
    workspace, sha = small.checkout()

    run = runner.run("pull_request_target", small.payload(), small.server.url, workspace, sha=sha, token=small.token)

    assert run.exit_code == 2, run.log
    (error,) = [command for command in workflow_commands(run.log) if command.name == "error"]
    assert "`pull_request_target` is refused" in error.data
    assert (run.outputs, run.summary, comments(small)) == ({}, "", [])
