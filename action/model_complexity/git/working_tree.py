"""A developer's checkout: its revisions, and its working tree as a commit in the private repository.

The checkout is never written. None of its hooks, filters and attributes apply, and a snapshot's objects are stored in the private
repository.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from model_complexity.errors import ActionError
from model_complexity.git.repository import Repository
from model_complexity.git.run import SETTINGS, GitResult, check_output, run_git
from model_complexity.git.tree import MAX_FILE

DEFAULT_BRANCHES: Final = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)
"""Candidates for the default branch, in order of preference."""
_AUTHOR: Final = {"user.name": "Model Complexity", "user.email": "snapshot@model-complexity.invalid"}


class Snapshot(NamedTuple):
    """The working tree as a commit, which is HEAD if nothing differs, and the number of untracked files skipped."""

    sha: str
    skipped_files: int


@dataclass(frozen=True)
class WorkingTree:
    """A checkout with a working tree.

    Args:
        root: its top-level folder.
        home: an empty folder, which is git's ``HOME``.
    """

    root: Path
    home: Path

    @classmethod
    def discover(cls, folder: Path, home: Path) -> WorkingTree | None:
        """Find the checkout that contains a folder, None if there is none.

        Raises:
            ActionError: git is not installed.
        """
        result = run_git(["-C", str(folder), "rev-parse", "--show-toplevel"], home, settings=_safe_directory("*"))
        root = os.fsdecode(result.output).removesuffix("\n")
        return cls(Path(root), home) if result.code == 0 and root else None

    def resolve(self, name: str) -> str | None:
        """Return the commit of a branch, tag, SHA or revision such as ``HEAD~2``, None if there is none."""
        if name.startswith("-"):
            return None
        result = self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return result.output.decode("ascii", "replace").strip() if result.code == 0 else None

    def default_branch(self) -> tuple[str, str] | None:
        """Return the name and tip of origin's default branch, else of main or master."""
        tips = ((name, self.resolve(name)) for name in DEFAULT_BRANCHES)
        return next(((name.split("/", 2)[2], sha) for name, sha in tips if sha), None)

    def snapshot(self, repository: Repository, head: str) -> Snapshot:
        """Commit the working tree: tracked files, and untracked files that are not ignored.

        Untracked files larger than 1 MiB are skipped. Submodules are not entered.

        Args:
            repository: where the commit is stored.
            head: the commit that is checked out.

        Raises:
            ActionError: a file or the index cannot be read.
        """
        self._copy_index(repository.folder)
        what = "The working tree cannot be read"
        work = ["-C", str(self.root), "--work-tree", str(self.root), "--literal-pathspecs"]
        excludes = {**SETTINGS, "core.excludesFile": str(_user_excludes_file(self.root))}

        def git(*arguments: str) -> bytes:
            return check_output(run_git([*work, *arguments], self.home, repository.folder, excludes), what)

        git("add", "--update", "--", ".")
        untracked = [name for name in git("ls-files", "--others", "--exclude-standard", "-z").split(b"\0") if name]
        small = [name for name in untracked if _is_small(os.fsencode(self.root) + b"/" + name)]
        if small:
            names = repository.folder / "untracked"
            names.write_bytes(b"\0".join(small))
            git("add", f"--pathspec-from-file={names}", "--pathspec-file-nul")
        tree = git("write-tree").decode().strip()
        if git("rev-parse", f"{head}^{{tree}}").decode().strip() == tree:
            return Snapshot(head, len(untracked) - len(small))
        arguments = ["commit-tree", tree, "-p", head, "-m", "The working tree"]
        commit = run_git(arguments, self.home, repository.folder, {**SETTINGS, **_AUTHOR})
        return Snapshot(check_output(commit, what).decode().strip(), len(untracked) - len(small))

    def _copy_index(self, into: Path) -> None:
        # With the checkout's index git reads modified files only.
        git_paths = [
            self._git("rev-parse", "--path-format=absolute", "--git-path", name) for name in ("index", "info/exclude")
        ]
        index, exclude = (
            Path(os.fsdecode(check_output(path, "The index cannot be found")).strip()) for path in git_paths
        )
        try:
            for file in (index, *index.parent.glob("sharedindex.*")):
                if file.is_file():
                    shutil.copy2(file, into / file.name)
            (into / "info").mkdir(exist_ok=True)
            if exclude.is_file():
                shutil.copyfile(exclude, into / "info" / "exclude")
        except OSError as error:
            raise ActionError(f"The checkout's index cannot be read: {error.strerror}.") from error

    def _git(self, *arguments: str) -> GitResult:
        return run_git(["-C", str(self.root), *arguments], self.home, settings=_safe_directory(str(self.root)))


def _safe_directory(folder: str) -> dict[str, str]:
    return {**SETTINGS, "safe.directory": folder}


def _is_small(path: bytes) -> bool:
    # Git lists a nested repository as a folder.
    try:
        status = os.lstat(path)
    except OSError:  # deleted since it was listed
        return False
    return stat.S_ISLNK(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_size <= MAX_FILE)


def _user_excludes_file(root: Path) -> Path:
    """Return the user's global excludes file. Source: git-scm.com/docs/gitignore."""
    command = ["git", "-C", str(root), "config", "--path", "--get", "core.excludesFile"]
    result = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    path = os.fsdecode(result.stdout).removesuffix("\n")
    if result.returncode == 0 and path:
        return Path(path)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / "ignore"
