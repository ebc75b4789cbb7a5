"""Parsing of ranges."""

from __future__ import annotations

import pytest

from model_complexity.commands.revisions import Range, parse_range
from model_complexity.errors import ActionError


@pytest.mark.parametrize(
    ("text", "base", "head", "use_merge_base"),
    [
        ("", None, None, True),
        ("main", "main", None, True),
        ("HEAD~2", "HEAD~2", None, True),
        ("a..b", "a", "b", False),
        ("a...b", "a", "b", True),
        ("v1.2..", "v1.2", "HEAD", False),
        ("..b", "HEAD", "b", False),
        ("main...", "main", "HEAD", True),
        ("...topic/x", "HEAD", "topic/x", True),
        ("..", "HEAD", "HEAD", False),
    ],
)
def test_parse_range_returns_both_sides(text: str, base: str | None, head: str | None, use_merge_base: bool) -> None:
    assert parse_range(text) == Range(base, head, use_merge_base)


@pytest.mark.parametrize("text", ["a..b..c", "a...b..c", "a..b...c", "a....b", "....."])
def test_parse_range_fails_for_more_than_two_sides(text: str) -> None:
    with pytest.raises(ActionError, match=r"is not a range of commits\. Write BASE, BASE\.\.HEAD or"):
        parse_range(text)
