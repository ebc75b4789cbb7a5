"""The private repository, on real git repositories: fetches, changed files, checkouts."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from model_complexity.errors import ActionError
from model_complexity.git import ChangedFile, Remote, Repository, UnreadableFileError

NONE = "0" * 40


def git(folder: Path, *arguments: str) -> str:
    """Run git as a user would, without this machine's configuration."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, files: dict[str, str | None]) -> str:
    """Write files, or remove those that are None, commit, and return the SHA."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text, encoding="utf-8")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    return folder


@pytest.fixture
def forked(origin: Path) -> tuple[str, str, str]:
    """Return the fork point, main's tip and the tip of the branch that is checked out."""
    point = commit(origin, {"a.py": "a = 1\n", "b.py": "b = 1\n"})
    tip = commit(origin, {"main.py": "x = 1\n"})
    git(origin, "checkout", "--quiet", "-b", "branch", point)
    return point, tip, commit(origin, {"a.py": "a = 2\n", "c.py": "c = 1\n"})


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_full_clone_has_all_commits_and_stays_unchanged(
    origin: Path, tmp_path: Path, forked: tuple[str, str, str]
) -> None:
    point, tip, head = forked
    before = snapshot(origin)
    repository = Repository.open(origin, tmp_path / "private")
    assert repository.has(head)
    assert not repository.has(NONE)
    assert not repository.is_shallow
    assert repository.merge_base(tip, head) == point
    assert repository.merge_base(tip, NONE) is None
    assert repository.changed_files(point, head) == (
        ChangedFile("a.py", "a.py", "modified"),
        ChangedFile("c.py", None, "added"),
    )
    trees = [repository.checkout(sha, tmp_path / sha) for sha in (point, head)]
    assert [(tree / "a.py").read_text() for tree in trees] == ["a = 1\n", "a = 2\n"]
    assert snapshot(origin) == before


def test_read_returns_one_file_at_a_commit(origin: Path, tmp_path: Path) -> None:
    (origin / ".gitattributes").write_text("*.txt text eol=crlf ident\n")
    (origin / "link.txt").symlink_to("a.txt")
    head = commit(origin, {"a.txt": "$Id$\n", "empty": "", "x*": "star", "folder/b.txt": "b"})
    repository = Repository.open(origin, tmp_path / "private")
    assert repository.read(head, "a.txt", 5) == b"$Id$\n", "the stored bytes: no filter runs"
    assert repository.read(head, "empty", 5) == b""
    assert [repository.read(head, path, 5) for path in ("gone.txt", "a", "*.txt", "folder/c.txt")] == [None] * 4
    for path, reason in {
        "link.txt": "not a regular",
        "folder": "not a regular",
        "folder/b.txt": "larger than 0",
    }.items():
        with pytest.raises(UnreadableFileError, match=reason):
            repository.read(head, path, 0)
    with pytest.raises(ActionError, match="cannot be read"):
        repository.read(NONE, "a.txt", 5)


def test_merge_base_is_none_for_unrelated_histories(origin: Path, tmp_path: Path, forked: tuple[str, str, str]) -> None:
    git(origin, "checkout", "--quiet", "--orphan", "other")
    other = commit(origin, {"z.py": ""})
    assert Repository.open(origin, tmp_path / "private").merge_base(forked[0], other) is None


def test_changed_files_have_renames_and_odd_names(origin: Path, tmp_path: Path) -> None:
    body = "".join(f"line {number}\n" for number in range(50))
    base = commit(origin, {"old.py": body, "gone.py": "gone", "café\n'x'.py": "1", "link.py": "1", "mode.py": "1"})
    (origin / "link.py").unlink()
    (origin / "link.py").symlink_to("mode.py")
    (origin / "mode.py").chmod(0o755)
    files = {"old.py": None, "gone.py": None, "n/new.py": f"{body}more\n", "café\n'x'.py": "2", '"\t.py': "3"}
    head = commit(origin, files)
    changes = Repository.open(origin, tmp_path / "private").changed_files(base, head)
    assert set(changes) == {
        ChangedFile("n/new.py", "old.py", "renamed"),
        ChangedFile(None, "gone.py", "deleted"),
        ChangedFile("café\n'x'.py", "café\n'x'.py", "modified"),
        ChangedFile('"\t.py', None, "added"),
        ChangedFile("link.py", "link.py", "modified"),
        ChangedFile("mode.py", "mode.py", "modified"),
    }


