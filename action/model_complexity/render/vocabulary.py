"""The words for what happened to configs and budgets: one table each, for the comment, the terminal and the HTML report."""

from __future__ import annotations

from typing import Final, NamedTuple

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.compare import Status
from model_complexity.report import BudgetCheck, FailureKind

BUDGET_STATES: Final[dict[str, str]] = {
    "exceeded": "exceeded",
    "already_exceeded": "already exceeded",
    "ignored": "exceeded, ignored",
    "near": "near the limit",
    "ok": "within limits",
}
"""In the order of ``compare.STATES``, worst first."""


class StatusWords(NamedTuple):
    """How a config's status is named."""

    label: str
    """As a word of its own, e.g. in a cell."""
    tally: str = ""
    """After a number of configs, in the headline; blank where the headline has a sentence of its own."""
    is_noted: bool = False
    """Whether a row shows it in place of a change."""


STATUSES: Final[dict[Status, StatusWords]] = {
    "newly_failing": StatusWords("newly failing"),
    "failing": StatusWords("failing"),
    "still_failing": StatusWords("still failing"),
    "changed": StatusWords("changed"),
    "measured": StatusWords("measured"),
    "incomparable": StatusWords("not comparable", "not comparable with the base, which has another entry point"),
    "added": StatusWords("new", "new", is_noted=True),
    "fixed": StatusWords("fixed", "fixed", is_noted=True),
    "removed": StatusWords("removed", "removed", is_noted=True),
    "base_failing": StatusWords("removed", "removed that failed at the base"),
    "renamed": StatusWords("renamed", "renamed and otherwise unchanged"),
    "unchanged": StatusWords("unchanged", "unchanged"),
}
"""In the order in which the headline names them."""
MODULE_CHANGES: Final = {"changed": "changed", "added": "new", "removed": "removed", "renamed": "renamed"}
"""What happened to a module."""
_ADVERBS: Final[dict[Status, str]] = {"newly_failing": "now ", "still_failing": "still "}


def failure_phrase(status: Status, kind: FailureKind, configs: int = 1) -> str:
    """Return the predicate of a failing config: ``still fails to build``, ``cannot be measured``."""
    verb = FAILURE_KINDS[kind].verb
    predicate = f"fail{'s' if configs == 1 else ''} to {verb}" if verb else "cannot be measured"
    return _ADVERBS.get(status, "") + predicate


def budget_state(check: BudgetCheck) -> str:
    """Return the state of a budget, with its level where it is exceeded: ``exceeded (warn)``."""
    words = BUDGET_STATES[check.state]
    return f"{words} ({check.level})" if check.state == "exceeded" else words
