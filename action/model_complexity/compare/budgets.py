"""Evaluate the policy's budgets. Pure and exact: integers and fractions, no floats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from model_complexity.compare.deltas import comparable
from model_complexity.policy.model import Budget, Policy
from model_complexity.report import BudgetCheck, Entry, Measurement, MetricName

NEAR: Final = (9, 10)
"""The share of an absolute limit from which a figure is near it."""


def evaluate(entries: Sequence[Entry], policy: Policy) -> tuple[BudgetCheck, ...]:
    """Evaluate every budget for every entry measured at head, in the order of entries and budgets.

    A failure at head has no result. ``max-increase`` needs a base that is measured and comparable.
    """
    return tuple(
        result
        for entry, head, budget in _pairs(entries, policy)
        for result in (_max(budget, entry, head, policy), _max_increase(budget, entry, head, policy))
        if result is not None
    )


def skipped_checks(entries: Sequence[Entry], policy: Policy) -> tuple[str, ...]:
    """Return a sentence for each metric whose ``max-increase`` was skipped though the base was measured."""
    skipped = Counter(
        budget.metric
        for entry, _, budget in _pairs(entries, policy)
        if budget.max_increase and isinstance(entry.base, Measurement) and not comparable(budget.metric, entry)
    )
    return tuple(
        f"`max-increase` on {metric} was skipped {'once' if times == 1 else f'{times} times'}: head and base have different "
        "entry points or uncounted operators."
        for metric, times in skipped.items()
    )


def _pairs(entries: Sequence[Entry], policy: Policy) -> Iterator[tuple[Entry, Measurement, Budget]]:
    for entry in entries:
        if isinstance(entry.head, Measurement):
            for budget in policy.budgets:
                if budget.applies_to(entry.target.name, entry.shape, entry.head):
                    yield entry, entry.head, budget


def _max(budget: Budget, entry: Entry, head: Measurement, policy: Policy) -> BudgetCheck | None:
    if budget.max is None:
        return None
    most, value, before = budget.max.value, head.figures[budget.metric], _before(entry, budget.metric)
    near, whole = NEAR
    if value <= most:
        state = "near" if value * whole >= most * near else "ok"
    elif before is not None and most < before and value <= before:
        state = "already_exceeded"
    else:
        state = "exceeded"
    return _result(
        budget, entry, policy, rule="max", limit=budget.max.text, most=most, head=value, base=before, state=state
    )


def _max_increase(budget: Budget, entry: Entry, head: Measurement, policy: Policy) -> BudgetCheck | None:
    before = _before(entry, budget.metric)
    if budget.max_increase is None or before is None:
        return None
    most, value = budget.max_increase.max_value(before), head.figures[budget.metric]
    limit, state = budget.max_increase.text, "ok" if value <= most else "exceeded"
    return _result(
        budget, entry, policy, rule="max-increase", limit=limit, most=most, head=value, base=before, state=state
    )


def _result(budget: Budget, entry: Entry, policy: Policy, *, state: str, **found: object) -> BudgetCheck:
    known = state in {"exceeded", "already_exceeded"}
    reason = policy.reason_to_ignore(entry.target.name, budget.metric) if known else None
    return BudgetCheck.model_validate(
        {
            "config": entry.target.name,
            "shape": entry.shape,
            "metric": budget.metric,
            "state": state if reason is None else "ignored",
            "level": budget.level,
            "reason": reason,
            **found,
        }
    )


def _before(entry: Entry, metric: MetricName) -> int | None:
    """The base's figure, where it is comparable with head's."""
    return entry.base.figures[metric] if isinstance(entry.base, Measurement) and comparable(metric, entry) else None
