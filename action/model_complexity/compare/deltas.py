"""What a pull request did to one config's figures. Pure functions over the data model."""

from __future__ import annotations

from typing import Literal, NamedTuple

from model_complexity.report import Entry, Failure, Figure, Measurement

FIGURES: tuple[Figure, ...] = ("flops", "params", "activations")

Status = Literal[
    "failing",
    "failed",
    "changed",
    "incomparable",
    "added",
    "fixed",
    "removed",
    "measured",
    "renamed",
    "unchanged",
    "failed_before",
    "base_failed",
]
"""failing: the base has numbers, head has none · failed: no numbers at head, and no base to say since when · failed_before:
neither side has numbers · changed, unchanged: the figures, also of a config that was renamed · renamed: and nothing else ·
incomparable: the sides traced different methods · fixed: the base has no numbers, head has · measured: head only, no base was
asked for · base_failed: a deleted config that could not be measured at the base."""


class Delta(NamedTuple):
    """A difference: exact, and relative to the base (None where the base is 0)."""

    absolute: int
    relative: float | None


def deployed_of(figure: Figure, entry: Entry) -> tuple[int, Delta | None] | None:
    """A figure of the deployed form and its change, if both sides have such a form; None where what is shown has none."""
    shown = entry.shown
    if not isinstance(shown, Measurement) or shown.deployed is None:
        return None
    value: int = getattr(shown.deployed, figure)
    if not (isinstance(entry.head, Measurement) and isinstance(entry.base, Measurement) and entry.base.deployed):
        return value, None
    if figure != "params" and not traced_alike(entry):
        return value, None
    base: int = getattr(entry.base.deployed, figure)
    return value, Delta(value - base, (value - base) / base if base else None)


def delta_of(figure: Figure, entry: Entry) -> Delta | None:
    """Head's figure less base's; None unless both sides were measured, and by the same method for all but params."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return None
    if figure != "params" and not traced_alike(entry):
        return None
    head: int = getattr(entry.head, figure)
    base: int = getattr(entry.base, figure)
    return Delta(head - base, (head - base) / base if base else None)


def traced_alike(entry: Entry) -> bool:
    """Whether the sides' flops and activations are of one method: ``forward`` against ``extract_feat`` says nothing."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.forward == entry.base.forward


def counted_alike(entry: Entry) -> bool:
    """Whether the sides' flops leave out the same operators, as often."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.unsupported_ops.uncounted == entry.base.unsupported_ops.uncounted


def held_alike(entry: Entry) -> bool:
    """Whether the sides' figures hold for the same, such as a number of proposals, and leave out the same."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.conditions == entry.base.conditions


def comparable(figure: Figure, entry: Entry) -> bool:
    """Whether a figure's two sides say something about each other: one method, and for flops the same operators left out."""
    return figure == "params" or (traced_alike(entry) and (figure != "flops" or counted_alike(entry)))


def status_of(entry: Entry, *, compared: bool) -> Status:
    """What happened to a config.

    Args:
        entry: both sides, as measured.
        compared: whether the base was measured in this run at all.
    """
    if isinstance(entry.head, Failure):
        before: dict[type, Status] = {Measurement: "failing", Failure: "failed_before"}
        return before.get(type(entry.base), "failed")
    if entry.head is None:
        return "removed" if isinstance(entry.base, Measurement) else "base_failed"
    if entry.base is None:
        return "added" if compared else "measured"
    return "fixed" if isinstance(entry.base, Failure) else _status_of_both(entry)


def _status_of_both(entry: Entry) -> Status:
    if not traced_alike(entry):
        return "incomparable"
    same = all(getattr(entry.head, figure) == getattr(entry.base, figure) for figure in FIGURES)
    if not (same and counted_alike(entry) and held_alike(entry)):
        return "changed"
    return "renamed" if entry.target.reason == "renamed" else "unchanged"
