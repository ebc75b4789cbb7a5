"""Head against base: deltas from exact integers, and what happened to each config."""

from model_complexity.compare.budgets import check, not_judged
from model_complexity.compare.deltas import (
    FIGURES,
    Delta,
    Status,
    comparable,
    counted_alike,
    delta_of,
    status_of,
    traced_alike,
)
from model_complexity.report import Figure

__all__ = [
    "FIGURES",
    "Delta",
    "Figure",
    "Status",
    "check",
    "comparable",
    "counted_alike",
    "delta_of",
    "not_judged",
    "status_of",
    "traced_alike",
]
