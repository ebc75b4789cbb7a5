"""A developer's checkout: what the names of its commits mean, and the working tree as a commit of the private repository.

As in `git`, nothing of the checkout steers what runs and nothing in it is written: no hook, filter or attribute of its own
applies, and a snapshot's objects land in the private repository.
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
"""Where a pull request is likely to go; the first that is there."""
_AUTHOR: Final = {"user.name": "Model Complexity", "user.email": "snapshot@model-complexity.invalid"}


class Snapshot(NamedTuple):
    """The working tree as a commit: that which it is on, where nothing differs. ``left_out`` untracked files are too large."""

    sha: str
    left_out: int


@dataclass(frozen=True)
class WorkingTree:
    """One checkout.

    Args:
        root: its uppermost folder.
        home: an empty folder, where git looks for settings.
    """

    root: Path
    home: Path

    @classmethod
    def discover(cls, folder: Path, home: Path) -> WorkingTree | None:
        """The checkout that a folder lies in, None if it lies in none.

        Raises:
            ActionError: git is not installed.
        """
        result = run_git(["-C", str(folder), "rev-parse", "--show-toplevel"], home, settings=_trusting("*"))
        found = os.fsdecode(result.output).removesuffix("\n")
        return cls(Path(found), home) if result.code == 0 and found else None

    def resolve(self, name: str) -> str | None:
        """The commit that a branch, tag, SHA or expression such as ``HEAD~2`` means; None where it means none."""
        if name.startswith("-"):
            return None
        result = self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        return result.output.decode("ascii", "replace").strip() if result.code == 0 else None

    def default_branch(self) -> tuple[str, str] | None:
        """Name and tip of the branch that pull requests go to: origin's default, or else main or master."""
        found = ((name, self.resolve(name)) for name in DEFAULT_BRANCHES)
        return next(((name.split("/", 2)[2], sha) for name, sha in found if sha), None)

    def snapshot(self, repository: Repository, head: str) -> Snapshot:
        """Makes a commit of the working tree as it is now: all that is tracked, and what is new and not ignored.

        Untracked files beyond a MiB are left out, as they are no code. Submodules are not looked into.

        Args:
            repository: takes the commit.
            head: the commit that the checkout is on.

        Raises:
            ActionError: something in it cannot be read.
        """
        self._copy_index(repository.folder)
        what = "The working tree could not be read"
        work = ["-C", str(self.root), "--work-tree", str(self.root), "--literal-pathspecs"]
        excludes = {**SETTINGS, "core.excludesFile": str(_users_excludes(self.root))}

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
        """The checkout's index knows which files have not been touched, so that only the others are read."""
        places = [
            self._git("rev-parse", "--path-format=absolute", "--git-path", name) for name in ("index", "info/exclude")
        ]
        index, exclude = (
            Path(os.fsdecode(check_output(place, "The index could not be found")).strip()) for place in places
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
        return run_git(["-C", str(self.root), *arguments], self.home, settings=_trusting(str(self.root)))


def _trusting(folder: str) -> dict[str, str]:
    return {**SETTINGS, "safe.directory": folder}


def _is_small(path: bytes) -> bool:
    """Whether it is a file of at most a MiB; git lists a repository inside this one as a folder."""
    try:
        status = os.lstat(path)
    except OSError:  # it was there a moment ago
        return False
    return stat.S_ISLNK(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_size <= MAX_FILE)


def _users_excludes(root: Path) -> Path:
    """The file in which a developer says what is to be ignored in every repository. Source: git-scm.com/docs/gitignore."""
    command = ["git", "-C", str(root), "config", "--path", "--get", "core.excludesFile"]
    asked = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)
    told = os.fsdecode(asked.stdout).removesuffix("\n")
    if asked.returncode == 0 and told:
        return Path(told)
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / "ignore"
