"""Local usage: a real repository, the real worker, and what comes out on stdout with which exit code."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.action_runs import LIBRARY, TREE, WORKER_PYTHON, flops
from tests.support.local_repository import LocalRepository

from model_complexity import cli
from model_complexity.commands.revisions import open_working_tree, parse_range, resolve_range
from model_complexity.git.repository import Repository

POLICY = ".github/model-complexity.yml"
WIDER = "_base_ = './_base_/net.py'\nmodel = dict(channels=16)\n"


@pytest.fixture
def repo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> LocalRepository:
    (tmp_path / "zoo").mkdir()
    monkeypatch.chdir(tmp_path / "zoo")
    monkeypatch.setenv("MODEL_COMPLEXITY_PYTHON", str(WORKER_PYTHON))
    monkeypatch.delenv("COLUMNS", raising=False)
    return LocalRepository(tmp_path / "zoo", capsys)


def test_diff_compares_uncommitted_changes_with_the_merge_base(repo: LocalRepository) -> None:
    left = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.write({"configs/large.py": WIDER})
    repo.commit("Wider")
    repo.git("checkout", "--quiet", "main")
    repo.write({"nets.py": LIBRARY.replace("channels, 2, 1", "channels, 20, 1")})
    repo.commit("What main has done since is not the developer's doing")
    repo.git("checkout", "--quiet", "feature")
    repo.write(
        {
            ".gitignore": "ignored.py\n",
            "configs/small.py": TREE["configs/small.py"] + "model = dict(channels=6)\n",
            "configs/new.py": "_base_ = './large.py'\n",
            "configs/ignored.py": "_base_ = './large.py'\n",
            "configs/staged.py": "_base_ = './small.py'\n",
            "checkpoint.bin": "x" * (2**20 + 1),
        }
    )
    repo.git("add", "configs/staged.py")
    before = repo.git("status", "--porcelain"), sorted(path.name for path in (repo.root / ".git").rglob("*"))
    result = repo.run("diff", "--shape", "8", "--format", "json")
    assert result.status == 0
    assert result.flops == {
        "configs/large.py": (flops(16), flops(8)),
        "configs/new.py": (flops(16), None),
        "configs/small.py": (flops(6), flops(4)),
        "configs/staged.py": (flops(6), None),
    }
    assert (result.report.base, result.report.repository, result.report.pull_request) == (left, "zoo", None)
    head = repo.git("rev-parse", "--short=9", "HEAD")
    assert result.report.notes == (
        f"Head is the working tree on top of commit `{head}`, with uncommitted changes.",
        "Skipped 1 untracked file larger than 1 MiB.",
    )
    assert (repo.git("status", "--porcelain"), sorted(path.name for path in (repo.root / ".git").rglob("*"))) == before


def test_diff_prints_the_report_on_stdout_and_progress_on_stderr(repo: LocalRepository) -> None:
    repo.write({"configs/large.py": WIDER, "configs/exits.py": "print('[bold]::error::hello')\nexit(0)\n"})
    result = repo.run("diff", "--shape", "8")
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[0].startswith("configs/large.py costs 100.00 % more FLOPs (2.56K → 5.12K). 1 config fails to load.")
    assert "configs/large.py  (3, 8, 8)              5.12K              80             1.152K" in lines
    assert "  changed  0, weight (8, 3, 1, 1) → (16, 3, 1, 1)" in lines
    assert "  config_load: called sys.exit(0) at configs/exits.py:2" in lines
    assert "Measuring" not in result.out
    assert "\x1b" not in result.out
    assert "merge base: 1/1 configs/large.py (3, 8, 8): 2.56K flops" in result.err
    assert "  | [bold]::error::hello\n" in result.err


@pytest.mark.parametrize(
    ("written", "base", "head"),
    [
        ("{main}..feature", "main", "feature"),
        ("{main}...feature", "left", "feature"),
        ("feature~1..feature", "left", "feature"),
        ("feature..main", "feature", "main"),
        ("feature...", "left", "main"),
        ("v1", "left", "main"),
        ("", "main", "main"),
    ],
)
def test_resolve_range_finds_the_commits(
    repo: LocalRepository, tmp_path: Path, written: str, base: str, head: str
) -> None:
    """The checkout is on main, with nothing that is not committed."""
    left = repo.git("rev-parse", "HEAD")
    repo.git("tag", "-a", "v1", "-m", "A release, with a tag of its own")
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.write({"configs/large.py": WIDER})
    feature = repo.commit("Wider")
    repo.git("checkout", "--quiet", "main")
    repo.write({"configs/large.py": WIDER.replace("16", "20")})
    main = repo.commit("Wider on main")
    clone = open_working_tree(repo.root / "configs", tmp_path)
    resolved = resolve_range(
        clone, Repository.open(clone.root, tmp_path / "git"), parse_range(written.format(main=main[:10]))
    )
    commits = {"left": left, "feature": feature, "main": main}
    assert (resolved.base, resolved.head, resolved.head_checkout) == (
        commits[base],
        commits[head],
        commits[head],
    )
    assert resolved.notes == (("Nothing differs from `main`.",) if base == head else ())
    tips = {"{main}...feature": main, "feature...": feature}
    assert resolved.base_tip == tips.get(written, commits[base]), "whose policy applies"


def test_diff_works_in_a_subfolder_of_a_linked_worktree(
    repo: LocalRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.git("update-ref", "refs/remotes/origin/trunk", "HEAD")
    repo.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    repo.write({"configs/large.py": WIDER})
    repo.commit("On main, and not pushed")
    repo.git("worktree", "add", "--quiet", str(tmp_path / "linked"), "-b", "feature")
    monkeypatch.chdir(tmp_path / "linked" / "configs")
    Path("large.py").write_text(WIDER.replace("16", "32"))
    result = repo.run("diff", "--shape", "8", "--format", "json")
    assert result.flops == {"configs/large.py": (flops(32), flops(8))}


def test_check_applies_the_policy_of_the_base(repo: LocalRepository) -> None:
    assert repo.run("check").out.startswith("There is no policy, so no budget is checked.")
    repo.write({POLICY: "shapes: 8\nbudgets: [{metric: flops, max: 5K}]\n"})
    repo.commit("A policy")
    repo.write({"configs/large.py": WIDER, POLICY: "budgets: [{metric: flops, max: 5T}]\n"})
    result = repo.run("check")
    assert result.status == 1
    assert result.out.startswith("Budgets: EXCEEDED. configs/large.py exceeds its budget with 5.12K FLOPs")
    assert "  exceeded (fail)  configs/large.py at (3, 8, 8): flops 5.12K, 2.56K at the base, max 5K\n" in result.out
    assert "Note: This pull request changes the policy. The base branch's policy applies.\n" in result.out
    tried = repo.run("check", "--policy", POLICY, "--shape", "8")
    assert (tried.status, tried.out.split(".")[0]) == (0, "Budgets: within limits")
    repo.write({"configs/large.py": WIDER.replace("16", "15")})
    assert (
        "  near the limit  configs/large.py at (3, 8, 8): flops 4.8K, 2.56K at the base, max 5K\n"
        in repo.run("check").out
    )


def test_check_fails_for_a_failing_config_when_fail_on_error_is_set(repo: LocalRepository) -> None:
    repo.write({"configs/broken.py": "model = (\n"})
    assert repo.run("check").status == 0
    assert repo.run("check", "--fail-on-error").status == 1


def test_check_syntax_validates_the_policy_file(repo: LocalRepository) -> None:
    repo.write({POLICY: "shapes: 8\nbudgets:\n  - metric: flop\n    max: 5K\n", "good.yml": "jobs: 1\n"})
    result = repo.run("check", "--syntax")
    assert (result.status, result.err) == (1, "")
    assert result.out == (
        f"{repo.root}/{POLICY}: line 3, column 13: budgets[0].metric: 'flop' is not one of flops, params, activations. "
        "Did you mean `flops`?\n"
    )
    result = repo.run("check", "--policy", "good.yml", "--syntax")
    assert result == (0, "good.yml is valid. Budgets: 0, known exceptions: 0.\n", "")
    result = repo.run("check", "--policy", POLICY)
    assert (result.status, "line 3, column 13" in result.err) == (2, True)
    assert repo.run("check", "--policy", "nowhere.yml").err.startswith(
        "model-complexity: error: cannot read the policy nowhere.yml: No such file or directory.\n"
    )


def test_measure_prints_the_module_table_of_the_working_tree(repo: LocalRepository) -> None:
    repo.write(
        {"configs/large.py": WIDER, ".gitignore": "*.py\n", "nets.py": LIBRARY.replace("channels, 2", "channels, 3")}
    )
    result = repo.run("measure", "configs/large.py", "--shape", "8")
    assert result.status == 0
    assert result.out.splitlines()[:4] == ["=" * 30, "Input shape: (3, 8, 8)", "Flops: 6.144K", "Params: 96"]
    assert "|   0.weight |   (16, 3, 1, 1)        |          |                |" in result.out.splitlines()
    assert repo.git("status", "--porcelain") == "M configs/large.py\n M nets.py\n?? .gitignore"


def test_measure_takes_several_configs_and_shapes(repo: LocalRepository) -> None:
    repo.write({"configs/broken.py": "model = (\n"})
    files = ["configs/small.py", "configs/broken.py", str(repo.root / "configs/small.py")]
    result = repo.run("measure", *files, "--shape", "8", "--shape", "16x8")
    assert result.status == 1
    titles = [line for line in result.out.splitlines() if re.match("configs/.* at ", line)]
    assert titles[:2] == ["configs/small.py at (3, 8, 8)", "configs/small.py at (3, 16, 8)"]
    assert "  config_syntax: configs/broken.py:1: '(' was never closed" in result.out.splitlines()
    report = repo.run("measure", *files, "--shape", "8", "--format", "json").report
    assert [entry.target.name for entry in report.entries] == ["configs/small.py", "configs/broken.py"]


def test_measure_prints_what_get_flops_prints(repo: LocalRepository) -> None:
    """To the last byte, with an operator that is not counted too."""
    uncounted = LIBRARY + (
        "    def forward(self, x):\n"
        "        import torch\n"
        "        flat = super().forward(x).flatten(2)\n"
        "        return torch.cholesky_inverse(flat @ flat.transpose(1, 2))\n"
    )
    repo.write({"nets.py": uncounted})
    result = repo.run("measure", "configs/small.py", "--shape", "8")
    script = Path(__file__).parents[2] / "scripts" / "get_flops.py"
    command = [str(WORKER_PYTHON), str(script), "configs/small.py", "--shape", "8"]
    page = subprocess.run(command, check=True, capture_output=True, text=True, cwd=repo.root)
    assert (result.status, result.out) == (0, page.stdout)
    operator = "aten::cholesky_inverse ×1 in the model itself (a solver or decomposition)"
    assert f"Not counted in configs/small.py at (3, 8, 8): {operator}.\n" in result.err
    assert "cholesky_inverse" in page.stderr


SLOW = """
os = __import__('os')
time = __import__('time')
pids = [os.getpid(), os.fork()]
if pids[1] == 0:
    os.setsid()
    time.sleep(300)
