"""The working tree as a commit. Nothing in the checkout is run or written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from model_complexity.git import Repository, WorkingTree


class Checkout:
    """A real checkout with a private repository."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root, self.home = root, home
        root.mkdir()
        home.mkdir()
        self.git("init", "--quiet", "-b", "main")
        for name in ("kept", "edited", "deleted", "moved"):
            (root / name).write_text(f"{name}\n")
        self.git("add", "--all")
        self.commit()

    def git(self, *arguments: str, check: bool = True) -> str:
        identity = {f"GIT_{who}_{what}": "octo@cat" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **identity}
        done = subprocess.run(["git", *arguments], cwd=self.root, check=check, capture_output=True, env=environment)
        return done.stdout.decode().strip()

    def commit(self) -> str:
        self.git("commit", "--quiet", "-m", "x")
        return self.git("rev-parse", "HEAD")

    def files(self) -> dict[Path, bytes]:
        """All files with their contents, including git's."""
        return {path: path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def snapshot(self) -> tuple[dict[str, str], int]:
        """The files of the working tree's commit with their contents, and the number of skipped files."""
        working_tree = WorkingTree.discover(self.root, self.home)
        assert working_tree is not None
        repository = Repository.open(working_tree.root, self.home / "git")
        head = self.git("rev-parse", "HEAD")
        sha, skipped = working_tree.snapshot(repository, head)
        tree = repository.checkout(sha, self.home / "tree")
        snapshot_files = {
            path.relative_to(tree).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_text()
            for path in tree.rglob("*")
            if path.name != ".git" and (path.is_symlink() or path.is_file())
        }
        return snapshot_files, skipped


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout", tmp_path / "home")


BEFORE = {name: f"{name}\n" for name in ("kept", "edited", "deleted", "moved")}


def test_snapshot_is_head_when_nothing_differs(checkout: Checkout) -> None:
    working_tree = WorkingTree.discover(checkout.root, checkout.home)
    assert working_tree is not None
    head = checkout.git("rev-parse", "HEAD")
    (checkout.root / "kept").touch()
    assert working_tree.snapshot(Repository.open(working_tree.root, checkout.home / "git"), head) == (head, 0)


def test_snapshot_has_edits_deletions_moves_and_new_files(checkout: Checkout) -> None:
    root = checkout.root
    (root / "edited").write_text("staged\n")
    checkout.git("add", "edited")
    (root / "edited").write_text("and edited again\n")
    (root / "deleted").unlink()
    checkout.git("mv", "moved", "elsewhere")
    (root / "new folder").mkdir()
    (root / "new folder" / "[é]*\n.py").write_text("new\n")
    (root / "link").symlink_to("/etc/hostname")
    (root / "large").write_text("x" * (2**20 + 1))
    (root / "nested").mkdir()
    subprocess.run(["git", "init", "--quiet", str(root / "nested")], check=True)
    snapshot_files, skipped = checkout.snapshot()
    assert snapshot_files == {
        "kept": "kept\n",
        "edited": "and edited again\n",
        "elsewhere": "moved\n",
        "new folder/[é]*\n.py": "new\n",
        "link": "/etc/hostname",
    }
    assert skipped == 2, "the large file and the repository in a folder"


def test_snapshot_skips_ignored_files(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout.root / ".gitignore").write_text("a.py\n")
    (checkout.root / ".git" / "info" / "exclude").write_text("b.py\n")
    (checkout.home / "config" / "git").mkdir(parents=True)
    (checkout.home / "config" / "git" / "ignore").write_text("c.py\n")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(checkout.home / "config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for name in "abcd":
        (checkout.root / f"{name}.py").write_text(name)
    assert checkout.snapshot() == ({**BEFORE, ".gitignore": "a.py\n", "d.py": "d"}, 0)
    checkout.git("config", "core.excludesFile", str(checkout.home / "mine"))
    (checkout.home / "mine").write_text("d.py\n")
    (checkout.home / "git").rename(checkout.home / "old")
    (checkout.home / "tree").rename(checkout.home / "old tree")
    assert set(checkout.snapshot()[0]) == {*BEFORE, ".gitignore", "c.py"}


def test_snapshot_has_conflict_markers(checkout: Checkout) -> None:
    checkout.git("checkout", "--quiet", "-b", "other")
    (checkout.root / "edited").write_text("theirs\n")
    checkout.git("commit", "--quiet", "--all", "-m", "theirs")
    checkout.git("checkout", "--quiet", "main")
    (checkout.root / "edited").write_text("ours\n")
    checkout.git("commit", "--quiet", "--all", "-m", "ours")
    checkout.git("merge", "other", check=False)
    snapshot_files, _ = checkout.snapshot()
    assert "<<<<<<<" in snapshot_files["edited"]
    assert checkout.git("ls-files", "--unmerged") != "", "still to be resolved"


def test_snapshot_runs_and_writes_nothing_in_the_checkout(checkout: Checkout) -> None:
    mark = checkout.home / "ran"
    script = checkout.home / "script"
    script.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    script.chmod(0o755)
    (checkout.root / ".gitattributes").write_text("*.py filter=evil\n")
    for name, value in {
        "filter.evil.clean": str(script),
        "filter.evil.smudge": str(script),
        "filter.evil.process": str(script),
        "core.fsmonitor": str(script),
    }.items():
        checkout.git("config", name, value)
    for hook in ("post-index-change", "pre-commit", "post-checkout", "reference-transaction"):
        (checkout.root / ".git" / "hooks").mkdir(exist_ok=True)
        (checkout.root / ".git" / "hooks" / hook).symlink_to(script)
    (checkout.root / "a.py").write_text("unfiltered\n")
    mark.unlink(missing_ok=True)
    before = checkout.files()
    assert checkout.snapshot()[0]["a.py"] == "unfiltered\n"
    assert checkout.files() == before
    assert not mark.exists()


def test_discover_finds_nothing_outside_a_repository(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    assert WorkingTree.discover(tmp_path / "plain", tmp_path) is None
