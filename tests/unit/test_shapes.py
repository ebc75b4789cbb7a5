"""Shapes as people write them."""

from __future__ import annotations

import pytest

from model_complexity.measure.shapes import parse_shape, parse_shapes


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("224", (3, 224, 224)),
        (" 224 384 ", (3, 224, 384)),
        ("224x384", (3, 224, 384)),
        ("224 X 384", (3, 224, 384)),
        ("800×1333", (3, 800, 1333)),
        ("1", (3, 1, 1)),
        ("16384", (3, 16384, 16384)),
    ],
)
def test_one(text: str, shape: tuple[int, ...]) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    "text", ["0", "-1", "1 2 3", "2.5", "abc", "", "224,", "1e3", "16385", "+5", "0x10", "٣", "9" * 50]
)
def test_not_a_shape(text: str) -> None:
    with pytest.raises(ValueError, match=r"a whole number|one or two whole numbers") as raised:
        parse_shape(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


def test_several_on_lines_or_with_commas_each_once() -> None:
    assert parse_shapes("224\n384x512, 224 224\n\n") == ((3, 224, 224), (3, 384, 512))


def test_none() -> None:
    with pytest.raises(ValueError, match="no shape is given"):
        parse_shapes(" \n , ")
