"""The comment's first sentence: what the pull request did, in plain words."""

from __future__ import annotations

from collections import Counter

from model_complexity.compare import Status, counted_alike, delta_of, status_of
from model_complexity.measure.page import figure
from model_complexity.render.escape import code
from model_complexity.render.figures import counted, percent
from model_complexity.report import Entry, Measurement, Report

_PHRASES: dict[Status, str] = {
    "changed": "{} changed",
    "unchanged": "{} unchanged",
    "incomparable": "{} not comparable with the base, where another method was traced",
    "added": "{} new",
    "removed": "{} removed",
    "measured": "{} measured",
    "fixed": "{} failed before and can be measured now",
    "failed": "{} cannot be measured",
    "base_failed": "{} removed",
}
"""In the order in which they are said."""


def verdict(report: Report) -> str:
    """One sentence: the largest change of flops by name, then how many configs met each fate."""
    compared = report.base is not None
    fates = Counter(status_of(entry, compared=compared) for entry in report.entries)
    noun = "config" if len({entry.shape for entry in report.entries}) == 1 else "result"
    parts = [phrase.format(counted(fates[fate], noun)) for fate, phrase in _PHRASES.items() if fates[fate]]
    largest = _largest(report.entries)
    if largest:
        parts.insert(0, largest)
    sentence = "; ".join(parts) or "Nothing was measured"
    return sentence[0].upper() + sentence[1:] + "."


def _largest(entries: tuple[Entry, ...]) -> str | None:
    moved = [(delta.relative, entry) for entry in entries if (delta := delta_of("flops", entry)) and delta.relative]
    if not moved:
        return None
    relative, entry = max(moved, key=lambda pair: (abs(pair[0]), pair[1].target.name))
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        raise AssertionError
    direction = "more" if relative > 0 else "fewer"
    size = percent(abs(relative)).lstrip("+")
    figures = f"{figure(entry.base.flops)} → {figure(entry.head.flops)}"
    if not counted_alike(entry):
        figures += "; other operators were not counted"
    return f"{code(entry.target.name, 120)} takes {size} {direction} flops ({figures})"
