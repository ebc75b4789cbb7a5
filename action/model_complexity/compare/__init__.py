"""Head against base: deltas from exact integers, and what happened to each config."""

from model_complexity.compare.deltas import (
    FIGURES,
    Delta,
    Status,
    counted_alike,
    delta_of,
    status_of,
    traced_alike,
)
from model_complexity.report import Figure

__all__ = ["FIGURES", "Delta", "Figure", "Status", "counted_alike", "delta_of", "status_of", "traced_alike"]
