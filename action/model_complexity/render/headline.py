"""The comment's first sentence: what the pull request did and whether that is allowed, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.common.metrics import METRICS
from model_complexity.common.text import format_count
from model_complexity.compare import (
    Status,
    delta_of,
    notable_checks,
    same_conditions,
    same_coverage,
    status_of,
    worst_first,
    worst_status,
)
from model_complexity.render.numbers import describe_budget, percent, pluralize, signed
from model_complexity.report import Entry, Failure, FailureKind, Measurement, MetricName, Report

Writer = Callable[[str], str]
"""Writes a name of somebody else's for where it is printed."""

_FAILING: tuple[Status, ...] = ("newly_failing", "failing", "still_failing")
_PHRASES: dict[Status, str] = {
    "incomparable": "{} not comparable with the base, where another method was traced",
    "added": "{} new",
    "fixed": "{} failed before and can be measured now",
    "removed": "{} removed",
    "base_failing": "{} removed that could not be measured",
    "renamed": "{} renamed and otherwise unchanged",
    "unchanged": "{} unchanged",
}
"""In the order in which they are said, after what changed and what fails."""


class _LargestChange(NamedTuple):
    """A figure that changed."""

    entry: Entry
    metric: MetricName
    relative: float | None


def failure_phrase(status: Status, kind: FailureKind) -> str:
    """``cannot be built any more``, ``cannot be run``, ``cannot be loaded, nor could it be before``."""
    verb = f"cannot be {FAILURE_KINDS[kind].verb}"
    return verb + {"newly_failing": " any more", "still_failing": ", nor could it be before"}.get(status, "")


def headline(report: Report, name: Writer, labels: Mapping[str, str]) -> str:
    """One sentence: broken budgets, the largest change by name, then how many configs met each other fate.

    Args:
        report: what was measured.
        name: writes a config's label for where the sentence is printed.
        labels: what each config is called (``view.labels_of``).
    """

    def called(config: str) -> str:
        return name(labels.get(config, config))

    fates = _fates(report)
    parts = [*_over_budget(report, called), *_changed(report, fates, called), *_failing(report)]
    if report.base is None and fates["measured"]:
        parts.append(_first_figures(report, fates["measured"], called))
    parts += [phrase.format(pluralize(fates[fate], "config")) for fate, phrase in _PHRASES.items() if fates[fate]]
    return ("; ".join(parts) or "Nothing was measured") + "."  # it starts with a number or a name, which stays as it is


def _fates(report: Report) -> Counter[Status]:
    """How many configs met each fate; one measured at several shapes counts once, by the worst."""
    compared = report.base is not None
    return Counter(worst_status(tuple(entries), compared=compared) for entries in _by_config(report).values())


def _by_config(report: Report) -> dict[str, list[Entry]]:
    configs: dict[str, list[Entry]] = {}
    for entry in report.entries:
        configs.setdefault(entry.target.name, []).append(entry)
    return configs


def _over_budget(report: Report, called: Writer) -> Iterator[str]:
    broken = [check for check in notable_checks(report) if check.state == "exceeded"]
    if not broken:
        return
    worst = broken[0]
    said = f"{called(worst.config)} breaks its budget with {describe_budget(worst)}"
    if len(broken) > 1:
        configs = len({check.config for check in broken})
        said = f"{pluralize(len(broken), 'budget')} of {pluralize(configs, 'config')} are broken, first of all: {said}"
    yield said


def _changed(report: Report, fates: Counter[Status], called: Writer) -> Iterator[str]:
    if not fates["changed"]:
        return
    moves = [move for entry in worst_first(report) if (move := _move(entry))]
    if not moves:
        alike = all(same_conditions(entry) for entry in report.entries)
        what = "which operators are not counted" if alike else "the conditions that its figures hold for"
        yield f"{pluralize(fates['changed'], 'config')} changed only in {what}"
        return
    # Flops before params before activations; the largest increase before any decrease.
    worst = min(moves, key=lambda move: (list(METRICS).index(move.metric), -_size(move)))
    among = "" if fates["changed"] == 1 else f", the most of {fates['changed']} configs that changed"
    yield f"{_moved(worst, called)}{among}"


def _move(entry: Entry) -> _LargestChange | None:
    for name in METRICS:
        delta = delta_of(name, entry)
        if delta and delta.absolute:
            return _LargestChange(entry, name, delta.relative)
    return None


def _size(move: _LargestChange) -> float:
    return float("inf") if move.relative is None else move.relative


def _moved(move: _LargestChange, called: Writer) -> str:
    """``a.py costs 12.40 % more FLOPs (17.582G → 23.186G)``."""
    delta = delta_of(move.metric, move.entry)
    head, base = move.entry.head, move.entry.base
    if delta is None or not isinstance(head, Measurement) or not isinstance(base, Measurement):
        raise AssertionError  # a move is of two measurements
    size = signed(delta)[0][1:] if delta.relative is None else percent(delta.relative)[1:]
    direction = "more" if delta.absolute > 0 else "fewer"
    metric = METRICS[move.metric]
    figures = f"{format_count(base.figures[move.metric])} → {format_count(head.figures[move.metric])}"
    if not same_coverage(move.metric, move.entry):
        figures += "; other operators were not counted"
    if metric.traced and not same_conditions(move.entry):
        figures += "; under different conditions"
    return f"{called(move.entry.target.name)} {metric.verb} {size} {direction} {metric.noun} ({figures})"


def _failing(report: Report) -> Iterator[str]:
    compared = report.base is not None
    found: Counter[str] = Counter()
    for entries in _by_config(report).values():
        for entry in entries:
            status = status_of(entry, compared=compared)
            if status in _FAILING and isinstance(entry.head, Failure):
                found[failure_phrase(status, entry.head.kind)] += 1
                break  # a config counts once
    for said, configs in found.most_common():
        yield f"{pluralize(configs, 'config')} {said.replace('could it', 'could it' if configs == 1 else 'could they')}"


def _first_figures(report: Report, configs: int, called: Writer) -> str:
    primary = [entry for entry in report.entries if isinstance(entry.head, Measurement)]
    if configs > 1 or len(primary) != 1 or not isinstance(primary[0].head, Measurement):
        return f"{pluralize(configs, 'config')} measured, with no base to compare with"
    head = primary[0].head
    *first, last = (f"{format_count(count)} {METRICS[name].noun}" for name, count in head.figures.items())
    return f"{called(primary[0].target.name)} has {', '.join(first)} and {last}; there is no base to compare with"
