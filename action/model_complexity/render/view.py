"""A report as rows of plain text, before Markdown.

Texts of the pull request are not escaped here: the caller escapes them. A ``Label`` separates them from trusted words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from model_complexity.common.metrics import METRICS
from model_complexity.common.shapes import AUTO
from model_complexity.common.text import format_count
from model_complexity.compare import (
    CollapsedConfigs,
    Status,
    collapse_unchanged,
    delta_of,
    deployed_of,
    notable_checks,
    same_conditions,
    same_coverage,
    status_of,
)
from model_complexity.render.numbers import format_input, input_text, is_exclusion, signed
from model_complexity.render.vocabulary import STATUSES, failure_phrase
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, MetricName, Report, Result


class Label(NamedTuple):
    """Trusted words, then an untrusted name or message."""

    words: str
    name: str = ""
    strong: bool = False


class Cell(NamedTuple):
    """A figure and its change: ``23.186G``, and ``+5.604G``, ``+31.87 %``."""

    metric: MetricName
    value: int | None
    base: int | None
    text: str
    notes: tuple[str, ...] = ()


class Row(NamedTuple):
    """One config at one shape."""

    entry: Entry
    status: Status
    label: str
    """The config's file, with the folders that tell it from the others."""
    input: str
    labels: tuple[Label, ...]
    """Why the config was selected and what happened to it; none for a changed file that has figures."""
    cells: tuple[Cell, ...]
    deployed: tuple[Cell, ...]
    """The same of the deployed form, where it was requested and differs."""
    conditions: tuple[str, ...]
    """The conditions that not all rows have."""
    base_conditions: tuple[str, ...] | None
    """The base's conditions that head does not have, where the sides differ."""


class View(NamedTuple):
    """A report as lines, worst first."""

    rows: tuple[Row, ...]
    folded: tuple[CollapsedConfigs, ...]
    budgets: tuple[BudgetCheck, ...]
    """Those that are not ``ok``."""
    ok_budgets: int
    common_input: str | None
    """The input of all rows, if it is the same."""
    common_conditions: tuple[str, ...]
    """The conditions of all rows, on both sides."""
    labels: dict[str, str]
    """Each config's short name."""
    uncounted: tuple[tuple[str, int], ...]
    """Operators at head that are not counted, with the number of configs."""
    exclusions: tuple[tuple[str, int], ...]
    """What figures leave out (``without post-processing``), with the number of configs."""


def build_view(report: Report) -> View:
    """Lay out a report, worst first."""
    entries, folds = collapse_unchanged(report)
    labels = labels_of([entry.target.name for entry in report.entries])
    budgets = notable_checks(report)
    exceeded = {(check.config, check.shape) for check in budgets if check.state == "exceeded"}
    compared = report.base is not None
    common = _common_conditions(entries)
    rows = tuple(
        _row(
            entry,
            labels[entry.target.name],
            status_of(entry, compared=compared),
            over_budget=(entry.target.name, entry.shape) in exceeded,
            common=common,
        )
        for entry in entries
    )
    # A config that failed at `auto` has no resolved input and does not count.
    inputs = {row.input for row in rows if row.input != AUTO} or {row.input for row in rows}
    return View(
        rows=rows,
        folded=folds,
        budgets=budgets,
        ok_budgets=len(report.budgets) - len(budgets),
        common_input=inputs.pop() if len(inputs) == 1 else None,
        common_conditions=common,
        labels=labels,
        uncounted=_uncounted(report),
        exclusions=_exclusions(report),
    )


def labels_of(names: Sequence[str]) -> dict[str, str]:
    """Return for each path its file's name, with the folders that tell it from the other paths."""
    labels: dict[str, str] = {}
    waiting, length = list(dict.fromkeys(names)), 1
    while waiting:
        short = {name: "/".join(name.split("/")[-length:]) for name in waiting}
        times = Counter(short.values())
        labels |= {name: label for name, label in short.items() if times[label] == 1 or label == name}
        waiting, length = [name for name in waiting if name not in labels], length + 1
    return labels


def inputs_differ(entry: Entry) -> bool:
    """Return whether the sides have different inputs, which the deltas then include."""
    sides = {format_input(side) for side in (entry.head, entry.base) if isinstance(side, Measurement)}
    return len(sides) > 1


def uncalled_parts(measurement: Measurement) -> list[str]:
    """Return the topmost modules with params that were never called: their FLOPs are not counted."""
    uncalled = set(measurement.uncalled_modules)
    names = [module.name for module in measurement.modules if module.name in uncalled and module.figures.get("params")]
    parts = set(names)
    return [name for name in names if not any(name[:end] in parts for end in _dots(name))]


