"""Which two commits are compared, and how missing ones are fetched: local git first, GitHub's API for what it lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

from model_complexity.errors import ActionError
from model_complexity.git.repository import Repository
from model_complexity.github import Event, PullRequest

FETCH_ADVICE = "Set `fetch-depth: 0` on actions/checkout."


@dataclass(frozen=True)
class Revisions:
    """The commits of a comparison.

    Args:
        head: the commit that the report is about.
        head_checkout: the commit that is measured for it: head, or GitHub's merge commit if head is unavailable.
        base: the merge base, None if there is nothing to compare with.
        base_tip: the tip of the base branch, whose policy applies; None without a base branch.
        pull_request: its number, if there is one.
        notes: what readers of the report must know about them, as Markdown.
    """

    head: str
    head_checkout: str
    base: str | None = None
    base_tip: str | None = None
    pull_request: int | None = None
    notes: tuple[str, ...] = ()


class RemoteApi(Protocol):
    """What answers for data that the checkout lacks: GitHub's API (``github.Client``), or nothing (``commands.NoRemoteApi``)."""

    def merge_base(self, base: str, head: str, /) -> str:
        """Return the last common ancestor of two commits."""

    def changed_files(self, number: int, /) -> tuple[Sequence[Mapping[str, object]], bool]:
        """Return a pull request's changed files, and whether the list is truncated."""

    def file(self, path: str, sha: str, /) -> bytes | None:
        """Return a file at a commit, None if there is none."""


class History(NamedTuple):
    """The checkout's commits, and the API that supplies what the checkout lacks."""

    repository: Repository
    remote: RemoteApi


def resolve_revisions(history: History, event: Event, pull_request: PullRequest | None) -> Revisions:
    """Find head and merge base, and fetch commits that the checkout lacks.

    Raises:
        ActionError: neither head nor the merge commit is available.
    """
    if pull_request is None:
        if not history.repository.has(event.sha):
            raise ActionError(f"commit {event.sha} is not in the checkout.", "Run actions/checkout before this action.")
        if event.base_sha is None:
            return Revisions(event.sha, event.sha)
        base = _merge_base(history, event.base_sha, event.sha)
        return _with_base(history, Revisions(event.sha, event.sha, base_tip=event.base_sha), base)
    head, base_tip, number = pull_request.head_sha, pull_request.base_sha, pull_request.number
    base = _merge_base(history, base_tip, head)
    if not _ensure_commit(history.repository, head):
        merge = _merge_commit(history.repository, event, pull_request)
        # The merge has what the base branch changed since: a comparison would attribute that to the pull request.
        note = f"The head commit is unavailable, so merge commit `{merge[:9]}` is measured without a comparison. {FETCH_ADVICE}"
        return Revisions(head, merge, None, base_tip, number, (note,))
    return _with_base(history, Revisions(head, head, None, base_tip, number), base)


def _with_base(history: History, revisions: Revisions, base: str) -> Revisions:
    if _ensure_commit(history.repository, base):
        return replace(revisions, base=base)
    note = f"Merge base `{base[:9]}` is unavailable, so there is no comparison. {FETCH_ADVICE}"
    return replace(revisions, notes=(note,))


def _merge_base(history: History, base: str, head: str) -> str:
    repository = history.repository
    # Git may return an older commit where history is cut off, and GitHub has all of it.
    local = None if repository.is_shallow else repository.merge_base(base, head)
    return local or history.remote.merge_base(base, head)


def _ensure_commit(repository: Repository, sha: str) -> bool:
    return repository.has(sha) or repository.fetch(sha)


def _merge_commit(repository: Repository, event: Event, pull_request: PullRequest) -> str:
    """Return what actions/checkout checks out by default: head merged into the base branch."""
    if pull_request is event.pull_request and repository.has(event.sha):
        return event.sha
    head = pull_request.head_sha
    raise ActionError(f"the pull request's head {head} is not in the checkout and cannot be fetched.", FETCH_ADVICE)
