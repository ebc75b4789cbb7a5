"""The two sides of a local comparison, from names to commits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from model_complexity.commands.ranges import Range
from model_complexity.errors import ActionError
from model_complexity.escape import code, plain
from model_complexity.git import Repository, WorkingTree
from model_complexity.revisions import Revisions

_ADVICE = "Name a branch, a tag or a commit: model-complexity diff BASE, or BASE..HEAD."


@dataclass(frozen=True)
class NoRemoteApi:
    """Stands for the server, which is not asked from a desk: what the checkout does not hold is not to be had."""

    def merge_base(self, base: str, head: str) -> NoReturn:
        """Refuses."""
        raise ActionError(f"{base[:9]} and {head[:9]} have no commit in common here.", "Fetch the history they share.")

    def changed_files(self, number: int) -> NoReturn:
        """Refuses."""
        raise ActionError(f"the files of pull request {number} are not to be had without GitHub.")

    def file(self, path: str, sha: str) -> NoReturn:
        """Refuses."""
        raise ActionError(f"{path} at {sha[:9]} is not in this repository.")


class ResolvedRange(NamedTuple):
    """Both sides, and the tip of the base branch, whose policy applies."""

    sides: Revisions
    tip: str


def open_working_tree(folder: Path, home: Path) -> WorkingTree:
    """The checkout around a folder.

    Raises:
        ActionError: there is none.
    """
    desk = WorkingTree.discover(folder, home)
    if desk is None:
        raise ActionError(
            f"{folder} is not in a git repository.",
            "Run this in the repository that holds the configs; `model-complexity measure CONFIG` needs none.",
        )
    return desk


def sides_of(desk: WorkingTree, repository: Repository, wanted: Range) -> ResolvedRange:
    """Finds the commits of a range; the working tree becomes a commit of the private repository.

    Raises:
        ActionError: a name means no commit, or the two share no history here.
    """
    name, tip = _base(desk, wanted)
    at = _commit(desk, wanted.head or "HEAD", repository)
    if wanted.head is None:
        head, left_out = desk.snapshot(repository, at)
    else:
        head, left_out = at, 0
    base = tip
    if wanted.use_merge_base:
        shared = repository.merge_base(tip, at)
        if shared is None:
            raise ActionError(
                f"{plain(name, 100)} and {plain(wanted.head or 'HEAD', 100)} have no commit in common in this repository.",
                "If the clone is shallow: git fetch --unshallow. To compare two commits as they are: BASE..HEAD.",
            )
        base = shared
    for sha in (head, base):
        if not repository.has(sha):
            raise ActionError(f"commit {sha[:9]} is not wholly in this repository.", "Fetch it: git fetch --refetch.")
    return ResolvedRange(Revisions(head, head, base, None, _notes(head, at, left_out, base, name)), tip)


def _base(desk: WorkingTree, wanted: Range) -> tuple[str, str]:
    if wanted.base is None:
        found = desk.default_branch()
        if found is None:
            raise ActionError("there is no branch origin/HEAD, main or master to compare with.", _ADVICE)
        return found
    sha = desk.resolve(wanted.base)
    if sha is None:
        raise ActionError(f"{plain(wanted.base, 100)!r} is no commit of this repository.", _ADVICE)
    return wanted.base, sha


def _commit(desk: WorkingTree, name: str, repository: Repository) -> str:
    sha = desk.resolve(name)
    if sha is None:
        what = "this repository has no commit yet" if name == "HEAD" else f"{plain(name, 100)!r} is no commit of it"
        raise ActionError(f"{what}.", _ADVICE)
    return sha


def _notes(head: str, at: str, left_out: int, base: str, name: str) -> tuple[str, ...]:
    notes = []
    if head != at:
        notes.append(
            f"Head is the working tree as it was, on top of commit {code(at[:9])}, with what is not committed yet."
        )
    elif base == head:
        notes.append(f"Nothing differs from {code(name, 100)}.")
    if left_out:
        files = "1 untracked file" if left_out == 1 else f"{left_out} untracked files"
        notes.append(f"{files} of more than a MiB left out.")
    return tuple(notes)
