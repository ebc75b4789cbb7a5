"""Evaluate the policy's budgets. Pure and exact: integers and fractions, no floats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from model_complexity.compare.deltas import comparable
from model_complexity.policy.model import Budget, Policy
from model_complexity.report import BudgetCheck, Entry, Measurement, MetricName

NEAR: Final = (9, 10)
"""The share of ``max`` from which a budget is ``near``."""


def evaluate(entries: Sequence[Entry], policy: Policy) -> tuple[BudgetCheck, ...]:
    """Evaluate every budget for every entry measured at head, in the order of entries and budgets.

    A failure at head has no result. ``max-increase`` needs a base that is measured and comparable.
    """
    return tuple(
        check
        for entry, head, budget in _pairs(entries, policy)
        for check in (_max(budget, entry, head, policy), _max_increase(budget, entry, head, policy))
        if check is not None
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
    max_value, value, base_value = budget.max.value, head.figures[budget.metric], _base_value(entry, budget.metric)
    near, whole = NEAR
    if value <= max_value:
        state = "near" if value * whole >= max_value * near else "ok"
    elif base_value is not None and max_value < base_value and value <= base_value:
        state = "already_exceeded"
    else:
        state = "exceeded"
    return _check(
        budget,
        entry,
        policy,
        rule="max",
        limit=budget.max.text,
        max_value=max_value,
        head=value,
        base=base_value,
        state=state,
    )


def _max_increase(budget: Budget, entry: Entry, head: Measurement, policy: Policy) -> BudgetCheck | None:
    base_value = _base_value(entry, budget.metric)
    if budget.max_increase is None or base_value is None:
        return None
    max_value, value = budget.max_increase.max_value(base_value), head.figures[budget.metric]
    limit, state = budget.max_increase.text, "ok" if value <= max_value else "exceeded"
    return _check(
        budget,
        entry,
        policy,
        rule="max-increase",
        limit=limit,
        max_value=max_value,
        head=value,
        base=base_value,
        state=state,
    )


def _check(budget: Budget, entry: Entry, policy: Policy, *, state: str, **values: object) -> BudgetCheck:
    exceeded = state in {"exceeded", "already_exceeded"}
    reason = policy.reason_to_ignore(entry.target.name, budget.metric) if exceeded else None
    return BudgetCheck.model_validate(
        {
            "config": entry.target.name,
            "shape": entry.shape,
            "metric": budget.metric,
            "state": state if reason is None else "ignored",
            "level": budget.level,
            "reason": reason,
            **values,
        }
    )


def _base_value(entry: Entry, metric: MetricName) -> int | None:
    return entry.base.figures[metric] if isinstance(entry.base, Measurement) and comparable(metric, entry) else None
