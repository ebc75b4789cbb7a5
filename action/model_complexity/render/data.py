"""What a comment template may print: plain lists, dictionaries, numbers, and texts that are safe Markdown already.

The built-in template and a maintainers' own get the same. docs/template.md documents every name here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from model_complexity.compare import Delta, delta_of
from model_complexity.render.escape import code, plain
from model_complexity.render.figures import NOUNS, budget_said, counted
from model_complexity.render.verdict import verdict
from model_complexity.render.view import Cell, Row, Said, View
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, Problem, Report

Data = dict[str, Any]

CONVENTION = "One multiply-accumulate is one FLOP."
VISIBLE = 12
"""Rows of the table that stand open; the rest is folded away."""
LISTED = 50
"""Names that are listed where configs were not measured or files not read."""
MOST_BUDGETS = 20
_STATES = {
    "broken": "Broken",
    "broken_before": "Broken before, and no worse now",
    "ignored": "Broken, and ignored",
    "near": "Near",
}


def data_of(report: Report, seen: View, *, rows: int | None, sections: Sequence[str], left_out: str) -> Data:
    """Lays out a report for a template.

    Args:
        report: what was measured.
        seen: its lines.
        rows: how many of them are kept; None for all.
        sections: the sections of the first configs, ready to print.
        left_out: what this step of detail leaves out.
    """
    kept = seen.rows[:rows]
    texts = [*sections, *([""] * len(kept))]
    names = LISTED if rows is None else min(LISTED, rows)
    return {
        "verdict": verdict(report, lambda text: code(text, 120), seen.labels),
        "result": report.verdict,
        "notes": list(report.notes),
        "budgets": [_budget(check, seen) for check in seen.budgets[:MOST_BUDGETS]],
        "more_budgets": max(0, len(seen.budgets) - MOST_BUDGETS),
        "input": None if seen.common_input is None else plain(seen.common_input),
        "configs": [_config(row, text) for row, text in zip(kept, texts, strict=False)],
        "visible": VISIBLE,
        "folded": [
            f"{counted(fold.configs, 'more config' if kept else 'config')} reached through {code(fold.through, 160)} "
            f"{'is' if fold.configs == 1 else 'are'} unchanged."
            for fold in seen.folded[:LISTED]
        ],
        "left_out": f"{left_out} to fit GitHub's limit; the report file of this run has everything." if left_out else "",
        "not_measured": _listed([code(target.name) for target in report.not_measured], names),
        "problems": _listed([_problem(problem) for problem in _problems(report)], names),
        "footer": _footer(report, seen),
        "repository": code(report.repository),
        "pull_request": report.pull_request,
        "head": report.head,
        "base": report.base,
        "run_url": report.run_url,
        "tool": code(report.tool),
    }


def _budget(check: BudgetCheck, seen: View) -> Data:
    warned = ", a warning" if check.state == "broken" and check.level == "warn" else ""
    text = f"**{_STATES[check.state]}{warned}:** {code(seen.labels.get(check.config, check.config), 120)} has "
    text += plain(budget_said(check).replace("%", " percent")) if False else _safe(budget_said(check))
    if seen.common_input is None:
        text += f", at input {plain(_shape(check))}"
    if check.reason:
        text += f" ({code(check.reason)})"
    return {"state": check.state, "level": check.level, "figure": check.figure, "text": f"{text}."}
