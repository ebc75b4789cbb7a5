"""In which order a reviewer wants to see the entries, and which of them need no line of their own. Pure functions."""

from __future__ import annotations

import math
from collections import Counter
from typing import NamedTuple

from model_complexity.common.metrics import METRICS
from model_complexity.compare.deltas import Status, delta_of, status_of
from model_complexity.report import BudgetCheck, Entry, InputSpec, MetricName, Report

STATES = ("exceeded", "already_exceeded", "ignored", "near", "ok")
"""The states of a budget, worst first."""
_FATES: dict[Status, int] = {
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
    """Configs that were selected through a base file only, and whose numbers are equal on both sides."""

    through: str
    configs: int


def worst_first(report: Report) -> tuple[Entry, ...]:
    """Broken budgets first, then what fails, then what grew most (flops before params before activations), then the rest."""
    checks = checks_by_entry(report)

    def weight(entry: Entry) -> tuple[float, ...]:
        fate = _FATES[status_of(entry, compared=report.base is not None)]
        exceeded = any(check.state == "exceeded" for check in checks.get((entry.target.name, entry.shape), ()))
        return (not exceeded, fate, *(-_growth(entry, name) for name in METRICS))

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


def folded(report: Report) -> tuple[tuple[Entry, ...], tuple[CollapsedConfigs, ...]]:
    """Parts the entries into those with a line of their own, worst first, and the folded ones, by base file."""
    compared = report.base is not None
    loud = {entry.target.name for entry in report.entries if not _is_quiet(entry, compared=compared)}
    loud |= {check.config for check in notable_checks(report)}
    quiet = {entry.target.name: entry.target.through or "" for entry in report.entries if entry.target.name not in loud}
    counts = Counter(quiet.values())
    primary = tuple(entry for entry in worst_first(report) if entry.target.name in loud)
    return primary, tuple(CollapsedConfigs(through, configs) for through, configs in counts.most_common())


def worst_status(entries: tuple[Entry, ...], *, compared: bool) -> Status:
    """What happened to a config that was measured at several shapes: the worst that happened at one of them."""
    return min((status_of(entry, compared=compared) for entry in entries), key=lambda fate: _FATES[fate])


def _is_quiet(entry: Entry, *, compared: bool) -> bool:
    return entry.target.reason == "inherited" and status_of(entry, compared=compared) == "unchanged"


def _growth(entry: Entry, metric: MetricName) -> float:
    delta = delta_of(metric, entry)
    if delta is None:
        return 0.0
    return (
        math.copysign(math.inf, delta.absolute) if delta.relative is None and delta.absolute else delta.relative or 0.0
    )
