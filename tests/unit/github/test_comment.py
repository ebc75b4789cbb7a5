"""Which comment is ours, and what to do about it."""

from __future__ import annotations

import pytest

from model_complexity.errors import ActionError
from model_complexity.github.client import Comment
from model_complexity.github.comment import BODY_LIMIT, Create, Keep, Nothing, Update, decide, marker, max_body_length

US = "github-actions[bot]"
MARK = '<!-- model-complexity key="main" -->'
TEXT = f"{MARK}\n17.582G"


def comment(number: int, body: str, author: str | None = US) -> Comment:
    return Comment(number, author, body, f"https://example.invalid/{number}")


def test_the_first_comment_is_created_with_the_marker_as_its_first_line() -> None:
    assert decide([comment(1, "Nice!", "octocat")], key="main", viewer=US, body="17.582G") == Create(TEXT)


def test_ours_is_updated_when_it_says_something_else() -> None:
    ours = comment(2, f"{MARK}\n16.867G")
    assert decide([comment(1, "x"), ours], key="main", viewer=US, body="17.582G") == Update(ours, TEXT)


@pytest.mark.parametrize(
    "body", [TEXT, f"{MARK}\r\n17.582G\r\n", f"{TEXT}\n\n", f"{MARK} \n17.582G".replace(" \n", "\n")]
)
def test_ours_is_kept_when_it_says_the_same_in_githubs_line_ends(body: str) -> None:
    ours = comment(2, body)
    assert decide([ours], key="main", viewer="GitHub-Actions[bot]", body="17.582G") == Keep(ours)


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
def test_a_comment_that_is_not_ours_is_left_alone(stranger: Comment) -> None:
    assert decide([stranger], key="main", viewer=US, body="17.582G") == Create(TEXT)


def test_of_duplicates_the_oldest_is_the_one() -> None:
    oldest = comment(3, f"{MARK}\nold")
    assert decide([comment(9, TEXT), oldest], key="main", viewer=US, body="17.582G") == Update(oldest, TEXT)


def test_without_a_report_an_earlier_comment_is_cleared_once_and_nothing_else_is_written() -> None:
    ours = comment(3, TEXT)
    cleared = comment(3, f"{MARK}\nNo config is touched.")
    arguments = {"key": "main", "viewer": US, "cleared": "No config is touched."}
    assert decide([ours], body=None, **arguments) == Update(ours, cleared.body)
    assert decide([cleared], body=None, **arguments) == Keep(cleared)
    assert decide([comment(1, "x")], body=None, **arguments) == Nothing()


@pytest.mark.parametrize(
    "key", ["", "a b", "a" * 65, 'a"', "a-->", "a\n", ".", "..", ".git", "a/b", "\N{CYRILLIC SMALL LETTER A}"]
)
def test_a_key_that_could_break_out_of_the_marker_or_of_its_folder_is_refused(key: str) -> None:
    with pytest.raises(ActionError, match="`key` is not usable"):
        marker(key)


def test_a_body_may_fill_its_room_and_no_more() -> None:
    full = decide([], key="main", viewer=US, body="x" * max_body_length("main"))
    assert isinstance(full, Create)
    assert len(full.body) == BODY_LIMIT
    with pytest.raises(ActionError, match="The comment has 65537 characters; GitHub takes 65536"):
        decide([], key="main", viewer=US, body="x" * (max_body_length("main") + 1))
