"""The step's outputs for later steps, made from the report. Pure; every one of them is a bounded text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Final, NamedTuple

from model_complexity.compare import checks_by_entry, comparable, delta_of, status_of
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, MetricName, Report, verdict_of

RESULTS_LIMIT: Final = 60_000
"""Characters of ``results``. GitHub takes 1 MiB of outputs a job, counted as UTF-16 (docs: actions/using-jobs/defining-outputs-
for-jobs), and Linux 128 KiB in one environment variable, which is how a script should be given it."""
EMPTY_RESULTS: Final = '{"results":[],"left_out":0}'


def largest_increase(report: Report, metric: MetricName) -> str:
    """The largest relative change of a figure, in percent with four decimals, such as ``12.4000``; a decrease is negative.

    Of all configs and shapes whose two sides are comparable; blank where there is none. A change too small for four decimals
    is rounded away from 0.
    """
    changes = [change for entry in report.entries if (change := _change(entry, metric)) is not None]
    if not changes:
        return ""
    largest = max(changes)
    steps = ceil(abs(largest) * 10**6)  # ten-thousandths of a percent
    return f"{'-' if largest < 0 else ''}{steps // 10**4}.{steps % 10**4:04d}"


def _change(entry: Entry, metric: MetricName) -> Fraction | None:
    delta = delta_of(metric, entry)
    if delta is None or not comparable(metric, entry) or not isinstance(entry.base, Measurement):
        return None
    before = entry.base.figures[metric]
    return Fraction(delta.absolute, before) if before else None


def results(report: Report) -> str:
    """Every result as one line of JSON, the worst first: broken budgets, failures, then by the size of the change of flops.

    Returns:
        ``{"results": [...], "left_out": n}``: n results did not fit.
    """
    checks = checks_by_entry(report)
    pairs = [(entry, checks.get((entry.target.name, entry.shape), [])) for entry in report.entries]
    ordered = sorted(pairs, key=lambda pair: _weight(*pair), reverse=True)
    kept, room = [], RESULTS_LIMIT - len(EMPTY_RESULTS) - len(str(len(ordered)))
    for entry, judged in ordered:
        text = json.dumps(_result(report, entry, judged), separators=(",", ":"))
        room -= len(text) + 1
        if room < 0:
            break
        kept.append(text)
    return f'{{"results":[{",".join(kept)}],"left_out":{len(ordered) - len(kept)}}}'


def _weight(entry: Entry, judged: list[BudgetCheck]) -> tuple[int, bool, Fraction]:
    levels = {"pass": 0, "warn": 1, "fail": 2}
    return levels[verdict_of(judged)], isinstance(entry.head, Failure), abs(_change(entry, "flops") or Fraction(0))


def _result(report: Report, entry: Entry, judged: list[BudgetCheck]) -> dict[str, Any]:
    return {
        "config": entry.target.name,
        "shape": entry.shape if isinstance(entry.shape, str) else list(entry.shape),
        "status": status_of(entry, compared=report.base is not None),
        "verdict": verdict_of(judged),
        **dict(_sides(entry)),
        "failure": entry.head.kind if isinstance(entry.head, Failure) else None,
        "exceeded": [f"{check.metric} {check.rule} {check.limit}" for check in judged if check.state == "exceeded"],
    }


def _sides(entry: Entry) -> Iterator[tuple[str, Any]]:
    for name, side in (("head", entry.head), ("base", entry.base)):
        yield name, side.figures if isinstance(side, Measurement) else None


class Publication(NamedTuple):
    """A finished run. ``write_files`` and ``comment`` publish, and return the report's path and the comment's address."""

    report: Report
    write_files: Callable[[], str]
    comment: Callable[[], str]


@dataclass(frozen=True)
class Output:
    """One output of the step.

    Args:
        empty: its value when the event asks for nothing.
        value: its value after a run; may raise ActionError.
        description: for action.yml.
    """

    empty: str
    value: Callable[[Publication], str]
    description: str


OUTPUTS: Final = {
    "report": Output("", lambda run: run.write_files(), ""),
    "configs": Output("0", lambda run: str(len({entry.target.name for entry in run.report.entries})), ""),
    "failed": Output("0", lambda run: str(len({entry.target.name for entry in run.report.failed})), ""),
    "verdict": Output("pass", lambda run: run.report.verdict, ""),
    "flops-delta": Output("", lambda run: largest_increase(run.report, "flops"), ""),
    "params-delta": Output("", lambda run: largest_increase(run.report, "params"), ""),
    "results": Output(EMPTY_RESULTS, lambda run: results(run.report), ""),
    "comment-url": Output("", lambda run: run.comment(), ""),
}
"""Every output, in the order in which it is made: files first and the comment last, so that no refusal costs the figures."""
