"""The headline: exceeded budgets, the largest change, and what happened to the other configs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

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
from model_complexity.render.vocabulary import STATUSES, failure_phrase
from model_complexity.report import Entry, Failure, FailureKind, Measurement, MetricName, Report

Writer = Callable[[str], str]
"""Makes an untrusted name safe for where it is printed."""

_FAILING: tuple[Status, ...] = ("newly_failing", "failing", "still_failing")


class _LargestChange(NamedTuple):
    """The largest relative change of a metric."""

    entry: Entry
    metric: MetricName
    relative: float | None


def headline(report: Report, name: Writer, labels: Mapping[str, str]) -> str:
    """Write the headline: exceeded budgets, the largest change, then how many configs have each other status.

    Args:
        report: what was measured.
        name: writes a config's label for where the sentence is printed.
        labels: each config's short name (``view.labels_of``).
    """

    def label(config: str) -> str:
        return name(labels.get(config, config))

    statuses = _statuses(report)
    parts = [*_over_budget(report, label), *_changed(report, statuses, label), *_failing(report)]
    if report.base is None and statuses["measured"]:
        parts.append(_first_figures(report, statuses["measured"], label))
    parts += [
        f"{pluralize(statuses[status], 'config')} {'is' if statuses[status] == 1 else 'are'} {words.tally}"
        for status, words in STATUSES.items()
        if words.tally and statuses[status]
    ]
    return ". ".join(parts or ["Nothing was measured"]) + "."


def _statuses(report: Report) -> Counter[Status]:
    """How many configs have each status. One with several shapes counts once, by the worst."""
    compared = report.base is not None
    return Counter(worst_status(tuple(entries), compared=compared) for entries in _by_config(report).values())


def _by_config(report: Report) -> dict[str, list[Entry]]:
    configs: dict[str, list[Entry]] = {}
    for entry in report.entries:
        configs.setdefault(entry.target.name, []).append(entry)
    return configs


def _over_budget(report: Report, label: Writer) -> Iterator[str]:
    exceeded = [check for check in notable_checks(report) if check.state == "exceeded"]
    if not exceeded:
        return
    worst = exceeded[0]
    sentence = f"{label(worst.config)} exceeds its budget with {describe_budget(worst)}"
    if len(exceeded) > 1:
        configs = len({check.config for check in exceeded})
        sentence = (
            f"{pluralize(len(exceeded), 'budget')} of {pluralize(configs, 'config')} are exceeded. Worst: {sentence}"
        )
    yield sentence


def _changed(report: Report, statuses: Counter[Status], label: Writer) -> Iterator[str]:
    if not statuses["changed"]:
        return
    changes = [change for entry in worst_first(report) if (change := _largest_change(entry))]
    if not changes:
        same_for_all = all(same_conditions(entry) for entry in report.entries)
        what = "uncounted operators" if same_for_all else "conditions"
        yield f"{pluralize(statuses['changed'], 'config')} changed only in {what}"
        return
    # Flops before params before activations; the largest increase before any decrease.
    worst = min(changes, key=lambda change: (list(METRICS).index(change.metric), -_size(change)))
    among = "" if statuses["changed"] == 1 else f", the largest change of {statuses['changed']} configs"
    yield f"{_describe_change(worst, label)}{among}"


def _largest_change(entry: Entry) -> _LargestChange | None:
    for name in METRICS:
        delta = delta_of(name, entry)
        if delta and delta.absolute:
            return _LargestChange(entry, name, delta.relative)
    return None


def _size(change: _LargestChange) -> float:
    return float("inf") if change.relative is None else change.relative


def _describe_change(change: _LargestChange, label: Writer) -> str:
    """``a.py costs 12.40 % more FLOPs (17.582G → 23.186G)``."""
    delta = delta_of(change.metric, change.entry)
    head, base = change.entry.head, change.entry.base
    if delta is None or not isinstance(head, Measurement) or not isinstance(base, Measurement):
        raise AssertionError  # a change has two measurements
    size = signed(delta)[0][1:] if delta.relative is None else percent(delta.relative)[1:]
    direction = "more" if delta.absolute > 0 else "fewer"
    metric = METRICS[change.metric]
    figures = f"{format_count(base.figures[change.metric])} → {format_count(head.figures[change.metric])}"
    if not same_coverage(change.metric, change.entry):
        figures += ", uncounted operators differ"
    if metric.needs_forward and not same_conditions(change.entry):
        figures += ", conditions differ"
    return f"{label(change.entry.target.name)} {metric.verb} {size} {direction} {metric.noun} ({figures})"


def _failing(report: Report) -> Iterator[str]:
    compared = report.base is not None
    failures: Counter[tuple[Status, FailureKind]] = Counter()
    for entries in _by_config(report).values():
        for entry in entries:
            status = status_of(entry, compared=compared)
            if status in _FAILING and isinstance(entry.head, Failure):
                failures[status, entry.head.kind] += 1
                break  # a config counts once
    phrases: Counter[tuple[str, str]] = Counter()  # kinds that share a verb are one
    for (status, kind), configs in failures.items():
        phrases[failure_phrase(status, kind), failure_phrase(status, kind, 2)] += configs
    for (singular, plural), configs in phrases.most_common():
        yield f"{pluralize(configs, 'config')} {singular if configs == 1 else plural}"


def _first_figures(report: Report, configs: int, label: Writer) -> str:
    primary = [entry for entry in report.entries if isinstance(entry.head, Measurement)]
    if configs > 1 or len(primary) != 1 or not isinstance(primary[0].head, Measurement):
        return f"{pluralize(configs, 'config')} are measured. There is no base to compare with"
    head = primary[0].head
    *first, last = (f"{format_count(count)} {METRICS[name].noun}" for name, count in head.figures.items())
    return f"{label(primary[0].target.name)} has {', '.join(first)} and {last}. There is no base to compare with"
