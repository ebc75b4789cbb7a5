"""Annotations: what is broken or failed, said on the config's own line. Pure, but for printing them.

GitHub shows 10 warnings and 10 errors of a step and drops the rest without a word. Source: github.com/actions/toolkit,
docs/problem-matchers.md (Limitations).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TextIO

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.common.table import format_count
from model_complexity.github import workflow_commands as workflow
from model_complexity.policy import PATH, PolicyIssue
from model_complexity.report import BudgetCheck, Entry, Failure, Report

MAX_PER_LEVEL: Final = 9
"""Of each level. One is left: for the error that ends a run, and for the comment that a fork cannot have."""


@dataclass(frozen=True)
class Annotation:
    """One line of the log that GitHub shows beside the file. Its texts are hostile; printing them makes them safe.

    ``weight`` orders those of one level: the heaviest come first. ``line`` is 0 where the file has to be looked at for it.
    """

    level: Literal["error", "warning"]
    title: str
    message: str
    file: str
    line: int
    weight: tuple[int, float]


def policy_annotations(issues: Iterable[PolicyIssue], level: Literal["error", "warning"]) -> Iterator[Annotation]:
    """What is wrong with a policy file: the first fault before all else, the others after it, lest they push budgets out."""
    for number, issue in enumerate(issues):
        weight = (-2, -number) if number else (2, 0)
        yield Annotation(level, "Model Complexity policy", str(issue), PATH, issue.line, weight)


def report_annotations(report: Report, *, failures_are_errors: bool) -> Iterator[Annotation]:
    """Broken budgets, failures at head, and what discovery could not read."""
    for check in report.budgets:
        if check.state == "exceeded":
            yield _of_budget(check)
    for entry in report.failed:
        if isinstance(entry.head, Failure):
            yield _of_failure(entry, entry.head, "error" if failures_are_errors else "warning")
    for problem in report.warnings:
        message = f"{problem.config}: {problem.message}"
        yield Annotation("warning", "Model Complexity", message, problem.config, 1, (-1, 0))


def _of_budget(check: BudgetCheck) -> Annotation:
    over = check.head - check.most
    above = f"{format_count(check.base or 0)} at the merge base, and may grow by {check.limit}"
    rule = f"at most {check.limit} are allowed" if check.rule == "max" else f"they were {above}"
    message = f"{check.metric} are {format_count(check.head)}{_at(check.shape)}: {rule}; {format_count(over)} too many."
    level: Literal["error", "warning"] = "error" if check.level == "fail" else "warning"
    return Annotation(level, "Budget broken", message, check.config, 0, (1, over / max(check.most, 1)))


def _of_failure(entry: Entry, failure: Failure, level: Literal["error", "warning"]) -> Annotation:
    before = " It failed at the merge base, too." if isinstance(entry.base, Failure) else ""
    hint = FAILURE_KINDS[failure.kind].hint
    message = f"Cannot be measured{_at(entry.shape)} ({failure.kind}): {failure.message} {hint}{before}"
    return Annotation(level, "Model cannot be measured", message, entry.target.name, 0, (0, 0.0 if before else 1.0))


def _at(shape: tuple[int, ...] | str) -> str:
    return f" at {shape}" if shape != "auto" else ""


def truncate(annotations: Iterable[Annotation], room: int) -> tuple[Sequence[Annotation], int]:
    """The heaviest of one level, and how many are left out; one place of ``room`` is kept to say so."""
    ordered = sorted(annotations, key=lambda one: (*(-part for part in one.weight), one.file))
    primary = ordered if len(ordered) <= room else ordered[: max(room - 1, 0)]
    return primary, len(ordered) - len(primary)


def annotate(log: TextIO, annotations: Iterable[Annotation], line_of: Callable[[str], int], *, warned: int = 0) -> None:
    """Prints them, the worst first, and how many more there are.

    Args:
        log: the runner's log.
        annotations: in any order.
        line_of: finds the line of a file's model.
        warned: how many warnings this step has printed already.
    """
    found = list(annotations)
    levels = (("error", MAX_PER_LEVEL, workflow.error), ("warning", MAX_PER_LEVEL - warned, workflow.warning))
    for level, room, say in levels:
        primary, left = truncate((one for one in found if one.level == level), room)
        for one in primary:
            say(log, one.message, title=one.title, file=one.file, line=one.line or line_of(one.file))
        if left:
            say(
                log,
                f"{left} more like these; the job summary and the report file have them all.",
                title="Model Complexity",
            )
