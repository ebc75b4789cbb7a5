"""Input shapes as people write them: ``224``, ``224 384`` or ``224x384``, height first."""

from __future__ import annotations

import re
from typing import Sequence, Tuple

CHANNELS = 3
LARGEST_SIDE = 16_384

Shape = Tuple[int, ...]


def parse_shape(text: str) -> Shape:
    """Parses one shape.

    Args:
        text: one side (square) or height and width, separated by white space or ``x``.

    Returns:
        (C, H, W) with C = 3.

    Raises:
        ValueError: with a one-line message, when the text is not a shape.
    """
    return shape_of([side for side in re.split(r"[\sx×]+", text.strip().lower()) if side] or [text])


def parse_shapes(text: str) -> Tuple[Shape, ...]:
    """Parses several shapes, one a line or separated by commas; repeated ones are dropped.

    Raises:
        ValueError: with a one-line message, when one of them is not a shape or there is none.
    """
    written = [part for part in re.split(r"[\n,;]", text) if part.strip()]
    if not written:
        raise ValueError("no shape is given")
    return tuple(dict.fromkeys(parse_shape(part) for part in written))


def shape_of(sides: Sequence[str]) -> Shape:
    """Makes (C, H, W) of one or two sides.

    Raises:
        ValueError: with a one-line message, when there are more than two or one is not a whole number in range.
    """
    if len(sides) not in (1, 2):
        raise ValueError(f"a shape is one or two whole numbers (height and width), not {len(sides)}: {' '.join(sides)}")
    lengths = [_side(side) for side in sides]
    return (CHANNELS, lengths[0], lengths[-1])


def _side(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, flags=re.ASCII) or not 1 <= int(text) <= LARGEST_SIDE:
        raise ValueError(f"{text[:40]!r} is not a side of an image: a whole number from 1 to {LARGEST_SIDE}")
    return int(text)
