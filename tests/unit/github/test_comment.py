"""Identify our comment, and decide what to do about it."""

from __future__ import annotations

import pytest

from model_complexity.errors import ActionError
from model_complexity.github.client import Comment
from model_complexity.github.comment import (
    BODY_LIMIT,
    CommentAction,
    Create,
    Keep,
    Nothing,
    Update,
    decide,
    marker,
    max_body_length,
)

CLEARED = "No config is changed."
US = "github-actions[bot]"
MARK = '<!-- model-complexity key="main" -->'
TEXT = f"{MARK}\n17.582G"


def decide_on(*comments: Comment, body: str | None = "17.582G", viewer: str = US) -> CommentAction:
    return decide(comments, key="main", viewer=viewer, body=body, cleared=CLEARED)


def comment(number: int, body: str, author: str | None = US) -> Comment:
    return Comment(number, author, body, f"https://example.invalid/{number}")


def test_comment_is_created_with_the_marker_as_its_first_line() -> None:
    assert decide_on(comment(1, "Nice!", "octocat")) == Create(TEXT)


def test_our_comment_is_updated_when_its_text_differs() -> None:
    ours = comment(2, f"{MARK}\n16.867G")
    assert decide_on(comment(1, "x"), ours) == Update(ours, TEXT)


@pytest.mark.parametrize(
    "body", [TEXT, f"{MARK}\r\n17.582G\r\n", f"{TEXT}\n\n", f"{MARK} \n17.582G".replace(" \n", "\n")]
)
def test_our_comment_is_kept_when_only_line_endings_differ(body: str) -> None:
    ours = comment(2, body)
    assert decide_on(ours, viewer="GitHub-Actions[bot]") == Keep(ours)


@pytest.mark.parametrize(
    "stranger",
    [
        comment(1, TEXT, "mallory"),
        comment(1, TEXT, "github-actions"),
        comment(1, TEXT, None),
        comment(1, f"> {TEXT}"),
        comment(1, f"See below\n{TEXT}"),
        comment(1, f"{MARK} and more\n17.582G"),
        comment(1, '<!-- model-complexity key="other" -->\n17.582G'),
        comment(1, ""),
    ],
    ids=["copied", "like-named", "ghost", "quoted", "not-first", "not-alone", "other-key", "empty"],
)
def test_foreign_comment_is_left_alone(stranger: Comment) -> None:
    assert decide_on(stranger) == Create(TEXT)


def test_oldest_comment_is_updated_when_there_are_duplicates() -> None:
    oldest = comment(3, f"{MARK}\nold")
    assert decide_on(comment(9, TEXT), oldest) == Update(oldest, TEXT)


def test_existing_comment_is_cleared_once_when_there_is_nothing_to_report() -> None:
    ours = comment(3, TEXT)
    cleared = comment(3, f"{MARK}\n{CLEARED}")
    assert decide_on(ours, body=None) == Update(ours, cleared.body)
    assert decide_on(cleared, body=None) == Keep(cleared)
    assert decide_on(comment(1, "x"), body=None) == Nothing()


@pytest.mark.parametrize(
    "key", ["", "a b", "a" * 65, 'a"', "a-->", "a\n", ".", "..", ".git", "a/b", "\N{CYRILLIC SMALL LETTER A}"]
)
def test_key_is_refused_when_it_could_escape_the_marker_or_its_folder(key: str) -> None:
    with pytest.raises(ActionError, match="`key` is invalid"):
        marker(key)


def test_body_is_accepted_up_to_its_maximum_length() -> None:
    full = decide_on(body="x" * max_body_length("main"))
    assert isinstance(full, Create)
    assert len(full.body) == BODY_LIMIT
    with pytest.raises(ActionError, match=r"The comment has 65537 characters\. GitHub's limit is 65536\."):
        decide_on(body="x" * (max_body_length("main") + 1))
