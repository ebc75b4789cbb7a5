"""Numbers as the comment writes them: the page's figures, and deltas with a sign."""

from __future__ import annotations

from collections.abc import Sequence

from model_complexity.compare import Delta
from model_complexity.measure.page import figure

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


def counted(number: int, noun: str) -> str:
    """``1 config``, ``2 configs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sign(value: float) -> str:
    return MINUS if value < 0 else "+"
