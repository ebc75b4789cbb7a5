"""The step's outputs for later steps, made from the report. Pure, and each value is bounded.

To add an output, add it to `OUTPUTS` and run ``scripts/generate``, which writes action.yml and the README.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Final, NamedTuple

from model_complexity.compare import checks_by_entry, comparable, delta_of, status_of
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, MetricName, Report, verdict_of

MAX_RESULTS_LENGTH: Final = 60_000
"""Characters of ``results``. GitHub takes 1 MiB of outputs a job, counted as UTF-16 (docs: actions/using-jobs/defining-outputs-
for-jobs). Linux takes 128 KiB in one environment variable, by which a script should get it."""
EMPTY_RESULTS: Final = '{"results":[],"left_out":0}'


def largest_increase(report: Report, metric: MetricName) -> str:
    """Return the largest relative change of a metric, in percent with four decimals, such as ``12.4000``.

    A decrease is negative. The text is empty if no config is comparable. A change too small for four decimals is rounded away
    from 0.
    """
    changes = [change for entry in report.entries if (change := _relative_change(entry, metric)) is not None]
    if not changes:
        return ""
    largest = max(changes)
    steps = ceil(abs(largest) * 10**6)  # ten-thousandths of a percent
    return f"{'-' if largest < 0 else ''}{steps // 10**4}.{steps % 10**4:04d}"


def _relative_change(entry: Entry, metric: MetricName) -> Fraction | None:
    delta = delta_of(metric, entry)
    if delta is None or not comparable(metric, entry) or not isinstance(entry.base, Measurement):
        return None
    base = entry.base.figures[metric]
    return Fraction(delta.absolute, base) if base else None


def results(report: Report) -> str:
    """Return every result as one line of JSON: exceeded budgets first, then failures, then the largest changes of FLOPs.

    Returns:
        ``{"results": [...], "left_out": n}``: n results did not fit.
    """
    checks = checks_by_entry(report)
    pairs = [(entry, checks.get((entry.target.name, entry.shape), [])) for entry in report.entries]
    ordered = sorted(pairs, key=lambda pair: _severity(*pair), reverse=True)
    included, remaining = [], MAX_RESULTS_LENGTH - len(EMPTY_RESULTS) - len(str(len(ordered)))
    for entry, entry_checks in ordered:
        text = json.dumps(_result(report, entry, entry_checks), separators=(",", ":"))
        remaining -= len(text) + 1
        if remaining < 0:
            break
        included.append(text)
    return f'{{"results":[{",".join(included)}],"left_out":{len(ordered) - len(included)}}}'


def _severity(entry: Entry, checks: Sequence[BudgetCheck]) -> tuple[int, bool, Fraction]:
    levels = {"pass": 0, "warn": 1, "fail": 2}
    change = abs(_relative_change(entry, "flops") or Fraction(0))
    return levels[verdict_of(checks)], isinstance(entry.head, Failure), change


def _result(report: Report, entry: Entry, checks: Sequence[BudgetCheck]) -> dict[str, Any]:
    return {
        "config": entry.target.name,
        "shape": entry.shape if isinstance(entry.shape, str) else list(entry.shape),
        "status": status_of(entry, compared=report.base is not None),
        "verdict": verdict_of(checks),
        **dict(_sides(entry)),
        "failure": entry.head.kind if isinstance(entry.head, Failure) else None,
        "exceeded": [f"{check.metric} {check.rule} {check.limit}" for check in checks if check.state == "exceeded"],
    }


def _sides(entry: Entry) -> Iterator[tuple[str, Any]]:
    for name, side in (("head", entry.head), ("base", entry.base)):
        yield name, side.figures if isinstance(side, Measurement) else None


class Publication(NamedTuple):
    """A finished run.

    ``write_files`` writes the files and returns the report's path. ``publish_comment`` returns the comment's address, empty if
    there is no comment.
    """

    report: Report
    write_files: Callable[[], str]
    publish_comment: Callable[[], str]


@dataclass(frozen=True)
class Output:
    """One output of the step.

    Args:
        empty: its value when the event has nothing to measure.
        value: its value after a run; may raise ActionError.
        description: for action.yml and the README.
    """

    empty: str
    value: Callable[[Publication], str]
    description: str


OUTPUTS: Final[Mapping[str, Output]] = {
    "report": Output(
        "",
        lambda run: run.write_files(),
        "Path of `report.json`, relative to the workspace. `report.html` and `comment.md` are in the same folder. Empty if there "
        "was nothing to measure.",
    ),
    "configs": Output(
        "0",
        lambda run: str(len({entry.target.name for entry in run.report.entries})),
        "Number of configs that were measured or failed.",
    ),
    "failed": Output(
        "0",
        lambda run: str(len({entry.target.name for entry in run.report.failed})),
        "Number of configs that failed at head.",
    ),
    "verdict": Output(
        "pass",
        lambda run: run.report.verdict,
        "Result of the policy's budgets: `pass`, `warn` (a budget of level `warn` is exceeded), `fail` (a budget of level `fail` "
        "is exceeded, and the step fails) or `unknown` (the policy cannot be read).",
    ),
    "flops-delta": Output(
        "",
        lambda run: largest_increase(run.report, "flops"),
        "Largest relative change of FLOPs of any config, in percent with four decimals, such as `12.4000`. Negative if every "
        "config became cheaper. Empty if nothing can be compared.",
    ),
    "params-delta": Output(
        "",
        lambda run: largest_increase(run.report, "params"),
        "Largest relative change of parameters, in the form of `flops-delta`.",
    ),
    "results": Output(
        EMPTY_RESULTS,
        lambda run: results(run.report),
        "All results as one line of JSON, worst first, at most 60,000 characters. See docs/policy.md for the fields.",
    ),
    "comment-url": Output(
        "",
        lambda run: run.publish_comment(),
        "Address of the comment. Empty if there is no comment.",
    ),
}
"""Every output, in the order in which it is made: files first, so that a comment that GitHub refuses costs no file."""