def test_changed_files_exceed_the_limit_of_the_api(origin: Path, tmp_path: Path) -> None:
    base = commit(origin, {f"old/{number}.py": f"{number}\n" * 9 for number in range(3_100)})
    git(origin, "mv", "old", "new")
    head = commit(origin, {f"added/{number}.py": "" for number in range(100)})
    changes = Repository.open(origin, tmp_path / "private").changed_files(base, head)
    assert len(changes) == 3_200
    assert {change for change in changes if change.status == "renamed"} == {
        ChangedFile(f"new/{number}.py", f"old/{number}.py", "renamed") for number in range(3_100)
    }


def test_repository_runs_nothing_of_the_checkout(origin: Path, tmp_path: Path, forked: tuple[str, str, str]) -> None:
    point, _, _ = forked
    mark = tmp_path / "ran"
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\necho \"$0 $@\" >> '{mark}'\ncat\n")
    trap.chmod(0o755)
    attributes = "* filter=trap diff=trap textconv=trap merge=trap\n"
    head = commit(origin, {".gitattributes": attributes, "a.py": "a = 3\n"})
    for key in ("core.fsmonitor", "diff.external", "diff.trap.textconv", "diff.trap.command", "filter.trap.smudge",
                "filter.trap.clean", "filter.trap.process", "core.sshCommand", "core.pager", "core.alternateRefsCommand",
                "credential.helper", "uploadpack.packObjectsHook", "gpg.program"):  # fmt: skip
        git(origin, "config", key, str(trap))
    for hook in ("post-checkout", "reference-transaction", "post-index-change", "pre-auto-gc", "fsmonitor-watchman"):
        (origin / ".git/hooks").mkdir(exist_ok=True)
        (origin / ".git/hooks" / hook).symlink_to(trap)
    (origin / ".git/config").write_text((origin / ".git/config").read_text() + "[include]\n\tpath = /nonexistent\n")
    clone = tmp_path / "clone.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(origin), str(clone))
    mark.unlink(missing_ok=True)

    repository = Repository.open(origin, tmp_path / "private", Remote(f"file://{clone}"))
    repository.has(head)
    repository.merge_base(point, head)
    assert len(repository.changed_files(point, head)) == 3
    assert repository.fetch(point)
    assert (repository.checkout(head, tmp_path / "tree") / "a.py").read_text() == "a = 3\n"
    assert not mark.exists()
    git(origin, "status")
    assert "fsmonitor" in mark.read_text() or "trap" in mark.read_text()  # the trap works where git obeys the checkout


def test_repository_ignores_git_environment_variables(
    origin: Path, tmp_path: Path, forked: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_OBJECT_DIRECTORY", "GIT_EXTERNAL_DIFF", "GIT_EXEC_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'diff.noprefix=")
    repository = Repository.open(origin, tmp_path / "private")
    assert len(repository.changed_files(forked[0], forked[2])) == 2


def test_repository_opens_a_linked_worktree(origin: Path, tmp_path: Path, forked: tuple[str, str, str]) -> None:
    git(origin, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), forked[1])
    repository = Repository.open(tmp_path / "linked", tmp_path / "private")
    assert repository.merge_base(forked[1], forked[2]) == forked[0]


def test_repository_opens_a_checkout_of_another_user(
    origin: Path, tmp_path: Path, forked: tuple[str, str, str]
) -> None:
    if os.getuid() == 0:
        for path in (origin, origin / ".git"):
            os.chown(path, 65_534, 65_534)
    assert Repository.open(origin, tmp_path / "private").has(forked[2])


def test_repository_supports_sha256(tmp_path: Path) -> None:
    folder = tmp_path / "modern"
    folder.mkdir()
    git(folder, "init", "--quiet", "--object-format=sha256")
    base, head = commit(folder, {"a.py": "1"}), commit(folder, {"a.py": "2"})
    repository = Repository.open(folder, tmp_path / "private")
    assert len(head) == 64
    assert repository.merge_base(base, head) == base
    assert repository.changed_files(base, head) == (ChangedFile("a.py", "a.py", "modified"),)


