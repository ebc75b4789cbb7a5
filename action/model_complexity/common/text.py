"""Counts and untrusted names as text, the same in the worker and on the host."""

from __future__ import annotations

_UNITS = ((1e14, 1e15, "P"), (1e11, 1e12, "T"), (1e8, 1e9, "G"), (1e5, 1e6, "M"), (1e2, 1e3, "K"))


def format_count(count: int) -> str:
    """Write a count with three decimals of the unit above it: ``17582221824`` as ``17.582G``."""
    for above, unit, letter in _UNITS:
        if abs(count) > above:
            return f"{count / unit:.3f}".rstrip("0").rstrip(".") + letter
    return str(count)


def printable(text: str) -> str:
    """Replace control, format and other unprintable characters, which break a line or hide in it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
