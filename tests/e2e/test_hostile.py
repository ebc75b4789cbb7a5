"""A hostile pull request: its code tries to read secrets, send workflow commands and forge measurements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.action_runs import NETS, comments, flops, flops_by_config, net, on_pull_request, report
from tests.e2e.runner import FILE_COMMANDS, Run, Runner
from tests.e2e.step_log import shown_log, workflow_commands
from tests.support.github_server import GitHubServer
from tests.support.pull_request import CREDENTIAL, PullRequestFixture

from model_complexity.publish.outputs import OUTPUTS

pytestmark = pytest.mark.e2e

HOSTILE = Path(__file__).parent / "hostile"
WATCH = 'print("WATCH lingerers:", __import__("probes").count_lingerers(), flush=True)\n' + net(8)
RUNNER_SECRETS = {
    "ACTIONS_RUNTIME_TOKEN": "secret-of-the-runtime",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret-of-the-identity",
    "GITHUB_TOKEN": "secret-of-the-environment",
    "AWS_SECRET_ACCESS_KEY": "secret-of-the-cloud",
    "PIP_EXTRA_INDEX_URL": "https://user:secret-of-the-index@example.org/simple",
}
IN_THE_EVENT = "secret-of-the-event"
TOKEN = "secret-of-the-workflow"


@pytest.fixture(scope="module")
def attacked(runner: Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Run, PullRequestFixture]]:
    """Run the action once on the hostile pull request, for all tests of this module."""
    with GitHubServer() as server:
        pull_request = PullRequestFixture(tmp_path_factory.mktemp("attacked"), server, token=TOKEN)
        base = {"nets.py": NETS, "probes.py": (HOSTILE / "probes.py").read_text()}
        pull_request.main("Honest", {**base, "configs/h_watch.py": WATCH, "configs/z_honest.py": net(8)})
        attacks = {f"configs/{path.name}": path.read_text() for path in (HOSTILE / "configs").iterdir()}
        (pull_request.clone / "model-complexity").symlink_to("/github/file_commands")
        changes = {"configs/h_watch.py": WATCH + "# again\n", "configs/z_honest.py": net(16)}
        pull_request.push("Hostile", {**attacks, **changes, "configs/0\n::error::forged.py": "_base_ = forged()\n"})
        planted: dict[str, Any] = {"extra_env": RUNNER_SECRETS, "extra_payload": {"planted": IN_THE_EVENT}}
        # One job at a time, so that output is in order. tests/integration runs several.
        yield (
            on_pull_request(runner, pull_request, inputs={"shapes": "224", "jobs": "1", "timeout": "30"}, **planted),
            pull_request,
        )


def probes(run: Run) -> dict[str, str]:
    """Map each attempt to the outcome that the hostile code printed."""
    printed = [line.split("PROBE ", 1)[1] for line in run.log.splitlines() if "| PROBE " in line]
    return dict(line.rsplit(": ", 1) for line in printed)


def test_every_attempt_is_refused(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked

    ended = probes(run)

    assert len(ended) == 2 * 28, sorted(ended)
    assert {name: end for name, end in ended.items() if end not in ("PermissionError", "{}")} == {}
    assert [name for name, end in ended.items() if end == "{}"] == ["load: variables", "build: variables"]


def test_no_secret_is_shown(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, pull_request = attacked
    files = [path for path in (run.workspace / "model-complexity").rglob("*") if path.is_file()]
    shown = [shown_log(run.log), run.summary, str(run.outputs), *(comment.body for comment in comments(pull_request))]
    shown += [path.read_text() for path in files]
    planted = (run.workspace / ".git" / "config").read_text()

    secrets = [TOKEN, CREDENTIAL, IN_THE_EVENT, *RUNNER_SECRETS.values()]

    assert CREDENTIAL in planted
    assert len(shown) == 7
    assert all(shown)
    assert [secret for secret in secrets for text in shown if secret in text] == []


def test_attack_fails_only_its_own_config(
    attacked: tuple[Run, PullRequestFixture],
) -> None:
    run, pull_request = attacked

    assert run.exit_code == 0, run.log[-5000:]
    assert flops_by_config(report(run)) == {
        "configs/0\n::error::forged.py": ("config_load", None),
        "configs/a_spy_at_load.py": ("config_load", None),
        "configs/b_spy_at_build.py": (flops(8), None),
        "configs/c_shout.py": (flops(4), None),
        "configs/d_forge.py": ("crash", None),
        "configs/e_kill_the_worker.py": ("crash", None),
        "configs/f_kill_everything.py": ("crash", None),
        "configs/g_linger.py": (flops(4), None),
        "configs/h_watch.py": (flops(8), flops(8)),
        "configs/i_flood.py": (flops(4), None),
        "configs/j_fork_bomb.py": ("timeout", None),
        "configs/z_honest.py": (flops(16), flops(8)),
    }
    (comment,) = comments(pull_request)
    assert "| 2.408M (+1.204M, +100.00\N{NO-BREAK SPACE}%) |" in comment.body


def test_runner_executes_only_the_actions_commands(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked

    commands = workflow_commands(run.log)

    names = [command.name for command in commands]
    annotated = ["warning"] * 7  # six failures, and a discovery warning
    assert names == ["add-mask", "group", "endgroup", "group", "endgroup", *annotated, "notice"]
    assert commands[0].data == TOKEN
    assert "##[" not in run.log
    assert run.log.count("the end of it") == 2


def test_hostile_output_is_printed_only_between_stop_commands(
    attacked: tuple[Run, PullRequestFixture],
) -> None:
    run, _ = attacked
    stretch = re.compile(r"^::stop-commands::([0-9a-f]{32})$.*?^::\1::$", re.MULTILINE | re.DOTALL)

    outside = stretch.sub("", run.log)

    assert len(set(stretch.findall(run.log))) == 2
    assert "\n  | " in run.log
    assert "\n  | " not in outside


def test_lingering_process_is_killed_before_the_next_config(
    attacked: tuple[Run, PullRequestFixture],
) -> None:
    run, _ = attacked

    head, base = run.log.split("::group::Measuring merge base")

    assert "| WATCH lingerers: 0\n" in head
    assert "| WATCH lingerers: 0\n" in base


def test_file_commands_have_only_the_actions_values(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked
    folder = run.workspace.parent / "_temp" / "_runner_file_commands"

    assert {path.name for path in folder.iterdir()} == {f"{stem}_1" for stem in FILE_COMMANDS.values()}
    assert run.outputs.keys() == OUTPUTS.keys()
    assert (run.outputs["configs"], run.outputs["failed"]) == ("12", "6")
    assert (run.env, run.path, (folder / "save_state_1").read_text()) == ("", "", "")
    assert run.summary.startswith("## Model complexity\n")
    assert run.summary.count("## Model complexity\n") == 1


def test_planted_symlink_is_replaced_and_not_followed(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked
    folder = run.workspace / "model-complexity"

    assert not folder.is_symlink()
    assert sorted(path.name for path in (folder / "default").iterdir()) == ["comment.md", "report.html", "report.json"]


def test_log_is_bounded(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked

    assert run.log.count("output truncated") == 1
    assert 4_000_000 < len(run.log) < 5_000_000