def test_shallow_clone_fetches_missing_commits(origin: Path, tmp_path: Path, forked: tuple[str, str, str]) -> None:
    point, tip, head = forked
    url = f"file://{origin}"
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=branch", url, "shallow")
    before = snapshot(tmp_path / "shallow")
    repository = Repository.open(tmp_path / "shallow", tmp_path / "private", Remote(url))
    assert repository.is_shallow
    assert [repository.has(sha) for sha in (point, tip, head)] == [False, False, True]
    assert repository.merge_base(tip, head) is None
    assert repository.fetch(point, tip)
    assert repository.fetch_problem == ""
    assert [repository.has(sha) for sha in (point, tip, head)] == [True, True, True]
    assert [change.path for change in repository.changed_files(point, head)] == ["a.py", "c.py"]
    assert (repository.checkout(point, tmp_path / "base") / "a.py").read_text() == "a = 1\n"
    assert snapshot(tmp_path / "shallow") == before


@pytest.mark.parametrize("kind", ["blob:none", "tree:0"])
def test_partial_clone_lacks_incomplete_commits(
    origin: Path, tmp_path: Path, forked: tuple[str, str, str], kind: str
) -> None:
    point, tip, head = forked
    url = f"file://{origin}"
    git(tmp_path, "clone", "--quiet", "--no-checkout", f"--filter={kind}", "--branch=branch", url, "partial")
    repository = Repository.open(tmp_path / "partial", tmp_path / "private", Remote(url))
    assert not repository.has(head)
    with pytest.raises(ActionError):
        repository.checkout(head, tmp_path / "early")
    git(tmp_path / "partial", "fetch", "--quiet", "origin", "main")
    assert repository.merge_base(tip, head) == point
    assert repository.fetch(head, point)
    assert repository.has(head)
    assert (repository.checkout(head, tmp_path / "late") / "a.py").read_text() == "a = 2\n"
    assert [change.path for change in repository.changed_files(point, head)] == ["a.py", "c.py"]


def test_checkout_keeps_symbolic_links(origin: Path, tmp_path: Path) -> None:
    (origin / "link.py").symlink_to("/etc/passwd")
    tree = Repository.open(origin, tmp_path / "private").checkout(commit(origin, {"a.py": "1"}), tmp_path / "tree")
    assert (tree / "link.py").readlink() == Path("/etc/passwd")


@pytest.mark.parametrize("sha", ["", "HEAD", "--help", "abc", f"{NONE}\n", f"{NONE}0", "A" * 40, f"{NONE}:a.py"])
def test_anything_but_a_full_sha_is_an_error(
    origin: Path, tmp_path: Path, sha: str, forked: tuple[str, str, str]
) -> None:
    repository = Repository.open(origin, tmp_path / "private", Remote(f"file://{origin}"))
    calls = (
        lambda: repository.has(sha),
        lambda: repository.fetch(sha),
        lambda: repository.merge_base(forked[0], sha),
        lambda: repository.changed_files(sha, forked[0]),
        lambda: repository.checkout(sha, tmp_path / "tree"),
    )
    for call in calls:
        with pytest.raises(ActionError, match="full SHA"):
            call()


def test_failure_has_a_message_and_advice(origin: Path, tmp_path: Path, forked: tuple[str, str, str]) -> None:
    with pytest.raises(ActionError, match=r"is not a git checkout.*actions/checkout"):
        Repository.open(tmp_path, tmp_path / "private")
    repository = Repository.open(origin, tmp_path / "private")
    with pytest.raises(ActionError, match=f"Commit {NONE} cannot be checked out"):
        repository.checkout(NONE, tmp_path / "tree")
    with pytest.raises(ActionError, match="changed files cannot be listed"):
        repository.changed_files(NONE, forked[0])
    with pytest.raises(ActionError, match="cannot be checked out"):
        repository.checkout(forked[0], origin)
    assert not repository.fetch(NONE)
    assert repository.fetch_problem == "The repository has no remote to fetch from."


