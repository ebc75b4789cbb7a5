"""Head against base: deltas from exact integers, and what happened to each config."""

from model_complexity.compare.deltas import FIGURES, Delta, Figure, Status, delta_of, status_of

__all__ = ["FIGURES", "Delta", "Figure", "Status", "delta_of", "status_of"]
