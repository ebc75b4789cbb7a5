"""Annotate configs and the policy file with exceeded budgets, failures and warnings.

GitHub shows 10 warnings and 10 errors of a step and drops the others silently. Source: github.com/actions/toolkit,
docs/problem-matchers.md (Limitations).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TextIO

from model_complexity.github import workflow_commands as workflow
from model_complexity.policy import PATH, PolicyIssue
from model_complexity.render.numbers import describe_budget
from model_complexity.report import BudgetCheck, Entry, Failure, Report

MAX_PER_LEVEL: Final = 9
"""Annotations of each level. The tenth is left for the error that ends a run, or the warning about a skipped comment."""

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Annotation:
    """One line of the log that GitHub shows next to the file. Its texts are untrusted; `annotate` sanitizes them.

    ``weight`` orders the annotations of one level, heaviest first. ``line`` is 0 if it must be read from the file.
    """

    level: Level
    title: str
    message: str
    file: str
    line: int
    weight: tuple[int, float]


def policy_annotations(issues: Iterable[PolicyIssue], level: Level) -> Iterator[Annotation]:
    """Yield the issues of a policy file: the first before all annotations, the others after them."""
    for number, issue in enumerate(issues):
        weight = (-2, -number) if number else (2, 0)
        yield Annotation(level, "Model Complexity policy", str(issue), PATH, issue.line, weight)


def report_annotations(report: Report, *, failures_are_errors: bool) -> Iterator[Annotation]:
    """Yield exceeded budgets, failures at head and discovery warnings."""
    for check in report.budgets:
        if check.state == "exceeded":
            yield _of_budget(check)
    for entry in report.failed:
        if isinstance(entry.head, Failure):
            yield _of_failure(entry, entry.head, "error" if failures_are_errors else "warning")
    for warning in report.warnings:
        message = f"{warning.config}: {warning.message}"
        yield Annotation("warning", "Model Complexity", message, warning.config, 1, (-1, 0))


def _of_budget(check: BudgetCheck) -> Annotation:
    shape = f"At {check.shape}: " if check.shape != "auto" else ""
    level: Level = "error" if check.level == "fail" else "warning"
    excess = (check.head - check.max_value) / max(check.max_value, 1)
    return Annotation(level, "Budget exceeded", f"{shape}{describe_budget(check)}.", check.config, 0, (1, excess))


def _of_failure(entry: Entry, failure: Failure, level: Level) -> Annotation:
    shape = f" at {entry.shape}" if entry.shape != "auto" else ""
    base_fails = isinstance(entry.base, Failure)
    message = f"Failed{shape} ({failure.kind}): {failure.message.rstrip('.')}. {failure.hint}"
    if base_fails:
        message += " It also fails at the merge base."
    return Annotation(level, "Measurement failed", message, entry.target.name, 0, (0, 0.0 if base_fails else 1.0))


def truncate(annotations: Iterable[Annotation], limit: int) -> tuple[Sequence[Annotation], int]:
    """Return the heaviest annotations of one level and the number of the others, which takes one annotation of ``limit``."""
    ordered = sorted(annotations, key=lambda annotation: (*(-part for part in annotation.weight), annotation.file))
    heaviest = ordered if len(ordered) <= limit else ordered[: max(limit - 1, 0)]
    return heaviest, len(ordered) - len(heaviest)


def annotate(log: TextIO, annotations: Iterable[Annotation], line_of: Callable[[str], int], *, warned: int = 0) -> None:
    """Print the heaviest annotations of each level, and the number of the others.

    Args:
        log: the runner's log.
        annotations: in any order.
        line_of: finds the line of a file's model.
        warned: how many warnings this step has printed already.
    """
    collected = list(annotations)
    levels = (("error", MAX_PER_LEVEL, workflow.error), ("warning", MAX_PER_LEVEL - warned, workflow.warning))
    for level, limit, write in levels:
        heaviest, left_out = truncate((each for each in collected if each.level == level), limit)
        for each in heaviest:
            write(log, each.message, title=each.title, file=each.file, line=each.line or line_of(each.file))
        if left_out:
            write(log, f"{left_out} more. See the job summary or the report file.", title="Model Complexity")
