"""A pull request that attacks from inside: its configs and models try to read secrets, speak to the runner and falsify others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.log import obeyed, visible
from tests.e2e.runner import FILE_COMMANDS, Run, Runner
from tests.e2e.scene import NETS, comments, figures, flops, net, on_pull_request, report
from tests.support.github_server import GitHubServer
from tests.support.pull_request import CREDENTIAL, PullRequestFixture

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
    """One run over the hostile pull request, which all tests of this module look at."""
    with GitHubServer() as server:
        pull_request = PullRequestFixture(tmp_path_factory.mktemp("attacked"), server, token=TOKEN)
        base = {"nets.py": NETS, "probes.py": (HOSTILE / "probes.py").read_text()}
        pull_request.main("Honest", {**base, "configs/h_watch.py": WATCH, "configs/z_honest.py": net(8)})
        attacks = {f"configs/{path.name}": path.read_text() for path in (HOSTILE / "configs").iterdir()}
        (pull_request.clone / "model-complexity").symlink_to("/github/file_commands")
        changes = {"configs/h_watch.py": WATCH + "# again\n", "configs/z_honest.py": net(16)}
        pull_request.push("Hostile", {**attacks, **changes, "configs/0\n::error::forged.py": "_base_ = forged()\n"})
        told: dict[str, Any] = {"extra_env": RUNNER_SECRETS, "extra_payload": {"planted": IN_THE_EVENT}}
        # One at a time, so that what is printed can be read line by line; tests/integration has them side by side.
        yield (
            on_pull_request(runner, pull_request, inputs={"shapes": "224", "jobs": "1", "timeout": "30"}, **told),
            pull_request,
        )


def probes(run: Run) -> dict[str, str]:
    """Attempt -> how it ended, as the hostile code said in the log."""
    said = [line.split("PROBE ", 1)[1] for line in run.log.splitlines() if "| PROBE " in line]
    return dict(line.rsplit(": ", 1) for line in said)


def test_every_attempt_is_refused(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked

    ended = probes(run)

    assert len(ended) == 2 * 28, sorted(ended)
    assert {name: end for name, end in ended.items() if end not in ("PermissionError", "{}")} == {}
    assert [name for name, end in ended.items() if end == "{}"] == ["load: variables", "build: variables"]


def test_no_secret_is_in_anything_that_is_shown(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, pull_request = attacked
    files = [path for path in (run.workspace / "model-complexity").rglob("*") if path.is_file()]
    shown = [visible(run.log), run.summary, str(run.outputs), *(comment.body for comment in comments(pull_request))]
    shown += [path.read_text() for path in files]
    planted = (run.workspace / ".git" / "config").read_text()

    secrets = [TOKEN, CREDENTIAL, IN_THE_EVENT, *RUNNER_SECRETS.values()]

    assert CREDENTIAL in planted
    assert len(shown) == 7
    assert all(shown)
    assert [secret for secret in secrets for text in shown if secret in text] == []


def test_the_honest_config_has_its_figures_and_each_attack_costs_only_itself(
    attacked: tuple[Run, PullRequestFixture],
) -> None:
    run, pull_request = attacked

    assert run.exit_code == 0, run.log[-5000:]
    assert figures(report(run)) == {
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


def test_the_runner_obeys_only_what_is_ours(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked

    commands = obeyed(run.log)

    names = [command.name for command in commands]
    annotated = ["warning"] * 7  # six failures, and a file that could not be read for inheritance
    assert names == ["add-mask", "group", "endgroup", "group", "endgroup", *annotated, "notice"]
    assert commands[0].data == TOKEN
    assert "##[" not in run.log
    assert run.log.count("the end of it") == 2


def test_whatever_the_hostile_code_prints_stands_where_the_runner_obeys_nothing(
    attacked: tuple[Run, PullRequestFixture],
) -> None:
    run, _ = attacked
    stretch = re.compile(r"^::stop-commands::([0-9a-f]{32})$.*?^::\1::$", re.MULTILINE | re.DOTALL)

    outside = stretch.sub("", run.log)

    assert len(set(stretch.findall(run.log))) == 2
    assert "\n  | " in run.log
    assert "\n  | " not in outside


def test_what_was_left_running_is_dead_before_the_next_config_is_measured(
    attacked: tuple[Run, PullRequestFixture],
) -> None:
    run, _ = attacked

    head, base = run.log.split("::group::Measuring merge base")

    assert "| WATCH lingerers: 0\n" in head
    assert "| WATCH lingerers: 0\n" in base


def test_the_runners_files_hold_only_our_words(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked
    folder = run.workspace.parent / "_temp" / "_runner_file_commands"

    assert {path.name for path in folder.iterdir()} == {f"{stem}_1" for stem in FILE_COMMANDS.values()}
    figures = {"verdict", "flops-delta", "params-delta", "results"}
    assert run.outputs.keys() == {"report", "configs", "failed", "comment-url"} | figures
    assert (run.outputs["configs"], run.outputs["failed"]) == ("12", "6")
    assert (run.env, run.path, (folder / "save_state_1").read_text()) == ("", "", "")
    assert run.summary.startswith("## Model complexity\n")
    assert run.summary.count("## Model complexity\n") == 1


def test_the_planted_link_is_replaced_and_not_followed(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked
    ours = run.workspace / "model-complexity"

    assert not ours.is_symlink()
    assert sorted(path.name for path in (ours / "default").iterdir()) == ["comment.md", "report.html", "report.json"]


def test_the_log_stays_bounded(attacked: tuple[Run, PullRequestFixture]) -> None:
    run, _ = attacked

    assert run.log.count("output truncated") == 1
    assert 4_000_000 < len(run.log) < 5_000_000
