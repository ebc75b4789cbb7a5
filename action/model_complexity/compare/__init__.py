"""Head against base: deltas from exact integers, and what happened to each config."""

from model_complexity.compare.deltas import Delta, Status, delta_of, status_of

__all__ = ["Delta", "Status", "delta_of", "status_of"]
