"""Publish the one sticky comment: find ours, decide what to do, and never leave two."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from model_complexity.errors import ActionError
from model_complexity.github.client import Client, Comment
from model_complexity.github.errors import NoResponseError
from model_complexity.github.event import PullRequest

BODY_LIMIT: Final = 65_536
"""GitHub takes this many characters in a comment, and answers 422 beyond them."""
REREAD_DELAY: Final = 3.0
"""Seconds until a write without a response is looked for."""

_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}\Z")  # a folder's name too: neither ``..`` nor hidden


@dataclass(frozen=True)
class Create:
    """Write a new comment: none is ours."""

    body: str


@dataclass(frozen=True)
class Update:
    """Replace the text of our comment."""

    comment: Comment
    body: str


@dataclass(frozen=True)
class Keep:
    """Leave our comment, which has this text already."""

    comment: Comment


@dataclass(frozen=True)
class Nothing:
    """Write nothing: there is no text, and no comment of ours."""


CommentAction = Create | Update | Keep | Nothing


@dataclass(frozen=True)
class Published:
    """What was done, and the comment's address.

    Nothing was written where ``action`` is ``outdated`` (a newer commit was pushed, and its run will comment) or ``closed``.
    """

    action: Literal["created", "updated", "kept", "nothing", "outdated", "closed"]
    url: str | None = None


def marker(key: str) -> str:
    """Return the hidden first line that identifies our comment with this key.

    Raises:
        ActionError: the key is not 1 to 64 of ``A-Z a-z 0-9 . _ -``, or starts with a dot.
    """
    if not _KEY.match(key):
        raise ActionError(
            f"`key` is invalid: {key[:80]!r}.",
            "Use 1 to 64 letters, digits, dots, underscores and hyphens, without a dot first.",
        )
    return f'<!-- model-complexity key="{key}" -->'


def max_body_length(key: str) -> int:
    """Return how many characters a body may have after the marker."""
    return BODY_LIMIT - len(marker(key)) - 1


def decide(comments: Iterable[Comment], *, key: str, viewer: str, body: str | None, cleared: str) -> CommentAction:
    """Decide what to do about the comment.

    A comment is ours if the marker is its first line and the viewer wrote it: anyone can copy the marker. Of several, the
    oldest is updated.

    Args:
        comments: all comments of the pull request.
        key: identifies our comment among several of ours.
        viewer: our login.
        body: the text without the marker; None if there is nothing to report.
        cleared: the text that replaces an existing comment if there is nothing to report.
    """
    ours = [comment for comment in comments if _is_ours(comment, marker(key), viewer)]
    if not ours:
        return Nothing() if body is None else Create(_with_marker(key, body))
    oldest = min(ours, key=lambda comment: comment.id)
    text = _with_marker(key, cleared if body is None else body)
    return Keep(oldest) if _normalized(oldest.body) == _normalized(text) else Update(oldest, text)


def publish(client: Client, number: int, key: str, body: str | None, head_sha: str, *, cleared: str) -> Published:
    """Create, update or keep our comment.

    Args:
        client: the repository's API.
        number: the pull request's number.
        key: identifies our comment among several of ours.
        body: the text without the marker; None if there is nothing to report.
        head_sha: the commit that the text describes.
        cleared: the text that replaces an existing comment if there is nothing to report.

    Raises:
        PermissionDeniedError: the token may not write.
        ActionError: GitHub refused or did not respond.
    """
    viewer = client.viewer()

    def read_and_decide() -> CommentAction:
        return decide(client.comments(number), key=key, viewer=viewer, body=body, cleared=cleared)

    first = read_and_decide()
    try:
        return _apply(client, number, head_sha, first)
    except NoResponseError:
        # GitHub may have written it: only reading tells, and a second POST would leave two comments
        client.wait(REREAD_DELAY)
        second = read_and_decide()
    if isinstance(second, Keep):
        return Published("created" if isinstance(first, Create) else "updated", second.comment.url)
    return _apply(client, number, head_sha, second)


def _apply(client: Client, number: int, head_sha: str, action: CommentAction) -> Published:
    if isinstance(action, Nothing):
        return Published("nothing")
    if isinstance(action, Keep):
        return Published("kept", action.comment.url)
    if reason := _stale_reason(client.pull_request(number), head_sha):
        return Published(reason)
    if isinstance(action, Create):
        return Published("created", client.create_comment(number, action.body).url)
    return Published("updated", client.update_comment(action.comment.id, action.body).url)


def _stale_reason(pull_request: PullRequest, head_sha: str) -> Literal["outdated", "closed"] | None:
    if pull_request.head_sha != head_sha:
        return "outdated"
    return "closed" if pull_request.state == "closed" else None


def _is_ours(comment: Comment, first_line: str, viewer: str) -> bool:
    # logins are case-insensitive on GitHub
    by_us = comment.author is not None and comment.author.lower() == viewer.lower()
    return by_us and _normalized(comment.body).partition("\n")[0].rstrip() == first_line


def _with_marker(key: str, body: str) -> str:
    text = f"{marker(key)}\n{body}"
    if len(text) > BODY_LIMIT:
        raise ActionError(
            f"The comment has {len(text)} characters. GitHub's limit is {BODY_LIMIT}.",
            "This is a bug in Model Complexity. Please report it. The report file is complete.",
        )
    return text


def _normalized(text: str) -> str:
    # GitHub may return other line endings, and drops white space at the end
    return text.replace("\r\n", "\n").rstrip()
