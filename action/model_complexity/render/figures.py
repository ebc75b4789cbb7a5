"""Numbers as the comment writes them: the page's figures, and deltas with a sign."""

from __future__ import annotations

from collections.abc import Sequence

from model_complexity.compare import Delta
from model_complexity.measure.page import figure

MINUS = "\N{MINUS SIGN}"


def signed(delta: Delta) -> str:
    """``+0.715G (+4.24 %)``, ``no change``, or without the percentage where the base is 0."""
    if delta.absolute == 0:
        return "no change"
    text = _sign(delta.absolute) + figure(abs(delta.absolute))
    return text if delta.relative is None else f"{text} ({percent(delta.relative)})"


def percent(relative: float) -> str:
    """Two decimals and a sign; a change too small to show is not shown as none."""
    if abs(relative) < 0.00005:
        return f"{_sign(relative)}<0.01 %"
    return f"{_sign(relative)}{abs(relative) * 100:,.2f} %"


def shape_text(shape: Sequence[int]) -> str:
    """``(3, 224, 224)``, as the page's block writes it."""
    return f"({', '.join(str(side) for side in shape)})"


def counted(number: int, noun: str) -> str:
    """``1 config``, ``2 configs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sign(value: float) -> str:
    return MINUS if value < 0 else "+"
