"""Head against base: deltas from exact integers, and what happened to each config and to each module."""

from model_complexity.compare.budgets import check, not_judged
from model_complexity.compare.deltas import (
    FIGURES,
    Delta,
    Status,
    comparable,
    counted_alike,
    delta_of,
    deployed_of,
    held_alike,
    status_of,
    traced_alike,
)
from model_complexity.compare.module_diff import (
    Figures,
    ModuleChange,
    ModuleDiff,
    ParameterChange,
    Shares,
    module_changes,
)
from model_complexity.compare.module_groups import Family, families
from model_complexity.compare.ranking import Folded, fate_of, folded, pressing, worst_first
from model_complexity.report import Figure

__all__ = [
    "FIGURES",
    "Delta",
    "Family",
    "Figure",
    "Figures",
    "Folded",
    "ModuleChange",
    "ModuleDiff",
    "ParameterChange",
    "Shares",
    "Status",
    "check",
    "comparable",
    "counted_alike",
    "delta_of",
    "deployed_of",
    "families",
    "fate_of",
    "folded",
    "held_alike",
    "module_changes",
    "not_judged",
    "pressing",
    "status_of",
    "traced_alike",
    "worst_first",
]
