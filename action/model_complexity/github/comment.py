"""The one sticky comment: which comment is ours, what to do about it, and doing it without ever leaving two."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from model_complexity.errors import ActionError
from model_complexity.github.client import Client, Comment
from model_complexity.github.errors import NoResponseError
from model_complexity.github.event import PullRequest

BODY_LIMIT = 65_536
"""Characters of a comment; GitHub answers 422 beyond it."""
CLEARED = "This pull request no longer touches a model config."
REREAD_DELAY = 3.0
"""How long an unanswered write is given to show up before we look for it."""

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\Z")  # a folder's name too: neither ``..`` nor hidden


@dataclass(frozen=True)
class Create:
    """No comment is ours yet: write one."""

    body: str


@dataclass(frozen=True)
class Update:
    """Ours says something else: replace its text."""

    comment: Comment
    body: str


@dataclass(frozen=True)
class Keep:
    """Ours says this already."""

    comment: Comment


@dataclass(frozen=True)
class Nothing:
    """There is nothing to say, and nothing of ours to clear up."""


ResolvedOptions = Create | Update | Keep | Nothing


@dataclass(frozen=True)
class Published:
    """What became of the comment, and where it is.

    ``outdated``: the head moved, so another run will speak; ``closed``: the pull request was closed meanwhile. Nothing
    was written then.
    """

    action: Literal["created", "updated", "kept", "nothing", "outdated", "closed"]
    url: str | None = None


def marker(key: str) -> str:
    """The hidden first line by which a comment is known; the key tells two comments on one pull request apart.

    Raises:
        ActionError: the key is not one to sixty-four of ``A-Z a-z 0-9 . _ -``, or starts with a dot.
    """
    if not _KEY.match(key):
        raise ActionError(
            f"`key` is not usable: {key[:80]!r}.",
            "Use 1 to 64 letters, digits, dots, underscores and hyphens, no dot first, for example `cuda`.",
        )
    return f'<!-- model-complexity key="{key}" -->'


def max_body_length(key: str) -> int:
    """How many characters a body may have beside the marker."""
    return BODY_LIMIT - len(marker(key)) - 1


def decide(
    comments: Iterable[Comment], *, key: str, viewer: str, body: str | None, cleared: str = CLEARED
) -> ResolvedOptions:
    """What to do, given the comments that are there.

    A comment is ours only if the marker is its first line and the viewer wrote it: anybody can copy the marker. Of
    several, the oldest is the one.

    Args:
        comments: all comments of the pull request.
        key: tells our comments apart.
        viewer: our login.
        body: the text without the marker, or None when there is nothing to report.
        cleared: the text for an existing comment when there is nothing to report.
    """
    ours = [comment for comment in comments if _is_ours(comment, marker(key), viewer)]
    if not ours:
        return Nothing() if body is None else Create(_marked(key, body))
    oldest = min(ours, key=lambda comment: comment.id)
    text = _marked(key, cleared if body is None else body)
    return Keep(oldest) if _normal(oldest.body) == _normal(text) else Update(oldest, text)


def publish(
    client: Client, number: int, key: str, body: str | None, head_sha: str, *, cleared: str = CLEARED
) -> Published:
    """Create or update our comment, or leave it alone.

    Args:
        client: the repository's API.
        number: the pull request's number.
        key: tells our comments apart.
        body: the text without the marker; None when no config is touched, which clears up an earlier comment.
        head_sha: the commit that the text is about.
        cleared: the text of a cleared-up comment.

    Raises:
        PermissionDenied: the token may not write.
        ActionError: GitHub refused or did not answer.
    """
    viewer = client.viewer()

    def look() -> ResolvedOptions:
        return decide(client.comments(number), key=key, viewer=viewer, body=body, cleared=cleared)

    first = look()
    try:
        return _apply(client, number, head_sha, first)
    except NoResponseError:
        # it may have been done: only looking tells, and a blind repetition would leave two comments
        client.wait(REREAD_DELAY)
        second = look()
    if isinstance(second, Keep):
        return Published("created" if isinstance(first, Create) else "updated", second.comment.url)
    return _apply(client, number, head_sha, second)


def _apply(client: Client, number: int, head_sha: str, decision: ResolvedOptions) -> Published:
    if isinstance(decision, Nothing):
        return Published("nothing")
    if isinstance(decision, Keep):
        return Published("kept", decision.comment.url)
    if reason := _stale_reason(client.pull_request(number), head_sha):
        return Published(reason)
    if isinstance(decision, Create):
        return Published("created", client.create_comment(number, decision.body).url)
    return Published("updated", client.update_comment(decision.comment.id, decision.body).url)


def _stale_reason(pull_request: PullRequest, head_sha: str) -> Literal["outdated", "closed"] | None:
    if pull_request.head_sha != head_sha:
        return "outdated"
    return "closed" if pull_request.state == "closed" else None


def _is_ours(comment: Comment, mark: str, viewer: str) -> bool:
    # logins are case-insensitive on GitHub
    by_us = comment.author is not None and comment.author.lower() == viewer.lower()
    return by_us and _normal(comment.body).partition("\n")[0].rstrip() == mark


def _marked(key: str, body: str) -> str:
    text = f"{marker(key)}\n{body}"
    if len(text) > BODY_LIMIT:
        raise ActionError(
            f"The comment has {len(text)} characters; GitHub takes {BODY_LIMIT}.",
            "This is a mistake in Model Complexity: please report it. The report file is complete.",
        )
    return text


def _normal(text: str) -> str:
    """The text as GitHub may hand it back: other line ends, no white space at the end."""
    return text.replace("\r\n", "\n").rstrip()
