"""Report -> Markdown: the same text for the comment and the job summary, cut in named steps to the room there is."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model_complexity.compare import FIGURES, Figure, Status, delta_of, status_of
from model_complexity.measure.failures import HINTS
from model_complexity.measure.page import DEPTH, ModuleRow, figure, module_table, summary_block
from model_complexity.render.escape import code, fenced, html_code
from model_complexity.render.figures import counted, shape_text, signed
from model_complexity.render.verdict import verdict
from model_complexity.report import Entry, Failure, Measurement, Problem, Report, Target

CONVENTION = "One multiply-accumulate is one flop."


class Detail(NamedTuple):
    """One step of detail: how deep the tables go (0: none), whether sections are there at all, how many rows and names."""

    depth: int
    sections: bool
    rows: int
    says: str


STEPS = (
    Detail(DEPTH, sections=True, rows=1_000, says=""),
    Detail(2, sections=True, rows=1_000, says="Tables of modules are cut at depth 2"),
    Detail(1, sections=True, rows=1_000, says="Tables of modules are cut at depth 1"),
    Detail(0, sections=True, rows=1_000, says="Tables of modules are left out"),
    Detail(0, sections=False, rows=1_000, says="Sections of configs are left out"),
    Detail(0, sections=False, rows=200, says="Sections of configs, and rows beyond the first 200, are left out"),
    Detail(0, sections=False, rows=50, says="Sections of configs, and rows beyond the first 50, are left out"),
    Detail(0, sections=False, rows=10, says="Sections of configs, and rows beyond the first 10, are left out"),
    Detail(0, sections=False, rows=0, says="Sections and rows of configs are left out"),
)
"""What is dropped, in order, until the text fits. Never silently: the text says it."""


def render(report: Report, *, limit: int) -> str:
    """The report as GitHub-flavoured Markdown.

    Args:
        report: validated data; its texts are still hostile and are escaped here.
        limit: largest length in bytes of UTF-8, which is never less than the number of characters.

    Raises:
        ValueError: even the last step does not fit (a limit below some 10,000).
    """
    for detail in STEPS:
        text = _text(report, detail)
        if len(text.encode("utf-8", "replace")) <= limit:
            return text
    raise ValueError(f"a report needs more than {limit} bytes")


def _text(report: Report, detail: Detail) -> str:
    template = _environment().get_template("report.md.j2")
    return template.render(
        report=report,
        detail=detail,
        verdict=verdict(report),
        compared=report.base is not None,
        rows=[_row(entry, report) for entry in report.entries[: detail.rows]],
        sections=[_section(entry, detail.depth) for entry in report.entries] if detail.sections else [],
        problems=_problems(report),
        not_measured=[target.name for target in report.not_measured],
        names_shown=min(50, detail.rows),
        convention=CONVENTION,
        worker=next(_measurements(report), None),
    )


@cache
def _environment() -> Environment:
    # autoescape is for HTML; what goes into this Markdown is escaped where it is made, by render.escape.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters.update(code=code, counted=counted)
    return environment


def _measurements(report: Report) -> Iterator[Measurement]:
    for entry in report.entries:
        yield from (side for side in (entry.head, entry.base) if isinstance(side, Measurement))


def _problems(report: Report) -> list[Problem]:
    """What could not be read, without the configs whose own rows say already that they fail."""
    failed = {entry.target.name for entry in report.entries if isinstance(entry.shown, Failure)}
    return [problem for problem in report.problems if problem.config not in failed]


def _row(entry: Entry, report: Report) -> dict[str, Any]:
    """A config's cells. The file's name stands first and the folder below it, so that the table fits a narrow page."""
    status = status_of(entry, compared=report.base is not None)
    folder, _, file = entry.target.name.rpartition("/")
    lines = [code(file), f"in {code(folder, 120)}, {_why(entry.target)}" if folder else _why(entry.target)]
    shown = entry.shown
    if isinstance(shown, Failure):
        lines.append(f"**{shown.kind}**: {code(shown.message, 160)}")
        cells = ["failed", "–", "–"]
    else:
        cells = [_cell(name, shown, entry, status) for name in FIGURES]
    return {"name": "<br>".join(lines), "shape": shape_text(entry.shape), "cells": cells}


def _cell(name: Figure, shown: Measurement, entry: Entry, status: Status) -> str:
    value = figure(getattr(shown, name))
    delta = delta_of(name, entry)
    note = {"added": ("new",), "removed": ("removed",), "fixed": ("base failed",)}.get(status, ())
    return "<br>".join([value, *(signed(delta) if delta else note)])


def _why(target: Target) -> str:
    if target.reason == "inherited":
        return f"through {code(target.through or '', 160)}"
    if target.reason == "renamed":
        return f"renamed from {code(target.base_config or '', 160)}"
    return target.reason


def _section(entry: Entry, depth: int) -> dict[str, Any]:
    shown = entry.shown
    section: dict[str, Any] = {
        "title": f"{html_code(entry.target.name)} · {shape_text(entry.shape)}",
        "blocks": [],
        "lines": [],
    }
    if isinstance(shown, Failure):
        section["title"] += f" · cannot be measured ({shown.kind})"
        # The hint of the kind, not the one in the answer: that came through a process of the pull request's.
        section["lines"] = [code(shown.message, 400), HINTS[shown.kind]]
        section["blocks"] = [fenced(shown.detail)] if shown.detail and depth else []
        return section
    rows = [ModuleRow.of(module.model_dump()) for module in shown.modules]
    section["blocks"] = [fenced(summary_block(entry.shape, shown.flops, shown.params, shown.activations))]
    if depth:
        section["blocks"].append(fenced(module_table(rows, depth)))
    section["lines"] = _said_beside(shown)
    if isinstance(entry.base, Failure):
        section["lines"].append(
            f"At the base it cannot be measured ({entry.base.kind}): {code(entry.base.message, 400)}"
        )
    return section


def _said_beside(measurement: Measurement) -> list[str]:
    """What the numbers are of, and what they leave out."""
    method = f"Traced {code(measurement.forward)} on {code(measurement.device)} with input {shape_text(measurement.input_shape)}."
    if measurement.forward == "extract_feat":
        method += " The head's params are counted, its flops are not."
    uncounted = measurement.unsupported_ops.uncounted
    if not uncounted:
        return [method]
    names = [f"{code(name, 80)} ×{times}" for name, times in sorted(uncounted.items(), key=lambda item: -item[1])]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return [method, f"**Not counted:** {', '.join(names[:10])}{more}."]
