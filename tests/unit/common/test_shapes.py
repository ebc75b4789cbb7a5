"""Input shapes parsed from text."""

from __future__ import annotations

import pytest

from model_complexity.common.shapes import parse_shape, parse_shapes


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
def test_parse_shape_gives_channels_height_and_width(text: str, shape: tuple[int, ...]) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize(
    "text", ["0", "-1", "1 2 3", "2.5", "abc", "", "224,", "1e3", "16385", "+5", "0x10", "٣", "9" * 50]
)
def test_parse_shape_raises_one_line_when_text_is_not_a_shape(text: str) -> None:
    with pytest.raises(ValueError, match=r"a whole number|one or two whole numbers") as raised:
        parse_shape(text)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 200


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" AUTO ", "auto"),
        ("points=40000x4", "points=40000x4"),
        ("img=3×224x224   tokens=77:int", "img=3x224x224 tokens=77:int"),
        ("x=1:float mask=7:bool", "x=1 mask=7:bool"),
    ],
)
def test_parse_shape_gives_canonical_text_of_auto_and_named_inputs(text: str, canonical: str) -> None:
    assert parse_shape(text) == canonical
    assert parse_shape(canonical) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("points=", "is not an input"),
        ("=4", "is not an input"),
        ("a-b=4", "is not an input"),
        ("a=4:half", "is not an input"),
        ("a=4 224", "is not an input"),
        ("a=٤", "is not an input"),
        ("a=0", "is out of range"),
        ("a=1x1x1x1x1x1x1", "is out of range"),
        ("a=99999999", "is out of range"),
        ("a=16777216x16777216", "is out of range"),
        ("a=1 a=2", "is given twice"),
        (" ".join(f"a{number}=1" for number in range(17)), "too many"),
    ],
)
def test_parse_shape_raises_when_named_inputs_are_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_shape(text)


def test_parse_shapes_splits_lines_and_commas_without_duplicates() -> None:
    assert parse_shapes("224\n384x512, 224 224\n\nauto;a=4 b=5:int") == (
        (3, 224, 224),
        (3, 384, 512),
        "auto",
        "a=4 b=5:int",
    )


def test_parse_shapes_raises_when_there_is_none() -> None:
    with pytest.raises(ValueError, match="no shape is given"):
        parse_shapes(" \n , ")
