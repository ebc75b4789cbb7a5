"""What a comment template may print: plain lists, dictionaries, numbers, and texts that are safe Markdown already.

The built-in template and a maintainers' own get the same. docs/comment-templates.md documents every name here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from model_complexity.common.metrics import METRICS
from model_complexity.escape import code, inline, plain
from model_complexity.render.headline import headline
from model_complexity.render.numbers import asked_text, before_text, conditions_text, describe_budget, pluralize
from model_complexity.render.view import Cell, Label, Row, View
from model_complexity.report import BudgetCheck, DiscoveryWarning, Failure, Measurement, Report

Data = dict[str, Any]

CONVENTION = "One multiply-accumulate is one FLOP; double the FLOPs where additions are counted too."
VISIBLE = 12
"""Rows of the table that stand open; the rest is folded away."""
LISTED = 50
"""Names that are listed where configs were not measured or files not read."""
MOST_BUDGETS = 20
_UNCOUNTED = 6
_STATES = {
    "exceeded": "Broken",
    "already_exceeded": "Broken before, and no worse now",
    "ignored": "Broken, and ignored",
    "near": "Near",
}


def template_context(report: Report, seen: View, *, rows: int | None, sections: Sequence[str], left_out: str) -> Data:
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
        "verdict": headline(report, lambda text: code(text, 120), seen.labels),
        "result": report.verdict,
        "notes": list(report.notes),
        "budgets": [_budget(check, seen) for check in seen.budgets[:MOST_BUDGETS]],
        "more_budgets": max(0, len(seen.budgets) - MOST_BUDGETS),
        "input": None if seen.common_input is None else inline(seen.common_input),
        "held": conditions_text(seen.common_held, inline),
        "configs": [_config(row, text) for row, text in zip(kept, texts, strict=False)],
        "metrics": [{"name": name, "noun": metric.noun} for name, metric in METRICS.items() if metric.in_comment],
        "visible": VISIBLE,
        "folded": [
            f"{pluralize(fold.configs, 'more config' if kept else 'config')} reached through {code(fold.through, 160)} "
            f"{'is' if fold.configs == 1 else 'are'} unchanged."
            for fold in seen.folded[:LISTED]
        ],
        "left_out": f"{left_out} to fit GitHub's limit; the report file of this run has everything."
        if left_out
        else "",
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
    warned = ", a warning" if check.state == "exceeded" and check.level == "warn" else ""
    text = f"**{_STATES[check.state]}{warned}:** {code(seen.labels.get(check.config, check.config), 120)} has "
    text += inline(describe_budget(check))
    if seen.common_input is None:
        text += f", at input {inline(asked_text(check.shape))}"
    if check.reason:
        text += f" ({code(check.reason)})"
    return {"state": check.state, "level": check.level, "metric": check.metric, "text": f"{text}."}


def _config(row: Row, section: str) -> Data:
    said = [*(_said(part) for part in row.said), *_held(row)]
    return {
        "path": code(row.entry.target.name),
        "name": code(row.label, 120),
        "status": row.status,
        "input": inline(row.input),
        "said": said,
        **_cells(row.cells),
        "deployed": _cells(row.deployed) or None,
        "section": section,
    }


def _held(row: Row) -> list[str]:
    """What its figures hold for."""
    said = [conditions_text(row.held, inline)] if row.held else []
    return said if row.base_conditions is None else [*said, f"**{before_text(row.base_conditions, inline)}**"]


def _said(part: Label) -> str:
    words = f"**{part.words}**" if part.strong else part.words
    return f"{words} {code(part.name, 160)}" if part.name else words


def _cells(cells: Sequence[Cell]) -> Data:
    return {cell.metric: {"head": cell.value, "base": cell.base, "text": _cell(cell)} for cell in cells}


def _cell(cell: Cell) -> str:
    """A figure and what became of it. It breaks between the two, so that the table fits a narrow page."""
    return f"{cell.text} ({', '.join(cell.notes)})" if cell.notes else cell.text


def _listed(names: Sequence[str], most: int) -> Data:
    return {"all": len(names), "names": list(names[:most]), "more": max(0, len(names) - most)}


def _problem(problem: DiscoveryWarning) -> str:
    return f"{code(problem.config)}: {code(problem.message)}"


def _problems(report: Report) -> list[DiscoveryWarning]:
    """What could not be read, without the configs whose own rows say already that they fail."""
    failed = {entry.target.name for entry in report.entries if isinstance(entry.primary, Failure)}
    return [problem for problem in report.warnings if problem.config not in failed]


def _footer(report: Report, seen: View) -> list[str]:
    """Sentences: what the figures are, of which commits, made by what, and where there is more."""
    against = f" against merge base {code(report.base[:9])}" if report.base else ""
    said = [f"Head {code(report.head[:9])}{against}.", CONVENTION]
    if seen.uncounted:
        names = [f"{code(name, 60)} ({pluralize(configs, 'config')})" for name, configs in seen.uncounted[:_UNCOUNTED]]
        more = f" and {len(seen.uncounted) - _UNCOUNTED} more operators" if len(seen.uncounted) > _UNCOUNTED else ""
        said.append(f"**Not counted:** {', '.join(names)}{more}; each section says how often.")
    if seen.without:
        left = [
            f"{inline(plain(name, 80))} ({pluralize(configs, 'config')})" for name, configs in seen.without[:_UNCOUNTED]
        ]
        said.append(f"Figures are {', '.join(left)}.")
    if seen.kept:
        said.append(f"{pluralize(seen.kept, 'budget')} kept with room to spare.")
    versions = next((one.versions for one in _measurements(report)), None)
    if versions:
        said.append(
            f"Counted by fvcore {code(versions.fvcore)} with torch {code(versions.torch)} and mmengine {code(versions.mmengine)}."
        )
    if report.run_url:
        said.append(f"[Run and full report]({report.run_url}).")
    said.append(f"Model Complexity {code(report.tool)}.")
    return said


def _measurements(report: Report) -> Iterator[Measurement]:
    for entry in report.entries:
        yield from (side for side in (entry.head, entry.base) if isinstance(side, Measurement))
