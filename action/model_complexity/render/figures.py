"""Numbers as the comment writes them: the page's figures, and deltas with a sign."""

from __future__ import annotations

from collections.abc import Sequence

from model_complexity.compare import Delta
from model_complexity.measure.page import figure
from model_complexity.measure.shapes import Asked
from model_complexity.report import Entry, Measurement

MINUS = "\N{MINUS SIGN}"
NARROW = "\N{NO-BREAK SPACE}"
"""Between a number and its unit: a table cell breaks at any other space."""


def signed(delta: Delta) -> tuple[str, ...]:
    """``+0.715G`` and ``+4.24 %``, or ``no change``, or the first alone where the base is 0."""
    if delta.absolute == 0:
        return ("no change",)
    absolute = _sign(delta.absolute) + figure(abs(delta.absolute))
    return (absolute,) if delta.relative is None else (absolute, percent(delta.relative))


def percent(relative: float) -> str:
    """Two decimals and a sign; a change too small to show is not shown as none."""
    if abs(relative) < 0.00005:
        return f"{_sign(relative)}<0.01{NARROW}%"
    return f"{_sign(relative)}{abs(relative) * 100:,.2f}{NARROW}%"


def shape_text(shape: Sequence[int]) -> str:
    """``(3, 224, 224)``, as the page's block writes it, kept on one line."""
    return f"({f',{NARROW}'.join(str(side) for side in shape)})"


def asked_text(asked: Asked) -> str:
    """What was asked for, where nothing was fed."""
    return asked if isinstance(asked, str) else shape_text(asked)


def fed_text(measurement: Measurement, *, batch: bool = False) -> str:
    """What was fed: ``(3, 224, 224)``, or each named input with its name."""
    first = 0 if batch else 1
    if not measurement.inputs:
        return shape_text(measurement.input_shape[first:])
    return ", ".join(f"{name} {shape_text(shape[first:])}" for name, shape in measurement.inputs.items())


def input_text(entry: Entry) -> str:
    """What an entry is about: what was fed, or what was asked for where it could not be measured."""
    return fed_text(entry.shown) if isinstance(entry.shown, Measurement) else asked_text(entry.shape)


def counted(number: int, noun: str) -> str:
    """``1 config``, ``2 configs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sign(value: float) -> str:
    return MINUS if value < 0 else "+"