def _dots(name: str) -> list[int]:
    return [place for place, char in enumerate(name) if char == "."]


def _row(entry: Entry, label: str, status: Status, *, over_budget: bool, common: Sequence[str]) -> Row:
    row_input = input_text(entry)
    if inputs_differ(entry) and isinstance(entry.base, Measurement):
        row_input += f", at the base {format_input(entry.base)}"
    labels = (
        Label("over budget", strong=True) if over_budget else None,
        _status_label(entry, status),
        _reason_label(entry),
    )
    cells = tuple(_cell(name, entry, status) for name in METRICS)
    return Row(
        entry,
        status,
        label,
        row_input,
        tuple(part for part in labels if part),
        cells,
        _deployed(entry),
        *conditions_of(entry, common),
    )


def _common_conditions(entries: Sequence[Entry]) -> tuple[str, ...]:
    # A config that failed has no conditions and does not count.
    sides = [side for entry in entries for side in (entry.head, entry.base) if isinstance(side, Measurement)]
    first = sides[0].conditions if sides else ()
    return tuple(
        condition
        for condition in first
        if not is_exclusion(condition) and all(condition in side.conditions for side in sides)
    )


def conditions_of(entry: Entry, common: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """Return the conditions of a row's figures, and the base's where they differ.

    Exclusions are among them only where the sides differ: most configs share them, and the footer names them.
    """
    if not isinstance(entry.primary, Measurement):
        return (), None
    before = entry.base.conditions if isinstance(entry.base, Measurement) else entry.primary.conditions
    own = (condition for condition in entry.primary.conditions if condition not in common)
    shown = tuple(condition for condition in own if not is_exclusion(condition) or condition not in before)
    return shown, None if same_conditions(entry) else tuple(
        condition for condition in before if condition not in entry.primary.conditions
    )


def _reason_label(entry: Entry) -> Label | None:
    target = entry.target
    if target.reason == "inherited":
        return Label("through", _from_base_on(target.through or ""))
    if target.reason == "renamed":
        return Label("renamed from", target.base_config or "")
    return None


def _from_base_on(path: str) -> str:
    """Shorten to ``_base_/models/resnet18.py``: a table cell cannot break a long path."""
    return path[path.find("_base_/") :] if "/_base_/" in f"/{path}" else path


def _status_label(entry: Entry, status: Status) -> Label | None:
    if isinstance(entry.primary, Failure):
        return Label(f"{failure_phrase(status, entry.primary.kind)}:", entry.primary.message, strong=True)
    words = STATUSES[status]
    return Label(words.label) if words.is_noted else None


def _cell(name: MetricName, entry: Entry, status: Status) -> Cell:
    head, base = _value(entry.head, name), _value(entry.base, name)
    if isinstance(entry.primary, Failure):
        return Cell(
            name, None, base, "none", () if base is None or entry.head is None else (f"was {format_count(base)}",)
        )
    value = head if head is not None else base
    return Cell(name, head, base, format_count(value or 0), _notes(name, entry, status))


def _deployed(entry: Entry) -> tuple[Cell, ...]:
    figures = [(name, deployed_of(name, entry)) for name in METRICS]
    return tuple(
        Cell(name, value, delta and value - delta.absolute, format_count(value), signed(delta) if delta else ())
        for name, figure in figures
        if figure
        for value, delta in [figure]
    )


def _notes(name: MetricName, entry: Entry, status: Status) -> tuple[str, ...]:
    delta = delta_of(name, entry)
    if delta is not None:
        return (*signed(delta), *(() if same_coverage(name, entry) else ("uncounted operators differ",)))
    return (STATUSES[status].label,) if status == "incomparable" else ()


def _value(result: Result | None, name: MetricName) -> int | None:
    return result.figures[name] if isinstance(result, Measurement) else None


def _uncounted(report: Report) -> tuple[tuple[str, int], ...]:
    return _count_configs(report, lambda head: head.unsupported_ops.uncounted)


def _exclusions(report: Report) -> tuple[tuple[str, int], ...]:
    return _count_configs(report, lambda head: filter(is_exclusion, head.conditions))


def _count_configs(report: Report, names_of: Callable[[Measurement], Iterable[str]]) -> tuple[tuple[str, int], ...]:
    """Count the configs for each name of their measurements at head, most frequent first."""
    configs: dict[str, set[str]] = {}
    for entry in report.entries:
        if isinstance(entry.head, Measurement):
            for name in names_of(entry.head):
                configs.setdefault(name, set()).add(entry.target.name)
    return tuple(sorted(((name, len(paths)) for name, paths in configs.items()), key=lambda pair: (-pair[1], pair[0])))
