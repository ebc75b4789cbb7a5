"""The order of entries for a reviewer, and the entries that need no line of their own. Pure functions."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from model_complexity.common.metrics import METRICS
from model_complexity.compare.deltas import Status, delta_of, status_of
from model_complexity.report import BudgetCheck, Entry, InputSpec, MetricName, Report

STATES = ("exceeded", "already_exceeded", "ignored", "near", "ok")
"""The states of a budget, worst first."""
_STATUS_RANK: dict[Status, int] = {
    "newly_failing": 0,
    "failing": 0,
    "changed": 1,
    "incomparable": 1,
    "added": 2,
    "fixed": 2,
    "measured": 2,
    "removed": 3,
    "still_failing": 4,
    "renamed": 5,
    "unchanged": 6,
    "base_failing": 7,
}


class CollapsedConfigs(NamedTuple):
    """Configs selected through a base file whose figures are equal on both sides."""

    through: str
    configs: int


def worst_first(report: Report) -> tuple[Entry, ...]:
    """Sort entries: exceeded budgets, failures, the largest growth (by the order of ``METRICS``), the rest."""
    checks = checks_by_entry(report)

    def weight(entry: Entry) -> tuple[float, ...]:
        status = _STATUS_RANK[status_of(entry, compared=report.base is not None)]
        exceeded = any(check.state == "exceeded" for check in checks.get((entry.target.name, entry.shape), ()))
        return (not exceeded, status, *(-_growth(entry, name) for name in METRICS))

    return tuple(sorted(report.entries, key=weight))


def notable_checks(report: Report) -> tuple[BudgetCheck, ...]:
    """Return the budgets that are not ``ok``, worst first."""
    return tuple(sorted((check for check in report.budgets if check.state != "ok"), key=severity))


def severity(check: BudgetCheck) -> tuple[int, bool]:
    """Return a sort key that puts the worst check first: by state, then those that fail the run."""
    return STATES.index(check.state), check.level != "fail"


def checks_by_entry(report: Report) -> dict[tuple[str, InputSpec], list[BudgetCheck]]:
    """Return each entry's checks by its config and shape."""
    checks: dict[tuple[str, InputSpec], list[BudgetCheck]] = {}
    for check in report.budgets:
        checks.setdefault((check.config, check.shape), []).append(check)
    return checks


def collapse_unchanged(report: Report) -> tuple[tuple[Entry, ...], tuple[CollapsedConfigs, ...]]:
    """Split entries into rows, worst first, and collapsed configs by base file."""
    compared = report.base is not None
    notable = {entry.target.name for entry in report.entries if not _is_collapsible(entry, compared=compared)}
    notable |= {check.config for check in notable_checks(report)}
    collapsed = {
        entry.target.name: entry.target.through or "" for entry in report.entries if entry.target.name not in notable
    }
    counts = Counter(collapsed.values())
    primary = tuple(entry for entry in worst_first(report) if entry.target.name in notable)
    return primary, tuple(CollapsedConfigs(through, configs) for through, configs in counts.most_common())


def worst_status(entries: tuple[Entry, ...], *, compared: bool) -> Status:
    """Return the worst status of a config over its shapes."""
    return min((status_of(entry, compared=compared) for entry in entries), key=lambda status: _STATUS_RANK[status])


def _is_collapsible(entry: Entry, *, compared: bool) -> bool:
    return entry.target.reason == "inherited" and status_of(entry, compared=compared) == "unchanged"


def _growth(entry: Entry, metric: MetricName) -> float:
    delta = delta_of(metric, entry)
    if delta is None:
        return 0.0
    return (
        math.copysign(math.inf, delta.absolute) if delta.relative is None and delta.absolute else delta.relative or 0.0
    )