@pytest.mark.parametrize("url", ["ext::sh -c id", "-u", "ssh://a/b", "git@github.com:a/b", "https://a\n/b", "../a"])
def test_remote_rejects_urls_of_other_schemes(url: str) -> None:
    with pytest.raises(ActionError, match="must start with https://"):
        Remote(url)


class ForbiddenHandler(BaseHTTPRequestHandler):
    """Answer 403 to every request, or redirect those for /moved, and record the requests."""

    requests: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.requests.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(302 if self.path.startswith("/moved") else 403)
        self.send_header("Location", f"http://localhost:{self.server.server_port}/elsewhere/info/refs")  # type: ignore[attr-defined]
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Log nothing."""


@pytest.fixture
def forbidden_server() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    handler = type("Handler", (ForbiddenHandler,), {"requests": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.requests  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def test_token_is_sent_to_the_remote_only(
    origin: Path, tmp_path: Path, forked: tuple[str, str, str], forbidden_server: tuple[str, list[tuple[str, str]]]
) -> None:
    url, requests = forbidden_server
    secret = "ghs_secret"
    encoded = base64.b64encode(f"x-access-token:{secret}".encode()).decode()
    seen: list[str] = []
    for path in ("/shut", f"/{secret}/{encoded}", "/moved"):
        remote = Remote(f"{url}{path}", secret)
        repository = Repository.open(origin, tmp_path / f"private{len(seen)}", remote)
        assert not repository.fetch(forked[0])
        seen.append(f"{repository.fetch_problem} {repr(remote).replace(path, '')}")
    assert [path.partition("?")[0] for path, _ in requests] == [
        "/shut/info/refs",
        f"/{secret}/{encoded}/info/refs",
        "/moved/info/refs",
    ]
    assert {authorization for _, authorization in requests} == {f"Basic {encoded}"}
    assert "403" in seen[0]
    assert re.search(r"/\*\*\*/\*\*\*/", seen[1])
    assert secret not in "".join(seen)
    assert encoded not in "".join(seen)
    kept = [path for path in tmp_path.glob("private*/**/*") if path.is_file()]
    assert [path for path in kept if encoded.encode() in path.read_bytes()] == []


def test_token_is_in_no_argument_list(
    origin: Path, tmp_path: Path, forked: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    log = tmp_path / "argv"
    wrapper = tmp_path / "bin/git"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> \'{log}\'\nPATH=${{PATH#*:}} exec git "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    repository = Repository.open(origin, tmp_path / "private", Remote(f"file://{origin}", "ghs_secret"))
    assert repository.fetch(forked[0])
    logged = log.read_text()
    assert "fetch --quiet" in logged
    assert "ghs_" not in logged
    assert base64.b64encode(b"x-access-token:ghs_secret").decode() not in logged


def test_git_is_killed_with_its_children_after_the_timeout(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = Repository.open(origin, tmp_path / "private")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text("#!/bin/sh\nsleep 600 & wait\n")
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr("model_complexity.git.run.TIMEOUT", 0.5)
    with pytest.raises(ActionError, match="git rev-list took longer than"):
        repository.has(NONE)


def test_fetch_works_after_one_that_timed_out(origin: Path, tmp_path: Path, forked: tuple[str, str, str]) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=1", "--branch=branch", f"file://{origin}", "shallow")
    repository = Repository.open(tmp_path / "shallow", tmp_path / "private", Remote(f"file://{origin}"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text('#!/bin/sh\n: > "$GIT_DIR/shallow.lock"\nsleep 600 & wait\n')
    (tmp_path / "bin/git").chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        patch.setattr("model_complexity.git.run.TIMEOUT", 2.0)
        assert not repository.fetch(forked[0])
    assert repository.fetch_problem == "git fetch took longer than 2 seconds."
    assert (tmp_path / "private/repository.git/shallow").is_file()
    assert repository.fetch(forked[0])
    assert repository.fetch_problem == ""


def test_missing_git_is_an_error(origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ActionError, match="git cannot be started"):
        Repository.open(origin, tmp_path / "private")
