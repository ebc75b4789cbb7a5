"""Whole runs by function call: real git, real HTTP, the real worker, models of the repository's own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.support.action_runs import LIBRARY, TREE, WORKER_PYTHON, act, act_in, comments, flops, left_behind
from tests.support.pull_request import PullRequestFixture

from model_complexity.errors import ActionError
from model_complexity.escape import code
from model_complexity.github.event import EVENTS
from model_complexity.publish.outputs import EMPTY_RESULTS
from model_complexity.report import Failure, Measurement

BLOCK = """```text
==============================
Input shape: (3, 8, 8)
Flops: {}
Params: {}
Activation: {}
==============================
```"""


def test_comment_is_created_updated_kept_and_cleared(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\nmodel = dict(channels=16)\n"})
    assert act(pull_request)[0] == 0
    (body,) = comments(pull_request)
    lines = body.splitlines()
    assert lines[0] == '<!-- model-complexity key="default" -->'
    assert "**`large.py` costs 100.00\xa0% more FLOPs (2.56K → 5.12K).**" in lines
    assert (
        "| `large.py` | 5.12K (+2.56K, +100.00\xa0%) | 80 (+40, +100.00\xa0%) | 1.152K (+0.512K, +80.00\xa0%) |"
    ) in lines
    assert "Input shape: (3,\xa08,\xa08)." in lines
    assert BLOCK.format("5.12K", 80, "1.152K") in body
    report, outputs, summary = left_behind(pull_request)
    listed = json.loads(outputs.pop("results"))
    comment_id = pull_request.server.state.comments[0].id
    assert [(one["config"], one["head"]["flops"], one["base"]["flops"]) for one in listed["results"]] == [
        ("configs/large.py", flops(16), flops(8))
    ]
    assert outputs == {
        "report": "model-complexity/default/report.json",
        "configs": "1",
        "failed": "0",
        "verdict": "pass",
        "flops-delta": "100.0000",
        "params-delta": "100.0000",
        "comment-url": f"{pull_request.server.url}/octocat/model-zoo/pull/7#issuecomment-{comment_id}",
    }
    assert summary.rstrip() == "\n".join(lines[1:])
    (entry,) = report.entries
    assert isinstance(entry.head, Measurement)
    assert isinstance(entry.base, Measurement)
    assert (entry.head.figures["flops"], entry.base.figures["flops"]) == (flops(16), flops(8))

    pull_request.push("A base, too", {"configs/_base_/net.py": TREE["configs/_base_/net.py"].replace("4", "2")})
    assert act(pull_request)[0] == 0
    (body,) = comments(pull_request)
    assert "the largest change of 2 configs.**" in body
    assert "| `small.py`, through `_base_/net.py` |" in body

    patches = len(pull_request.server.state.requests("PATCH"))
    assert "Comment is up to date" in act(pull_request)[1]
    assert len(pull_request.server.state.requests("PATCH")) == patches

    pull_request.push("Back again", {name: text for name, text in TREE.items() if name.startswith("configs/")})
    assert act(pull_request)[0] == 0
    (body,) = comments(pull_request)
    assert "**This pull request no longer changes a config.**" in body
    assert "|" not in body


def test_no_comment_when_no_config_changes(pull_request: PullRequestFixture) -> None:
    pull_request.push("Words", {"README.md": "A larger zoo.\n"})
    assert act(pull_request)[0] == 0
    assert comments(pull_request) == []
    assert left_behind(pull_request)[1] == {
        "report": "model-complexity/default/report.json",
        "configs": "0",
        "failed": "0",
        "verdict": "pass",
        "flops-delta": "",
        "params-delta": "",
        "results": EMPTY_RESULTS,
        "comment-url": "",
    }


def test_each_side_imports_its_own_code(pull_request: PullRequestFixture) -> None:
    """The config is touched without effect; the library below it changes, and the base must not see that."""
    wider = LIBRARY.replace("channels, 2, 1", "channels, 10, 1")
    pull_request.push("Wider head", {"nets.py": wider, "configs/small.py": TREE["configs/small.py"] + "\n"})
    act(pull_request)
    (entry,) = left_behind(pull_request)[0].entries
    assert isinstance(entry.head, Measurement)
    assert isinstance(entry.base, Measurement)
    assert (entry.head.figures["flops"], entry.base.figures["flops"]) == (64 * (3 * 4 + 10 * 4), flops(4))


def test_failing_config_costs_its_own_row(pull_request: PullRequestFixture) -> None:
    pull_request.push(
        "A syntax error, an exit, a deleted and a renamed config",
        {
            "configs/broken.py": "# This one is being worked on.\nmodel = dict(\n",
            "configs/exits.py": "exit(0)\n",
            "configs/small.py": None,
            "configs/large.py": None,
            "configs/larger.py": TREE["configs/large.py"],
        },
    )
    status, _ = act(pull_request, fail_on_error="true")
    assert status == 1
    (body,) = comments(pull_request)
    rows = [line for line in body.splitlines() if line.startswith("| `")]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [
        "`broken.py`, **fails to load:** `configs/broken.py:2: '(' was never closed`",
        "`exits.py`, **fails to load:** `called sys.exit(0) at configs/exits.py:1`",
        "`small.py`, removed",
        "`larger.py`, renamed from `configs/large.py`",
    ]
    assert rows[2].endswith("| 1.28K | 20 | 0.384K |")
    assert rows[3].endswith("| 2.56K (no change) | 40 (no change) | 0.64K (no change) |")
    report, outputs, _ = left_behind(pull_request)
    assert (outputs["configs"], outputs["failed"]) == ("4", "2")
    kinds = {entry.target.name: entry.head.kind for entry in report.entries if isinstance(entry.head, Failure)}
    assert kinds == {"configs/broken.py": "config_syntax", "configs/exits.py": "config_load"}


def test_configs_beyond_max_configs_are_listed_by_name(pull_request: PullRequestFixture) -> None:
    pull_request.push(
        "The base",
        {
            "configs/_base_/net.py": TREE["configs/_base_/net.py"] + "\n",
            "configs/small.py": "_base_ = './_base_/net.py'\n#\n",
        },
    )
    act(pull_request, max_configs="1")
    (body,) = comments(pull_request)
    assert (
        "<summary>1 more config not measured (beyond <code>max-configs</code>)</summary>\n\n- `configs/large.py`\n"
        in body
    )
    assert [entry.target.name for entry in left_behind(pull_request)[0].entries] == ["configs/small.py"], (
        "changed itself: first"
    )


def test_config_is_measured_when_discovery_cannot_resolve_its_base(
    pull_request: PullRequestFixture,
) -> None:
    pull_request.push("A call", {"configs/sly.py": "_base_ = ['./_base_/NET.py'.replace('NET', 'net')]\n"})
    act(pull_request)
    (body,) = comments(pull_request)
    assert "| `sly.py`, new | 1.28K |" in body
    (problem,) = left_behind(pull_request)[0].warnings
    assert (problem.config, "contains a call" in problem.message) == ("configs/sly.py", True)
    listed = f"- `configs/sly.py`: {code(problem.message)}\n"
    assert f"<summary>1 discovery warning</summary>\n\n{listed}" in body


def test_run_takes_several_shapes_and_keys(pull_request: PullRequestFixture) -> None:
    pull_request.push("Touched", {"configs/small.py": TREE["configs/small.py"] + "\n"})
    act(pull_request, shapes="8, 16x8", key="one")
    act(pull_request, key="two")
    one, two = comments(pull_request)
    assert '<!-- model-complexity key="one" -->' in one
    assert '<!-- model-complexity key="two" -->' in two
    assert ("(3,\xa08,\xa08)" in one, "(3,\xa016,\xa08)" in one, "1 config is unchanged" in one) == (True, True, True)


def test_manual_run_measures_without_a_pull_request(pull_request: PullRequestFixture) -> None:
    payload = pull_request.dispatch({"configs": "configs/*.py", "shapes": "16", "pr-number": ""})
    status, _ = act(pull_request, "workflow_dispatch", payload)
    assert status == 0
    assert comments(pull_request) == []
    report, outputs, summary = left_behind(pull_request)
    found = {entry.target.name: (entry.head, entry.base) for entry in report.entries}
    assert {
        name: (head.figures["flops"], base) for name, (head, base) in found.items() if isinstance(head, Measurement)
    } == {
        "configs/large.py": (4 * flops(8), None),
        "configs/small.py": (4 * flops(4), None),
    }
    assert (outputs["configs"], outputs["comment-url"]) == ("2", "")
    assert "**2 configs are measured. There is no base to compare with.**" in summary


def test_event_with_a_base_is_compared_without_a_pull_request(
    pull_request: PullRequestFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EVENTS, "merge_group", lambda event, data: replace(event, base_sha=str(data["base"])))  # type: ignore[arg-type]
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\nmodel = dict(channels=16)\n"})
    assert act(pull_request, "merge_group", {"base": pull_request.base_sha})[0] == 0
    report, outputs, summary = left_behind(pull_request)
    assert (report.pull_request, report.base) == (None, pull_request.base_sha)
    assert (outputs["configs"], outputs["flops-delta"], outputs["comment-url"]) == ("1", "100.0000", "")
    assert "**`large.py` costs 100.00\xa0% more FLOPs (2.56K → 5.12K).**" in summary
    assert comments(pull_request) == []


def test_manual_run_comments_on_a_pull_request(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\nmodel = dict(channels=16)\n"})
    workspace, sha = pull_request.checkout(
        ref=pull_request.base_sha
    )  # a dispatch runs on a branch, not on the pull request
    act_in(
        pull_request,
        workspace,
        sha,
        "workflow_dispatch",
        pull_request.dispatch({"configs": "configs/small.py", "pr-number": "7"}),
    )
    (body,) = comments(pull_request)
    assert "| `small.py` |" in body
    assert "large.py" not in body
    act_in(pull_request, workspace, sha, "workflow_dispatch", pull_request.dispatch({"pr-number": "7"}))
    (body,) = comments(pull_request)
    assert "| `large.py` |" in body


def test_manual_run_fails_when_there_is_nothing_to_measure(pull_request: PullRequestFixture) -> None:
    with pytest.raises(ActionError, match=r"nothing to measure\. Set `configs`, `pr-number`, or both"):
        act(pull_request, "workflow_dispatch", pull_request.dispatch(None))
    with pytest.raises(ActionError, match="No config matches 'nowhere/"):
        act(pull_request, "workflow_dispatch", pull_request.dispatch({"configs": "nowhere/**"}))


def test_missing_commits_are_fetched_when_the_checkout_is_shallow(pull_request: PullRequestFixture) -> None:
    pull_request.main("Main moves on", {"README.md": "Later.\n"})
    pull_request.git(pull_request.clone, "checkout", "--quiet", "-b", "feature", "main~1")
    pull_request.git(pull_request.clone, "checkout", "--quiet", "main")
    pull_request.git(pull_request.clone, "branch", "--quiet", "-D", "feature")
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\nmodel = dict(channels=16)\n"})
    workspace, sha = pull_request.checkout(depth=1)
    status, log = act_in(pull_request, workspace, sha)
    assert status == 0, log
    (body,) = comments(pull_request)
    assert "100.00\xa0% more FLOPs (2.56K → 5.12K)" in body


def test_merge_commit_is_measured_when_head_is_unavailable(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\nmodel = dict(channels=16)\n"})
    assert pull_request.pull
    pull_request.pull.files = [{"filename": "configs/large.py", "status": "modified"}]
    workspace, sha = pull_request.checkout(depth=1)
    unreachable = {"GITHUB_SERVER_URL": "http://127.0.0.1:1"}
    status, log = act_in(pull_request, workspace, sha, environment=unreachable)
    assert status == 0, log
    (body,) = comments(pull_request)
    assert f"> The head commit is unavailable, so merge commit `{sha[:9]}` is measured without a comparison." in body
    assert "::warning::A commit could not be fetched: " in log
    assert "| `large.py` | 5.12K | 80 | 1.152K |" in body


def test_deleted_config_is_listed_when_the_base_is_unavailable(pull_request: PullRequestFixture) -> None:
    pull_request.push("One less", {"configs/large.py": None})
    assert pull_request.pull
    pull_request.pull.files = [{"filename": "configs/large.py", "status": "removed"}]
    workspace, sha = pull_request.checkout(depth=1)
    act_in(pull_request, workspace, sha, environment={"GITHUB_SERVER_URL": "http://127.0.0.1:1"})
    (body,) = comments(pull_request)
    assert "no longer changes" not in body
    assert "- `configs/large.py`" in body


def test_changes_of_main_are_not_attributed_to_the_pull_request(pull_request: PullRequestFixture) -> None:
    pull_request.push("A comment", {"configs/small.py": TREE["configs/small.py"] + "# a comment\n"})
    pull_request.main("Wider for everybody", {"nets.py": LIBRARY.replace("channels, 2, 1", "channels, 20, 1")})
    assert pull_request.pull
    pull_request.pull.files = [{"filename": "configs/small.py", "status": "modified"}]
    workspace, sha = pull_request.checkout(depth=1)
    act_in(pull_request, workspace, sha, environment={"GITHUB_SERVER_URL": "http://127.0.0.1:1"})
    (body,) = comments(pull_request)
    assert "more FLOPs" not in body
    assert "without a comparison" in body


def test_editable_install_imports_the_side_that_is_measured(pull_request: PullRequestFixture) -> None:
    """A library in a folder that is not on the path, which `install` puts there by name: each side must get its own."""
    config = {"configs/small.py": TREE["configs/small.py"].replace("./_base_", "./_base_")}
    pull_request.main("A library of its own folder", {"nets.py": None, "python/nets.py": LIBRARY})
    pull_request.push(
        "Wider",
        {
            "python/nets.py": LIBRARY.replace("channels, 2, 1", "channels, 20, 1"),
            **config,
            "configs/new.py": config["configs/small.py"] + "#\n",
            "configs/large.py": "#\n" + TREE["configs/large.py"],
        },
    )
    site = "$(python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')/model-complexity-test.pth"
    try:
        act(pull_request, install=f'echo "$PWD/python" > "{site}"')
    finally:
        for pth in WORKER_PYTHON.parent.parent.rglob("model-complexity-test.pth"):
            pth.unlink()
    found = {entry.target.name: entry for entry in left_behind(pull_request)[0].entries}["configs/large.py"]
    assert isinstance(found.head, Measurement)
    assert isinstance(found.base, Measurement)
    assert (found.head.figures["flops"], found.base.figures["flops"]) == (64 * (3 * 8 + 20 * 8), flops(8))


def test_comment_is_published_when_the_summary_cannot_be_written(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\n"})
    workspace, sha = pull_request.checkout()
    with pytest.raises(ActionError, match="Cannot write the runner's file"):
        act_in(
            pull_request, workspace, sha, environment={"GITHUB_STEP_SUMMARY": str(workspace / "nowhere" / "summary")}
        )
    assert "2.56K → 1.28K" in comments(pull_request)[0]


def test_fork_gets_a_summary_without_a_comment(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\n"}, fork="someone/model-zoo")
    pull_request.server.state.add_token(pull_request.token, permission="read")
    status, log = act(pull_request)
    assert status == 0
    assert (
        "::warning::Comment skipped: GitHub gives pull requests from forks and from Dependabot a read-only token."
        in log
    )
    assert (comments(pull_request), left_behind(pull_request)[1]["comment-url"]) == ([], "")
    assert "2.56K → 1.28K" in left_behind(pull_request)[2]


def test_missing_permission_fails_after_the_summary_is_written(
    pull_request: PullRequestFixture,
) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\n"})
    pull_request.server.state.add_token(pull_request.token, permission="read")
    with pytest.raises(ActionError, match=r"pull-requests: write"):
        act(pull_request)
    assert "2.56K → 1.28K" in left_behind(pull_request)[2]


def test_run_fails_when_the_install_command_fails(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\n"})
    with pytest.raises(ActionError, match="input `install`: the command exited with status 3"):
        act(pull_request, install="echo about to fail; exit 3")


def test_install_command_runs_in_heads_tree_without_our_variables(
    pull_request: PullRequestFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "a-secret-of-the-runner")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://user:password@example.org/simple")
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\n", "here.txt": "in head\n"})
    _, log = act(pull_request, install="cat here.txt; env; echo '::error::not obeyed'; echo 'x ##[error]nor this'")
    assert "  | in head\n" in log
    assert "a-secret-of-the-runner" not in log
    assert "user:password" not in log
    assert pull_request.token not in log.replace(f"::add-mask::{pull_request.token}", "")
    stopped = log.split("::stop-commands::")[1]
    assert "::error::not obeyed" in stopped.split("\n::")[0]
    assert "##[" not in log


def test_ignored_event_measures_nothing(pull_request: PullRequestFixture) -> None:
    pull_request.push("Wider", {"configs/large.py": "_base_ = './_base_/net.py'\n"})
    status, log = act(pull_request, payload=pull_request.payload("closed"))
    notice = (
        "::notice::Nothing to measure for the pull request action `closed`. "
        "Measured actions: `opened`, `synchronize`, `reopened`, `ready_for_review`."
    )
    assert (status, log.splitlines()[-1]) == (0, notice)
    files = pull_request.root / f"runner{pull_request._checkouts}"
    assert json.loads((files / "event.json").read_text())["action"] == "closed"
    assert comments(pull_request) == []


def test_template_of_the_base_branch_writes_the_comment(pull_request: PullRequestFixture) -> None:
    template = "# {{ verdict }}: {{ headline }}\n{% for one in configs %}\n* {{ one.name }} {{ one.flops.text }}\n{% endfor %}\n"
    pull_request.main("A template", {"tools/comment.j2": template})
    wider = {"configs/large.py": "_base_ = './_base_/net.py'\nmodel = dict(channels=16)\n"}
    pull_request.push("Wider, and another template", {**wider, "tools/comment.j2": "All is well."})
    assert act(pull_request, comment_template="tools/comment.j2")[0] == 0
    (body,) = comments(pull_request)
    assert body.splitlines()[1:] == [
        "# pass: `large.py` costs 100.00\xa0% more FLOPs (2.56K → 5.12K).",
        "* `large.py` 5.12K (+2.56K, +100.00\xa0%)",
    ]
    status, log = act(pull_request, comment_template="tools/nothere.j2")
    assert status == 0
    (body,) = comments(pull_request)
    assert "> The template `tools/nothere.j2` failed: there is no such file at" in body
    assert "| `large.py` | 5.12K (+2.56K, +100.00\xa0%) |" in body
    assert "::warning::The comment template is not used: there is no such file" in log
