"""Counts and names as text."""

from __future__ import annotations

import pytest

from model_complexity.common.text import format_count, printable


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (7, "7"),
        (100, "100"),
        (101, "0.101K"),
        (1536, "1.536K"),
        (100_000, "100K"),
        (100_001, "0.1M"),
        (91_234_024, "91.234M"),
        (115_605_504, "0.116G"),
        (17_581_972_224, "17.582G"),
        (2_060_000_000, "2.06G"),
        (150_000_000_000, "0.15T"),
        (2 * 10**15, "2P"),
    ],
)
def test_format_count_keeps_three_decimals_of_the_unit_above(count: int, text: str) -> None:
    assert format_count(count) == text


@pytest.mark.parametrize("text", ["a\nb", "a\x1b[31mb", "a\N{RIGHT-TO-LEFT OVERRIDE}b", "a\u2028b", "a\x00b"])
def test_printable_replaces_what_hides_or_breaks_a_line(text: str) -> None:
    shown = printable(text)
    assert "\N{REPLACEMENT CHARACTER}" in shown
    assert shown.isprintable()
