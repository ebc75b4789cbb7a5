"""Parse input shapes: ``auto``, ``224``, ``224x384`` (height first), or inputs by name: ``points=40000x4``."""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Sequence, Tuple, Union

CHANNELS = 3
LARGEST_SIDE = 16_384
LARGEST_NAMED = 2**24
"""Largest dimension of a named input. Points and tokens outnumber the rows of an image."""
LARGEST_INPUT = 2**31
"""Largest number of elements of one input."""
MOST_INPUTS = 16
MOST_DIMENSIONS = 6
AUTO = "auto"
"""The size of a config's own test pipeline, resolved when the config is read."""

Shape = Tuple[int, ...]
InputSpec = Union[Shape, str]
"""A requested input: (C, H, W) of one image, ``auto``, or the canonical text of named inputs (see ``named_inputs``)."""

_NAMED = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,59})=([0-9]{1,9}(?:[x×][0-9]{1,9})*)(?::(float|int|bool))?", re.ASCII)


class NamedInput(NamedTuple):
    """One named input. ``shape`` excludes the batch dimension."""

    name: str
    shape: Shape
    kind: str
    """``float``, ``int`` or ``bool``."""

    def __str__(self) -> str:
        text = f"{self.name}={'x'.join(map(str, self.shape))}"
        return text if self.kind == "float" else f"{text}:{self.kind}"


def parse_shape(text: str) -> InputSpec:
    """Parse one shape.

    Args:
        text: ``auto``; or one side (square) or height and width, separated by white space or ``x``; or inputs by name,
            ``NAME=DIMENSIONS[:float|int|bool]`` each, separated by white space.

    Returns:
        (C, H, W) with C = 3, ``auto``, or the canonical text of the named inputs.

    Raises:
        ValueError: the text is not a shape.
    """
    if text.strip().lower() == AUTO:
        return AUTO
    if "=" in text:
        return " ".join(str(named) for named in named_inputs(text))
    return shape_of([side for side in re.split(r"[\sx×]+", text.strip().lower()) if side] or [text])


def parse_shapes(text: str) -> Tuple[InputSpec, ...]:
    """Parse shapes separated by lines or commas, without duplicates.

    Raises:
        ValueError: one of them is not a shape or there is none.
    """
    written = [part for part in re.split(r"[\n,;]", text) if part.strip()]
    if not written:
        raise ValueError("no shape is given")
    return tuple(dict.fromkeys(parse_shape(part) for part in written))


def shape_of(sides: Sequence[str]) -> Shape:
    """Make (C, H, W) of one or two sides.

    Raises:
        ValueError: there are more than two, or one is not a whole number in range.
    """
    if len(sides) not in (1, 2):
        raise ValueError(f"a shape is one or two whole numbers (height and width), not {len(sides)}: {' '.join(sides)}")
    lengths = [_side(side) for side in sides]
    return (CHANNELS, lengths[0], lengths[-1])


def named_inputs(text: str) -> Tuple[NamedInput, ...]:
    """Parse named inputs without their batch of 1, e.g. ``img=3x224x224 tokens=77:int``.

    Raises:
        ValueError: an input is malformed or out of range, or a name occurs twice.
    """
    inputs: Dict[str, NamedInput] = {}
    for part in text.split():
        named = _named(part)
        if named.name in inputs:
            raise ValueError(f"the input {named.name!r} is given twice")
        inputs[named.name] = named
    if len(inputs) > MOST_INPUTS:
        raise ValueError(f"{len(inputs)} inputs are too many: at most {MOST_INPUTS}")
    return tuple(inputs.values())


def _named(text: str) -> NamedInput:
    match = _NAMED.fullmatch(text)
    if match is None:
        raise ValueError(f"{text[:60]!r} is not an input: NAME=DIMENSIONS, such as points=40000x4 or tokens=77:int")
    shape = tuple(int(side) for side in re.split("[x×]", match[2]))
    elements = 1
    for side in shape:
        elements *= side
    if (
        len(shape) > MOST_DIMENSIONS
        or not all(1 <= side <= LARGEST_NAMED for side in shape)
        or elements > LARGEST_INPUT
    ):
        raise ValueError(
            f"{text[:60]!r} is out of range: at most {MOST_DIMENSIONS} dimensions from 1 to {LARGEST_NAMED}, "
            f"{LARGEST_INPUT} elements together"
        )
    return NamedInput(match[1], shape, match[3] or "float")


def _side(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, flags=re.ASCII) or not 1 <= int(text) <= LARGEST_SIDE:
        raise ValueError(f"{text[:40]!r} is not a side of an image: a whole number from 1 to {LARGEST_SIDE}")
    return int(text)