if os.fork() == 0:
    open({there!r} + '.part', 'w').write(' '.join(map(str, pids)))
    os.rename({there!r} + '.part', {there!r})
    os._exit(0)
time.sleep(300)
"""
INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # the caller of the tests may ignore it
from model_complexity.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_command_leaves_nothing_behind(
    repo: LocalRepository, tmp_path: Path, sent: signal.Signals, status: int
) -> None:
    there, temporary = tmp_path / "pids", tmp_path / "temporary"
    temporary.mkdir()
    repo.write({"configs/slow.py": SLOW.format(there=str(there))})
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1]), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", INTERRUPTIBLE, "measure", "configs/slow.py", "--shape", "8"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert soon(there.exists, 100)
        assert list(temporary.iterdir()) != []
        process.send_signal(sent)
        out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (status, b"")
    assert list(temporary.iterdir()) == []
    for pid in there.read_text().split():
        assert soon(lambda pid=pid: not runs(pid), 10), pid  # type: ignore[misc]


def soon(happened: Callable[[], bool], seconds: float) -> bool:
    until = time.monotonic() + seconds
    while not happened() and time.monotonic() < until:
        time.sleep(0.1)
    return happened()


def runs(pid: str) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_measure_works_outside_of_a_repository(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets.py").write_text(LIBRARY)
    (tmp_path / "net.py").write_text(TREE["configs/_base_/net.py"])
    assert cli.main(["measure", "net.py", "--shape", "8", "--python", str(WORKER_PYTHON)]) == 0
    assert "Flops: 1.28K" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["measure", "configs/none.py"], "config configs/none.py does not exist. Pass the paths"),
        (["measure", "configs/caf\udce9.py"], "the name of config configs/caf\ufffd.py is not UTF-8. Rename the file."),
        (["measure", "configs"], "config configs is a folder. Pass the paths"),
        (["measure", str(WORKER_PYTHON)], f"config {WORKER_PYTHON} is outside of "),
        (
            ["measure", "configs/small.py", "--python", "no-such"],
            "there is no Python interpreter 'no-such'. Check --python",
        ),
        (["diff", "nope"], "'nope' is not a commit of this repository. Name a branch"),
        (["diff", "-nope"], "unrecognized arguments: -nope"),
        (["diff", "main..nope"], "'nope' is not a commit of this repository. Name a branch"),
        (["diff", "a..b..c"], "'a..b..c' is not a range of commits. Write BASE"),
        (["diff", "main...orphan"], "main and orphan have no common ancestor in this clone. Run git fetch --unshallow"),
    ],
)
def test_error_says_what_to_do(
    repo: LocalRepository, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(os.fsdecode(b"configs/caf\xe9.py")).touch()
    repo.git("checkout", "--quiet", "--orphan", "orphan")
    repo.commit("Another history")
    try:
        status, out, err = repo.run(*arguments)
    except SystemExit as ended:
        status, (out, err) = int(str(ended.code)), capsys.readouterr()
    assert (status, out) == (2, "")
    assert message in " ".join(err.split())


def test_error_has_the_pip_command_when_torch_is_missing(
    repo: LocalRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODEL_COMPLEXITY_PYTHON")
    repo.write({"configs/large.py": WIDER})
    result = repo.run("diff")
    assert (result.status, result.out) == (2, "")
    assert "has no torch, fvcore, mmengine.\n" in result.err
    assert "-m pip install 'torch' 'fvcore==" in result.err


def test_diff_fails_outside_of_a_repository_and_without_commits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["diff"]) == 2
    assert capsys.readouterr().err.startswith(
        f"model-complexity: error: {tmp_path} is not in a git repository.\nRun this"
    )
    subprocess.run(["git", "init", "--quiet"], check=True)
    assert cli.main(["diff"]) == 2
    assert "No default branch found (tried origin/HEAD, main, master).\nPass BASE." in capsys.readouterr().err


def test_cli_is_the_action_without_a_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("GITHUB_")]:
        monkeypatch.delenv(name)
    assert cli.main([]) == 2
    assert capsys.readouterr().out.startswith("::error title=Model Complexity::the environment variable GITHUB_")
