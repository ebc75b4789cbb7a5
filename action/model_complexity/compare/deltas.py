"""The deltas and the status of one config. Pure functions over the data model."""

from __future__ import annotations

from typing import Literal, NamedTuple

from model_complexity.common.metrics import METRICS
from model_complexity.report import Entry, Failure, Measurement, MetricName

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
"""Failures at head: newly_failing has figures at the base, still_failing has none, failing has no base. base_failing: a deleted
config that failed at the base. fixed: only the base failed. changed, unchanged: the figures. renamed: unchanged at another
path. incomparable: the sides have different entry points. measured: head only, without a base in this run."""


class Delta(NamedTuple):
    """An exact difference, and its ratio to the base (None if the base is 0)."""

    absolute: int
    relative: float | None

    @classmethod
    def between(cls, head: int, base: int) -> Delta:
        """Compute head less base."""
        return cls(head - base, (head - base) / base if base else None)


def deployed_of(metric: MetricName, entry: Entry) -> tuple[int, Delta | None] | None:
    """Return a figure of the deployed form with its delta; None without such a form."""
    primary = entry.primary
    if not isinstance(primary, Measurement) or primary.deployed is None:
        return None
    value = primary.deployed.figures[metric]
    if not (isinstance(entry.head, Measurement) and isinstance(entry.base, Measurement) and entry.base.deployed):
        return value, None
    if not _has_comparable_entry_points(metric, entry):
        return value, None
    return value, Delta.between(value, entry.base.deployed.figures[metric])


def delta_of(metric: MetricName, entry: Entry) -> Delta | None:
    """Return head less base; None unless both are measured from comparable entry points."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return None
    if not _has_comparable_entry_points(metric, entry):
        return None
    return Delta.between(entry.head.figures[metric], entry.base.figures[metric])


def _has_comparable_entry_points(metric: MetricName, entry: Entry) -> bool:
    return not METRICS[metric].needs_forward or same_entry_point(entry)


def same_entry_point(entry: Entry) -> bool:
    """Return whether both sides ran the same entry point."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.entry_point == entry.base.entry_point


def same_uncounted_ops(entry: Entry) -> bool:
    """Return whether both sides leave out the same operators, as often."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.unsupported_ops.uncounted == entry.base.unsupported_ops.uncounted


def same_conditions(entry: Entry) -> bool:
    """Return whether both sides have the same conditions, such as a number of proposals."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return True
    return entry.head.conditions == entry.base.conditions


def comparable(metric: MetricName, entry: Entry) -> bool:
    """Return whether both sides have the same entry point and uncounted operators."""
    return _has_comparable_entry_points(metric, entry) and same_coverage(metric, entry)


def same_coverage(metric: MetricName, entry: Entry) -> bool:
    """Return whether the sides' figures of a metric leave out the same operators."""
    return not METRICS[metric].needs_handles or same_uncounted_ops(entry)


def status_of(entry: Entry, *, compared: bool) -> Status:
    """Return what happened to a config.

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
    head, base = (side.figures if isinstance(side, Measurement) else {} for side in (entry.head, entry.base))
    if not (head == base and same_uncounted_ops(entry) and same_conditions(entry)):
        return "changed"
    return "renamed" if entry.target.reason == "renamed" else "unchanged"
