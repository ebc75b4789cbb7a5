"""The two revisions of a local comparison, from a range to commits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

from model_complexity.errors import ActionError
from model_complexity.escape import code, plain
from model_complexity.git.repository import Repository
from model_complexity.git.working_tree import WorkingTree
from model_complexity.revisions import Revisions

_ADVICE = "Name a branch, a tag or a commit: model-complexity diff BASE, or BASE..HEAD."


class Range(NamedTuple):
    """Two revisions by name.

    Args:
        base: None for the default branch.
        head: None for the working tree.
        use_merge_base: whether to compare with the merge base, as in a pull request, or with ``base`` itself.
    """

    base: str | None
    head: str | None
    use_merge_base: bool


def parse_range(text: str) -> Range:
    """Parse ``BASE``, ``BASE..HEAD``, ``BASE...HEAD`` or nothing. As in git, an omitted side of the dots is ``HEAD``.

    Raises:
        ActionError: there are more than two sides.
    """
    for dots in ("...", ".."):
        base, separator, head = text.partition(dots)
        if separator:
            if ".." in base or ".." in head or head.startswith("."):
                raise ActionError(
                    f"{text[:100]!r} is not a range of commits.", "Write BASE, BASE..HEAD or BASE...HEAD."
                )
            return Range(base or "HEAD", head or "HEAD", use_merge_base=dots == "...")
    return Range(text or None, None, use_merge_base=True)


@dataclass(frozen=True)
class NoRemoteApi:
    """The API of local usage: there is no server, so whatever the clone lacks is an error."""

    def merge_base(self, base: str, head: str) -> NoReturn:
        """Raise an error."""
        raise ActionError(
            f"{base[:9]} and {head[:9]} have no common ancestor in this clone.", "Run git fetch --unshallow."
        )

    def changed_files(self, number: int) -> NoReturn:
        """Raise an error."""
        raise ActionError(f"the files of pull request {number} are unavailable without GitHub.")

    def file(self, path: str, sha: str) -> NoReturn:
        """Raise an error."""
        raise ActionError(f"{path} at {sha[:9]} is not in this clone.")


def open_working_tree(folder: Path, home: Path) -> WorkingTree:
    """Open the working tree around a folder.

    Raises:
        ActionError: there is none.
    """
    working_tree = WorkingTree.discover(folder, home)
    if working_tree is None:
        raise ActionError(
            f"{folder} is not in a git repository.",
            "Run this in the repository of the configs. `model-complexity measure CONFIG` needs none.",
        )
    return working_tree


def resolve_range(working_tree: WorkingTree, repository: Repository, names: Range) -> Revisions:
    """Find the commits of a range; the working tree becomes a commit of the private repository.

    Raises:
        ActionError: a name is no commit, or the two have no common ancestor in the clone.
    """
    base_name, base_tip = _resolve_base(working_tree, names.base)
    head_name = names.head or "HEAD"
    commit = _resolve_head(working_tree, head_name)
    head, skipped = working_tree.snapshot(repository, commit) if names.head is None else (commit, 0)
    base = base_tip
    if names.use_merge_base:
        ancestor = repository.merge_base(base_tip, commit)
        if ancestor is None:
            raise ActionError(
                f"{plain(base_name, 100)} and {plain(head_name, 100)} have no common ancestor in this clone.",
                "Run git fetch --unshallow if it is shallow, or compare the two commits themselves with BASE..HEAD.",
            )
        base = ancestor
    for sha in (head, base):
        if not repository.has(sha):
            raise ActionError(f"Some objects of commit {sha[:9]} are missing.", "Run git fetch --refetch.")
    notes: list[str] = []
    if head != commit:
        notes.append(f"Head is the working tree on top of commit {code(commit[:9])}, with uncommitted changes.")
    elif base == head:
        notes.append(f"Nothing differs from {code(base_name, 100)}.")
    if skipped:
        files = "1 untracked file" if skipped == 1 else f"{skipped} untracked files"
        notes.append(f"Skipped {files} larger than 1 MiB.")
    return Revisions(head, head, base, base_tip, notes=tuple(notes))


def _resolve_base(working_tree: WorkingTree, name: str | None) -> tuple[str, str]:
    if name is None:
        branch = working_tree.default_branch()
        if branch is None:
            raise ActionError("No default branch found (tried origin/HEAD, main, master).", "Pass BASE.")
        return branch
    sha = working_tree.resolve(name)
    if sha is None:
        raise ActionError(f"{plain(name, 100)!r} is not a commit of this repository.", _ADVICE)
    return name, sha


def _resolve_head(working_tree: WorkingTree, name: str) -> str:
    sha = working_tree.resolve(name)
    if sha is None:
        no_commit = f"{plain(name, 100)!r} is not a commit of this repository."
        raise ActionError("The repository has no commits yet." if name == "HEAD" else no_commit, _ADVICE)
    return sha
