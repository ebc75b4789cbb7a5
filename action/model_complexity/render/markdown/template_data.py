"""What a comment template may print: plain lists, dictionaries, numbers, and texts that are safe Markdown already.

The built-in template and a maintainers' own get the same. docs/comment-templates.md documents every name here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from model_complexity.common.metrics import METRICS
from model_complexity.escape import code, inline, plain
from model_complexity.render.headline import headline
from model_complexity.render.numbers import (
    CONVENTION,
    base_conditions_text,
    condition_markdown,
    conditions_text,
    describe_budget,
    join_limited,
    pluralize,
    requested_text,
)
from model_complexity.render.view import Cell, Label, Row, View
from model_complexity.render.vocabulary import budget_state
from model_complexity.report import BudgetCheck, DiscoveryWarning, Failure, Measurement, Report

Data = dict[str, Any]

VISIBLE = 12
"""Rows of the table that are visible at first."""
LISTED = 50
"""Names that are listed where configs were not measured or files not read."""
MAX_BUDGETS = 20
_UNCOUNTED = 6


def template_context(report: Report, view: View, *, rows: int | None, sections: Sequence[str], left_out: str) -> Data:
    """Return the variables of a comment template.

    Args:
        report: what was measured.
        view: its lines.
        rows: the number of rows; None for all.
        sections: the sections of the first configs, ready to print.
        left_out: what this step of detail leaves out.
    """
    kept = view.rows[:rows]
    texts = [*sections, *([""] * len(kept))]
    names = LISTED if rows is None else min(LISTED, rows)
    return {
        "headline": headline(report, lambda text: code(text, 120), view.labels),
        "verdict": report.verdict,
        "notes": list(report.notes),
        "budgets": [_budget(check, view) for check in view.budgets[:MAX_BUDGETS]],
        "more_budgets": max(0, len(view.budgets) - MAX_BUDGETS),
        "input": None if view.common_input is None else inline(view.common_input),
        "conditions": conditions_text(view.common_conditions, condition_markdown),
        "configs": [_config(row, text) for row, text in zip(kept, texts, strict=False)],
        "metrics": [{"name": name, "noun": metric.noun} for name, metric in METRICS.items() if metric.in_comment],
        "visible": VISIBLE,
        "folded": [
            f"{pluralize(fold.configs, 'more config' if kept else 'config')} reached through {code(fold.through, 160)} "
            f"{'is' if fold.configs == 1 else 'are'} unchanged."
            for fold in view.folded[:LISTED]
        ],
        "left_out": f"{left_out} to fit GitHub's limit. See the report file of this run for everything."
        if left_out
        else "",
        "not_measured": _listed([code(target.name) for target in report.not_measured], names),
        "warnings": _listed([_warning(warning) for warning in _warnings(report)], names),
        "footer": _footer(report, view),
        "repository": code(report.repository),
        "pull_request": report.pull_request,
        "head": report.head,
        "base": report.base,
        "run_url": report.run_url,
        "tool": code(report.tool),
    }


def _budget(check: BudgetCheck, view: View) -> Data:
    text = f"**{budget_state(check).capitalize()}:** {code(view.labels.get(check.config, check.config), 120)} has "
    text += inline(describe_budget(check))
    if view.common_input is None:
        text += f", at input {inline(requested_text(check.shape))}"
    if check.reason:
        text += f" ({code(check.reason)})"
    return {"state": check.state, "level": check.level, "metric": check.metric, "text": f"{text}."}


def _config(row: Row, section: str) -> Data:
    labels = [*(_label(label) for label in row.labels), *_conditions(row)]
    return {
        "path": code(row.entry.target.name),
        "name": code(row.label, 120),
        "status": row.status,
        "input": inline(row.input),
        "labels": labels,
        **_cells(row.cells),
        "deployed": _cells(row.deployed) or None,
        "section": section,
    }


def _conditions(row: Row) -> list[str]:
    texts = [conditions_text(row.conditions, condition_markdown)] if row.conditions else []
    base = row.base_conditions
    return texts if base is None else [*texts, f"**{base_conditions_text(base, row.conditions, condition_markdown)}**"]


def _label(label: Label) -> str:
    words = f"**{label.words}**" if label.strong else label.words
    return f"{words} {code(label.name, 160)}" if label.name else words


def _cells(cells: Sequence[Cell]) -> Data:
    return {cell.metric: {"head": cell.value, "base": cell.base, "text": _cell(cell)} for cell in cells}


def _cell(cell: Cell) -> str:
    """A figure and its delta. The cell breaks between them on a narrow page."""
    return f"{cell.text} ({', '.join(cell.notes)})" if cell.notes else cell.text


def _listed(names: Sequence[str], limit: int) -> Data:
    return {"all": len(names), "names": list(names[:limit]), "more": max(0, len(names) - limit)}


def _warning(warning: DiscoveryWarning) -> str:
    return f"{code(warning.config)}: {code(warning.message)}"


def _warnings(report: Report) -> list[DiscoveryWarning]:
    """The warnings of discovery, without the configs whose rows name a failure already."""
    failed = {entry.target.name for entry in report.entries if isinstance(entry.primary, Failure)}
    return [warning for warning in report.warnings if warning.config not in failed]


def _footer(report: Report, view: View) -> list[str]:
    """Sentences: what the figures are, of which commits, made by what, and where there is more."""
    against = f" against merge base {code(report.base[:9])}" if report.base else ""
    sentences = [f"Head {code(report.head[:9])}{against}.", CONVENTION]
    if view.uncounted:
        names = [f"{code(name, 60)} ({pluralize(configs, 'config')})" for name, configs in view.uncounted]
        sentences.append(f"**Not counted:** {join_limited(names, _UNCOUNTED)}. See each section for how often.")
    if view.exclusions:
        names = [f"{inline(plain(name, 80))} ({pluralize(configs, 'config')})" for name, configs in view.exclusions]
        sentences.append(f"Conditions: {join_limited(names, _UNCOUNTED)}.")
    if view.ok_budgets:
        verb = "is" if view.ok_budgets == 1 else "are"
        sentences.append(f"{pluralize(view.ok_budgets, 'budget')} {verb} within limits.")
    versions = next((measurement.versions for measurement in _measurements(report)), None)
    if versions:
        sentences.append(
            f"Counted by fvcore {code(versions.fvcore)} with torch {code(versions.torch)} and mmengine {code(versions.mmengine)}."
        )
    if report.run_url:
        sentences.append(f"[Run and full report]({report.run_url}).")
    sentences.append(f"Model Complexity {code(report.tool)}.")
    return sentences


def _measurements(report: Report) -> Iterator[Measurement]:
    for entry in report.entries:
        yield from (side for side in (entry.head, entry.base) if isinstance(side, Measurement))
