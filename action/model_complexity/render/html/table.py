"""The HTML report's table of configs: a row's texts, and its place in the order of each column.

Places, not values, go into the page: counts reach 2**63, and a script's numbers are exact to 2**53 only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from model_complexity.common.metrics import METRICS
from model_complexity.common.text import format_count
from model_complexity.compare import (
    Delta,
    Status,
    checks_by_entry,
    delta_of,
    same_coverage,
    severity,
    status_of,
    worst_first,
)
from model_complexity.escape import plain
from model_complexity.render.html.sentence import html_sentence
from model_complexity.render.numbers import (
    base_conditions_text,
    condition_markdown,
    conditions_text,
    format_input,
    input_text,
    signed,
)
from model_complexity.render.view import conditions_of
from model_complexity.render.vocabulary import STATUSES
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, MetricName, Report, Target

SIDES = ("base", "head", "change")


class Column(NamedTuple):
    """A column: a group of them shares a heading. ``first``: the direction of the first sort."""

    key: str
    group: str
    title: str
    first: str


class Row(NamedTuple):
    """A config's cells. ``places`` has an integer or None (sorted last) for each column, in their order."""

    entry: Entry
    rank: int
    """Its place in ``compare.worst_first``."""
    file: str
    folder: str
    why: str
    via: str
    conditions: Markup
    inputs: tuple[str, ...]
    status: Status
    result: str
    budgets: tuple[BudgetCheck, ...]
    failure: str
    cells: tuple[tuple[str, ...], ...]
    places: tuple[int | None, ...] = ()


def columns(report: Report) -> tuple[Column, ...]:
    """Return the columns of the table; without a base, one for each metric."""
    sides = SIDES if report.base else ("head",)
    fixed = (
        Column("config", "", "config", "ascending"),
        Column("shape", "", "input shape", "ascending"),
        Column("result", "", "result", "ascending"),
    )
    figures = (Column(f"{name}-{side}", name, side, "descending") for name in METRICS for side in sides)
    return (*fixed, *figures)


def rows(report: Report, limit: int) -> list[Row]:
    """Return the first rows of the table: exceeded budgets, failures, then the largest changes."""
    checks = checks_by_entry(report)
    compared = report.base is not None
    table_rows = [
        _row(entry, rank, checks.get((entry.target.name, entry.shape), []), compared=compared)
        for rank, entry in enumerate(worst_first(report)[:limit])
    ]
    ranked = [_ranks([key(row) for row in table_rows]) for key in _keys(report)]
    return [row._replace(places=places) for row, places in zip(table_rows, zip(*ranked, strict=True), strict=True)]


def _row(entry: Entry, rank: int, checks: Sequence[BudgetCheck], *, compared: bool) -> Row:
    status = status_of(entry, compared=compared)
    folder, _, file = entry.target.name.rpartition("/")
    failures = [side for side in (entry.head, entry.base) if isinstance(side, Failure)]
    why, via = _why(entry.target)
    return Row(
        entry=entry,
        rank=rank,
        file=plain(file),
        folder=plain(folder, 160),
        why=why,
        via=plain(via, 160),
        conditions=_conditions(entry),
        inputs=_inputs(entry),
        status=status,
        result=STATUSES[status].label,
        budgets=tuple(sorted(checks, key=severity)),
        failure=f"{failures[0].kind}: {plain(failures[0].message, 160)}" if failures else "",
        cells=tuple(_cell(name, side, entry) for name in METRICS for side in (SIDES if compared else ("head",))),
    )


def _why(target: Target) -> tuple[str, str]:
    if target.reason == "inherited":
        return "through", target.through or ""
    if target.reason == "renamed":
        return "renamed from", target.base_config or ""
    return target.reason, ""


def _inputs(entry: Entry) -> tuple[str, ...]:
    sides = [plain(format_input(side)) for side in (entry.head, entry.base) if isinstance(side, Measurement)]
    return (sides[0], f"base {sides[1]}") if len(set(sides)) > 1 else (plain(input_text(entry)),)


def _conditions(entry: Entry) -> Markup:
    """The conditions, of both sides where they differ."""
    own, base = conditions_of(entry)
    write = condition_markdown
    texts = [conditions_text(own, write), "" if base is None else base_conditions_text(base, own, write)]
    return html_sentence(", ".join(text for text in texts if text))


def _cell(name: MetricName, side: str, entry: Entry) -> tuple[str, ...]:
    if side == "change":
        delta = delta_of(name, entry)
        if delta is None:
            return ()
        return (*signed(delta), *(() if same_coverage(name, entry) else ("uncounted differ",)))
    result = entry.head if side == "head" else entry.base
    if isinstance(result, Measurement):
        return (format_count(result.figures[name]),)
    return ("failed",) if isinstance(result, Failure) else ("–",)


def _keys(report: Report) -> list[Callable[[Row], Any]]:
    """Return the sort key of each column. A key is None for an empty cell."""
    sides = SIDES if report.base else ("head",)
    figures = (_figure_key(name, side) for name in METRICS for side in sides)
    return [lambda row: row.entry.target.name.casefold(), _shape_key, lambda row: row.rank, *figures]


def _shape_key(row: Row) -> Any:
    """Numbers as numbers: 64 before 224. Inputs by name follow, by their text."""
    primary = row.entry.primary
    if isinstance(primary, Measurement) and not primary.inputs:
        return (0, primary.input_shape[1:], "")
    requested = row.entry.shape
    return (1, (), requested) if isinstance(requested, str) else (0, requested, "")


def _figure_key(name: MetricName, side: str) -> Callable[[Row], Any]:
    def key(row: Row) -> Any:
        if side == "change":
            delta = delta_of(name, row.entry)
            return delta and (_relative(delta), delta.absolute)
        result = row.entry.head if side == "head" else row.entry.base
        return result.figures[name] if isinstance(result, Measurement) else None

    return key


def _relative(delta: Delta) -> float:
    """The relative change; infinite from a base of 0."""
    return delta.relative if delta.relative is not None else math.inf if delta.absolute else 0.0


def _ranks(keys: Iterable[Any]) -> list[int | None]:
    """Return each key's position in the order of all. Equal keys share one."""
    keys = list(keys)
    order = {key: place for place, key in enumerate(sorted({key for key in keys if key is not None}))}
    return [None if key is None else order[key] for key in keys]
