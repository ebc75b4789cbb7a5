"""Report -> Markdown: the same text for the comment and the job summary, cut in named steps to the room there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model_complexity.compare import FIGURES, Figure, Status, counted_alike, delta_of, status_of
from model_complexity.measure.page import figure
from model_complexity.render.escape import code
from model_complexity.render.figures import counted, fed_text, input_text, signed
from model_complexity.render.sections import Cut, cuts_of, plan, section
from model_complexity.render.verdict import verdict
from model_complexity.report import Entry, Failure, Measurement, Problem, Report, Target

CONVENTION = "One multiply-accumulate is one flop."


class Detail(NamedTuple):
    """One step of detail: whether sections are there at all, how many rows and names (None: all), and what it says."""

    sections: bool
    rows: int | None
    says: str


STEPS = (
    Detail(sections=True, rows=None, says=""),
    Detail(sections=True, rows=None, says="The longest sections of configs are cut"),
    Detail(sections=False, rows=None, says="Sections of configs are left out"),
    Detail(sections=False, rows=200, says="Sections of configs, and rows beyond the first 200, are left out"),
    Detail(sections=False, rows=50, says="Sections of configs, and rows beyond the first 50, are left out"),
    Detail(sections=False, rows=10, says="Sections of configs, and rows beyond the first 10, are left out"),
    Detail(sections=False, rows=0, says="Sections and rows of configs are left out"),
)
"""What is dropped, in order, until the text fits. Never silently: the text says it, and a section what it lost itself."""


def render(report: Report, *, limit: int) -> str:
    """The report as GitHub-flavoured Markdown.

    Args:
        report: validated data; its texts are still hostile and are escaped here.
        limit: largest length in bytes of UTF-8, which is never less than the number of characters.

    Raises:
        ValueError: even the last step does not fit (a limit below some 10,000).
    """
    options = [cuts_of(entry) for entry in report.entries]
    smallest = [cuts[-1] for cuts in options]
    for detail in STEPS:
        text = _text(report, detail, smallest)
        room = limit - _bytes(text)
        if room < 0:
            continue
        if not detail.sections:
            return text
        chosen = plan(options, room + sum(cut.size for cut in smallest))
        text = _text(report, detail, chosen)
        if _bytes(text) <= limit and (detail.says or chosen == [cuts[0] for cuts in options]):
            return text
    raise ValueError(f"a report needs more than {limit} bytes")


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _text(report: Report, detail: Detail, cuts: Sequence[Cut]) -> str:
    template = _environment().get_template("report.md.j2")
    pairs = zip(report.entries, cuts, strict=True)
    return template.render(
        report=report,
        detail=detail,
        verdict=verdict(report),
        compared=report.base is not None,
        rows=[_row(entry, report) for entry in report.entries[: detail.rows]],
        sections=[section(entry, cut) for entry, cut in pairs] if detail.sections else [],
        problems=_problems(report),
        not_measured=[target.name for target in report.not_measured],
        names_shown=50 if detail.rows is None else min(50, detail.rows),
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
    return {"name": "<br>".join(lines), "shape": _inputs(entry), "cells": cells}


def _inputs(entry: Entry) -> str:
    """What was fed, and what the base was fed where that differs: the deltas hold for both changes together."""
    sides = [fed_text(side) for side in (entry.head, entry.base) if isinstance(side, Measurement)]
    return f"{sides[0]}<br>base {sides[1]}" if len(set(sides)) > 1 else input_text(entry)


def _cell(name: Figure, shown: Measurement, entry: Entry, status: Status) -> str:
    value = figure(getattr(shown, name))
    delta = delta_of(name, entry)
    if delta:
        alike = name != "flops" or counted_alike(entry)
        return "<br>".join([value, *signed(delta), *([] if alike else ["uncounted differ"])])
    note = {"added": ["new"], "removed": ["removed"], "fixed": ["base failed"]}.get(status, [])
    if status == "incomparable" and isinstance(entry.base, Measurement):
        note = [f"base traced {code(entry.base.forward, 40)}"]
    return "<br>".join([value, *note])


def _why(target: Target) -> str:
    if target.reason == "inherited":
        return f"through {code(target.through or '', 160)}"
    if target.reason == "renamed":
        return f"renamed from {code(target.base_config or '', 160)}"
    return target.reason
