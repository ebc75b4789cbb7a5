"""What a pull request did to one config's figures. Pure functions over the data model."""

from __future__ import annotations

from typing import Literal, NamedTuple

from model_complexity.report import Entry, Failure, Measurement, Metric

METRICS: tuple[Metric, ...] = ("flops", "params", "activations")

Status = Literal[
    "newly_failing",
    "failing",
    "changed",
    "incomparable",
    "added",
    "fixed",
    "removed",
    "measured",
    "renamed",
    "unchanged",
    "still_failing",
    "base_failing",
]
"""failing: the base has numbers, head has none · failed: no numbers at head, and no base to say since when · failed_before:
neither side has numbers · changed, unchanged: the figures, also of a config that was renamed · renamed: and nothing else ·
incomparable: the sides traced different methods · fixed: the base has no numbers, head has · measured: head only, no base was
asked for · base_failed: a deleted config that could not be measured at the base."""


class Delta(NamedTuple):
    """A difference: exact, and relative to the base (None where the base is 0)."""

    absolute: int
    relative: float | None


def deployed_of(metric: Metric, entry: Entry) -> tuple[int, Delta | None] | None:
    """A figure of the deployed form and its change, if both sides have such a form; None where what is shown has none."""
    primary = entry.primary
    if not isinstance(primary, Measurement) or primary.deployed is None:
        return None
    value: int = getattr(primary.deployed, metric)
    if not (isinstance(entry.head, Measurement) and isinstance(entry.base, Measurement) and entry.base.deployed):
        return value, None
    if metric != "params" and not same_entry_point(entry):
        return value, None
    base: int = getattr(entry.base.deployed, metric)
    return value, Delta(value - base, (value - base) / base if base else None)


def delta_of(metric: Metric, entry: Entry) -> Delta | None:
    """Head's figure less base's; None unless both sides were measured, and by the same method for all but params."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return None
    if metric != "params" and not same_entry_point(entry):
        return None
    head: int = getattr(entry.head, metric)
    base: int = getattr(entry.base, metric)
    return Delta(head - base, (head - base) / base if base else None)


def same_entry_point(entry: Entry) -> bool:
    """Whether the sides' flops and activations are of one method: ``entry_point`` against ``extract_feat`` says nothing."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.entry_point == entry.base.entry_point


def same_uncounted_ops(entry: Entry) -> bool:
    """Whether the sides' flops leave out the same operators, as often."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.unsupported_ops.uncounted == entry.base.unsupported_ops.uncounted


def same_conditions(entry: Entry) -> bool:
    """Whether the sides' figures hold for the same, such as a number of proposals, and leave out the same."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.conditions == entry.base.conditions


def comparable(metric: Metric, entry: Entry) -> bool:
    """Whether a figure's two sides say something about each other: one method, and for flops the same operators left out."""
    return metric == "params" or (same_entry_point(entry) and (metric != "flops" or same_uncounted_ops(entry)))


def status_of(entry: Entry, *, compared: bool) -> Status:
    """What happened to a config.

    Args:
        entry: both sides, as measured.
        compared: whether the base was measured in this run at all.
    """
    if isinstance(entry.head, Failure):
        before: dict[type, Status] = {Measurement: "newly_failing", Failure: "still_failing"}
        return before.get(type(entry.base), "failing")
    if entry.head is None:
        return "removed" if isinstance(entry.base, Measurement) else "base_failing"
    if entry.base is None:
        return "added" if compared else "measured"
    return "fixed" if isinstance(entry.base, Failure) else _status_of_both(entry)


def _status_of_both(entry: Entry) -> Status:
    if not same_entry_point(entry):
        return "incomparable"
    same = all(getattr(entry.head, metric) == getattr(entry.base, metric) for metric in METRICS)
    if not (same and same_uncounted_ops(entry) and same_conditions(entry)):
        return "changed"
    return "renamed" if entry.target.reason == "renamed" else "unchanged"
