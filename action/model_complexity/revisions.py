"""Which commits are compared, and which configs differ: local git where the history is there, GitHub's API where it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from model_complexity.discover import Graph, Patterns, Selection, select, select_explicit
from model_complexity.errors import ActionError
from model_complexity.escape import code
from model_complexity.git import ChangedFile, Remote, Repository, UnreadableFileError, from_api
from model_complexity.github import Event, PullRequest
from model_complexity.policy import MAX_BYTES
from model_complexity.policy import PATH as POLICY
from model_complexity.policy.effective import EffectivePolicy, PolicyFile, effective_policy
from model_complexity.render import TEMPLATE_LIMIT, CommentTemplate
from model_complexity.report import DiscoveryWarning, Target
from model_complexity.settings.inputs import RunnerEnvironment

ADVICE = "Set `fetch-depth: 0` on actions/checkout."


@dataclass(frozen=True)
class Revisions:
    """The two commits. ``head_checkout`` is what stands for head: head itself, or the trial merge where head is not there."""

    head: str
    head_checkout: str
    base: str | None
    number: int | None
    notes: tuple[str, ...] = ()


class Trees(NamedTuple):
    """The files of both sides; ``base`` is None where there is nothing to compare with."""

    head: Path
    base: Path | None


@dataclass(frozen=True)
class SelectionRequest:
    """What is asked for: where configs are, those that were named by hand, if any, and how many are measured at most."""

    patterns: Patterns
    explicit: str | None
    max_configs: int


@dataclass(frozen=True)
class Choice:
    """What is measured, what is not, and what the reader must know about it."""

    targets: tuple[Target, ...]
    not_measured: tuple[Target, ...]
    warnings: tuple[DiscoveryWarning, ...]
    notes: tuple[str, ...] = ()


class RemoteApi(Protocol):
    """What the checkout lacks is asked of GitHub's API (``github.Client``) or not at all (``commands.NoRemoteApi``)."""

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
    client: RemoteApi

    @classmethod
    def open(cls, env: RunnerEnvironment, token: str, private: Path, client: RemoteApi) -> History:
        """Opens the runner's checkout.

        Raises:
            ActionError: there is no git repository in the workspace.
        """
        remote = Remote(env.remote_url, token)
        return cls(Repository.open(env.github_workspace, private, remote), client)

    def revisions(self, event: Event, pull_request: PullRequest | None) -> Revisions:
        """Finds head and merge base; commits that the checkout lacks are fetched.

        Raises:
            ActionError: not even head can be had.
        """
        if pull_request is None:
            if self.repository.has(event.sha):
                return Revisions(event.sha, event.sha, None, None)
            raise ActionError(f"commit {event.sha} is not in the checkout.", "Put actions/checkout before this action.")
        head = pull_request.head_sha
        base = self._merge_base(pull_request.base_sha, head)
        if not self._ensure_commit(head):
            tree = self._merge_commit(event, pull_request)
            # The merge holds what the base branch has done since: it must not be charged to the pull request.
            note = f"The head commit could not be had: its trial merge `{tree[:9]}` was measured, nothing is compared. {ADVICE}"
            return Revisions(head, tree, None, pull_request.number, (note,))
        if self._ensure_commit(base):
            return Revisions(head, head, base, pull_request.number)
        note = f"The merge base `{base[:9]}` could not be had: nothing is compared. {ADVICE}"
        return Revisions(head, head, None, pull_request.number, (note,))

    def _ensure_commit(self, sha: str) -> bool:
        return self.repository.has(sha) or self.repository.fetch(sha)

    def _merge_commit(self, event: Event, pull_request: PullRequest) -> str:
        """What actions/checkout lays out by default: head merged into the base branch."""
        if pull_request is event.pull_request and self.repository.has(event.sha):
            return event.sha
        head = pull_request.head_sha
        raise ActionError(f"the pull request's head {head} is not in the checkout and cannot be fetched.", ADVICE)

    def trees(self, revisions: Revisions, workdir: Path) -> Trees:
        """Lays both sides out, each in a folder of its own in ``workdir``.

        Raises:
            ActionError: a tree cannot be written.
        """
        base = self.repository.checkout(revisions.base, workdir / "base") if revisions.base else None
        return Trees(self.repository.checkout(revisions.head_checkout, workdir / "head"), base)

    def choose(self, revisions: Revisions, trees: Trees, wanted: SelectionRequest) -> Choice:
        """Chooses configs: those named by hand, or those that the pull request touches.

        Raises:
            ActionError: nothing that was named by hand is there, or GitHub does not say what has changed.
        """
        graph = Graph.of_tree(trees.head, wanted.patterns.matches)
        if wanted.explicit is not None:
            return _choice(select_explicit(wanted.explicit, graph, wanted.max_configs, trees.base))
        changed, notes = self._changed(revisions)
        return _choice(select(changed, graph, wanted.patterns, wanted.max_configs, trees.base), notes)

    def policy(self, revisions: Revisions, tip: str | None) -> EffectivePolicy:
        """Finds the policy that stands: of the base branch's tip, or of the commit measured where there is none.

        Not the merge base's: a pull request that begins before the policy was written is not free of it.
        """
        head = self._version(revisions.head_checkout)
        if tip is None:
            return effective_policy(head, head, head)
        base = self._version(tip)
        return effective_policy(base, head, self._version(revisions.base) if revisions.base else base)

    def template(self, path: str, revisions: Revisions, pull_request: PullRequest | None) -> CommentTemplate:
        """Reads a comment template from where the policy is read, so that a pull request cannot bring its own."""
        sha = pull_request.base_sha if pull_request else revisions.head_checkout
        found = self._version(sha, path, TEMPLATE_LIMIT)
        if found.content is None:
            problem = code(found.error) if found.error else f"there is no such file at {code(sha[:9])}"
            return CommentTemplate(path, None, problem)
        return CommentTemplate(path, found.content.decode("utf-8", "replace"))

    def _version(self, sha: str, path: str = POLICY, most: int = MAX_BYTES) -> PolicyFile:
        try:
            if self.repository.has(sha):
                return PolicyFile(self.repository.read(sha, path, most))
            return PolicyFile(self.client.file(path, sha))
        except UnreadableFileError as error:
            return PolicyFile(None, f"the file {error}")
        except ActionError as error:
            return PolicyFile(None, f"the file could not be had: {error.message}")

    def _changed(self, revisions: Revisions) -> tuple[tuple[ChangedFile, ...], tuple[str, ...]]:
        if revisions.base is not None and revisions.head_checkout == revisions.head:
            return self.repository.changed_files(revisions.base, revisions.head), ()
        if revisions.number is None:
            return (), ()
        files, truncated = self.client.changed_files(revisions.number)
        note = f"GitHub lists the first {len(files)} changed files only, so configs may be missing. {ADVICE}"
        return from_api(files), (note,) if truncated else ()

    def _merge_base(self, base: str, head: str) -> str:
        # Where history is cut off, git may take an older commit for the merge base; GitHub has all of it.
        local = None if self.repository.is_shallow else self.repository.merge_base(base, head)
        return local or self.client.merge_base(base, head)


def _choice(selection: Selection, notes: tuple[str, ...] = ()) -> Choice:
    return Choice(selection.targets, selection.not_measured, selection.warnings, notes)
