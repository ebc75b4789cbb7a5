"""Head against base: deltas from exact integers, and what happened to each config and to each module."""

from model_complexity.compare.budgets import evaluate, skipped_checks
from model_complexity.compare.deltas import (
    Delta,
    Status,
    comparable,
    delta_of,
    deployed_of,
    same_conditions,
    same_coverage,
    same_entry_point,
    same_uncounted_ops,
    status_of,
)
from model_complexity.compare.module_diff import (
    Figures,
    ModuleChange,
    ModuleDiff,
    ParameterChange,
    Shares,
    module_changes,
)
from model_complexity.compare.module_groups import ChangeGroup, SharedGroup, group_changes, group_names, group_shared
from model_complexity.compare.ranking import (
    STATES,
    CollapsedConfigs,
    checks_by_entry,
    collapse_unchanged,
    notable_checks,
    severity,
    worst_first,
    worst_status,
)
from model_complexity.compare.shared_modules import SharedModules, with_shared_rows

__all__ = [
    "STATES",
    "ChangeGroup",
    "CollapsedConfigs",
    "Delta",
    "Figures",
    "ModuleChange",
    "ModuleDiff",
    "ParameterChange",
    "SharedGroup",
    "SharedModules",
    "Shares",
    "Status",
    "checks_by_entry",
    "collapse_unchanged",
    "comparable",
    "delta_of",
    "deployed_of",
    "evaluate",
    "group_changes",
    "group_names",
    "group_shared",
    "module_changes",
    "notable_checks",
    "same_conditions",
    "same_coverage",
    "same_entry_point",
    "same_uncounted_ops",
    "severity",
    "skipped_checks",
    "status_of",
    "with_shared_rows",
    "worst_first",
    "worst_status",
]
