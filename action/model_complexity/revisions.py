"""Which commits are compared, and which configs differ: local git where the history is there, GitHub's API where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from model_complexity.discover import (
    ChangedFile,
    Graph,
    Patterns,
    Remote,
    Repository,
    Selection,
    UnreadableFileError,
    from_api,
    requested,
    select,
)
from model_complexity.errors import ActionError
from model_complexity.escape import code
from model_complexity.github import Event, PullRequest
from model_complexity.policy import MAX_BYTES
from model_complexity.policy import PATH as POLICY
from model_complexity.policy.effective import Standing, Version, standing
from model_complexity.render import TEMPLATE_LIMIT, CommentTemplate
from model_complexity.report import Problem, Target
from model_complexity.settings.inputs import Surroundings

ADVICE = "Set `fetch-depth: 0` on actions/checkout."


@dataclass(frozen=True)
class Sides:
    """The two commits. ``head_tree`` is what stands for head: head itself, or the trial merge where head is not there."""

    head: str
    head_tree: str
    base: str | None
    number: int | None
    notes: tuple[str, ...] = ()


class Trees(NamedTuple):
    """The files of both sides; ``base`` is None where there is nothing to compare with."""

    head: Path
    base: Path | None


@dataclass(frozen=True)
class Wanted:
    """What is asked for: where configs are, those that were named by hand, if any, and how many are measured at most."""

    patterns: Patterns
    by_hand: str | None
    cap: int


@dataclass(frozen=True)
class Choice:
    """What is measured, what is not, and what the reader must know about it."""

    targets: tuple[Target, ...]
    not_measured: tuple[Target, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


class Server(Protocol):
    """Where to ask what the checkout does not hold: GitHub's API (``github.Client``), or nothing (``local.checkout.Nowhere``)."""

    def merge_base(self, base: str, head: str, /) -> str:
        """The commit that two histories share last."""

    def changed_files(self, number: int, /) -> tuple[Sequence[Mapping[str, object]], bool]:
        """A pull request's changed files, and whether there are more."""

    def file(self, path: str, sha: str, /) -> bytes | None:
        """A file at a commit, None if there is none."""


@dataclass(frozen=True)
class History:
    """The checkout's git objects, in a private repository, and the server behind them."""

    repository: Repository
    client: Server

    @classmethod
    def open(cls, around: Surroundings, token: str, private: Path, client: Server) -> History:
        """Opens the runner's checkout.

        Raises:
            ActionError: there is no git repository in the workspace.
        """
        remote = Remote(around.remote_url, token)
        return cls(Repository.open(around.github_workspace, private, remote), client)

    def sides(self, event: Event, pull_request: PullRequest | None) -> Sides:
        """Finds head and merge base; commits that the checkout lacks are fetched.

        Raises:
            ActionError: not even head can be had.
        """
        if pull_request is None:
            if self.repository.has(event.sha):
                return Sides(event.sha, event.sha, None, None)
            raise ActionError(f"commit {event.sha} is not in the checkout.", "Put actions/checkout before this action.")
        head = pull_request.head_sha
        base = self._merge_base(pull_request.base_sha, head)
        if not self._get(head):
            tree = self._trial_merge(event, pull_request)
            # The merge holds what the base branch has done since: it must not be charged to the pull request.
            note = f"The head commit could not be had: its trial merge `{tree[:9]}` was measured, nothing is compared. {ADVICE}"
            return Sides(head, tree, None, pull_request.number, (note,))
        if self._get(base):
            return Sides(head, head, base, pull_request.number)
        note = f"The merge base `{base[:9]}` could not be had: nothing is compared. {ADVICE}"
        return Sides(head, head, None, pull_request.number, (note,))

    def _get(self, sha: str) -> bool:
        return self.repository.has(sha) or self.repository.fetch(sha)

    def _trial_merge(self, event: Event, pull_request: PullRequest) -> str:
        """What actions/checkout lays out by default: head merged into the base branch."""
        if pull_request is event.pull_request and self.repository.has(event.sha):
            return event.sha
        head = pull_request.head_sha
        raise ActionError(f"the pull request's head {head} is not in the checkout and cannot be fetched.", ADVICE)

    def trees(self, sides: Sides, room: Path) -> Trees:
        """Lays both sides out, each in a folder of its own in ``room``.

        Raises:
            ActionError: a tree cannot be written.
        """
        base = self.repository.checkout(sides.base, room / "base") if sides.base else None
        return Trees(self.repository.checkout(sides.head_tree, room / "head"), base)

    def choose(self, sides: Sides, trees: Trees, wanted: Wanted) -> Choice:
        """Chooses configs: those named by hand, or those that the pull request touches.

        Raises:
            ActionError: nothing that was named by hand is there, or GitHub does not say what has changed.
        """
        graph = Graph.of_tree(trees.head, wanted.patterns.matches)
        if wanted.by_hand is not None:
            return _choice(requested(wanted.by_hand, graph, wanted.cap, trees.base))
        changed, notes = self._changed(sides)
        return _choice(select(changed, graph, wanted.patterns, wanted.cap, trees.base), notes)

    def policy(self, sides: Sides, tip: str | None) -> Standing:
        """Finds the policy that stands: of the base branch's tip, or of the commit measured where there is none.

        Not the merge base's: a pull request that begins before the policy was written is not free of it.
        """
        head = self._version(sides.head_tree)
        if tip is None:
            return standing(head, head, head)
        base = self._version(tip)
        return standing(base, head, self._version(sides.base) if sides.base else base)

    def template(self, path: str, sides: Sides, pull_request: PullRequest | None) -> CommentTemplate:
        """Reads a comment template from where the policy is read, so that a pull request cannot bring its own."""
        sha = pull_request.base_sha if pull_request else sides.head_tree
        found = self._version(sha, path, TEMPLATE_LIMIT)
        if found.content is None:
            problem = code(found.obstacle) if found.obstacle else f"there is no such file at {code(sha[:9])}"
            return CommentTemplate(path, None, problem)
        return CommentTemplate(path, found.content.decode("utf-8", "replace"))

    def _version(self, sha: str, path: str = POLICY, most: int = MAX_BYTES) -> Version:
        try:
            if self.repository.has(sha):
                return Version(self.repository.read(sha, path, most))
            return Version(self.client.file(path, sha))
        except UnreadableFileError as error:
            return Version(None, f"the file {error}")
        except ActionError as error:
            return Version(None, f"the file could not be had: {error.message}")

    def _changed(self, sides: Sides) -> tuple[tuple[ChangedFile, ...], tuple[str, ...]]:
        if sides.base is not None and sides.head_tree == sides.head:
            return self.repository.changed_files(sides.base, sides.head), ()
        if sides.number is None:
            return (), ()
        files, truncated = self.client.changed_files(sides.number)
        note = f"GitHub lists the first {len(files)} changed files only, so configs may be missing. {ADVICE}"
        return from_api(files), (note,) if truncated else ()

    def _merge_base(self, base: str, head: str) -> str:
        # Where history is cut off, git may take an older commit for the merge base; GitHub has all of it.
        local = None if self.repository.is_shallow else self.repository.merge_base(base, head)
        return local or self.client.merge_base(base, head)


def _choice(selection: Selection, notes: tuple[str, ...] = ()) -> Choice:
    return Choice(selection.targets, selection.not_measured, selection.problems, notes)
