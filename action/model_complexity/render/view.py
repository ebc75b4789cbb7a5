"""What a report says, line by line, in plain text: what the comment and the terminal both print.

Texts here are as they came: whoever prints one escapes it for where it is printed. Words are ours; a ``Label`` keeps them apart
from what came from the pull request.
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
    delta_of,
    deployed_of,
    folded,
    notable_checks,
    same_conditions,
    same_coverage,
    status_of,
)
from model_complexity.render.headline import failure_phrase
from model_complexity.render.numbers import format_input, input_text, is_without, signed
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, MetricName, Report, Result


class Label(NamedTuple):
    """Our words, then a name or a message of somebody else's."""

    words: str
    name: str = ""
    strong: bool = False


class Cell(NamedTuple):
    """A figure and what became of it: ``23.186G``, and ``+5.604G``, ``+31.87 %``."""

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
    """The config's file, with as much of its path as tells it from the others."""
    input: str
    said: tuple[Label, ...]
    """Why it is here and what befell it; nothing for a config that was changed itself and has figures."""
    cells: tuple[Cell, ...]
    deployed: tuple[Cell, ...]
    """The same of the form that the model is deployed in, where that was asked for and is another."""
    held: tuple[str, ...]
    """What its figures hold for, beside what those of all rows do."""
    base_conditions: tuple[str, ...] | None
    """What the base's hold for and head's do not, where the two differ; ``held`` then has what only head's leave out too."""


class View(NamedTuple):
    """A report as lines, worst first."""

    rows: tuple[Row, ...]
    folded: tuple[CollapsedConfigs, ...]
    budgets: tuple[BudgetCheck, ...]
    """Those that are near or broken."""
    kept: int
    """How many budgets are kept with room to spare."""
    common_input: str | None
    """What all of the rows were fed, if that is one and the same."""
    common_held: tuple[str, ...]
    """What the figures of all rows hold for, on both sides."""
    labels: dict[str, str]
    """What each config is called."""
    uncounted: tuple[tuple[str, int], ...]
    """Operators that were seen at head and not counted, with how many of the configs have them."""
    without: tuple[tuple[str, int], ...]
    """What figures leave out (``without post-processing``), with how many of the configs do."""


def build_view(report: Report) -> View:
    """Lays a report out."""
    entries, folds = folded(report)
    labels = labels_of([entry.target.name for entry in report.entries])
    budgets = notable_checks(report)
    broken = {(check.config, check.shape) for check in budgets if check.state == "exceeded"}
    compared = report.base is not None
    common = _common_held(entries)
    rows = tuple(
        _row(
            entry,
            labels[entry.target.name],
            status_of(entry, compared=compared),
            over_budget=(entry.target.name, entry.shape) in broken,
            common=common,
        )
        for entry in entries
    )
    # A config that failed at `auto` was fed nothing, and says nothing against one input for all.
    inputs = {row.input for row in rows if row.input != AUTO} or {row.input for row in rows}
    return View(
        rows=rows,
        folded=folds,
        budgets=budgets,
        kept=len(report.budgets) - len(budgets),
        common_input=inputs.pop() if len(inputs) == 1 else None,
        common_held=common,
        labels=labels,
        uncounted=_uncounted(report),
        without=_without(report),
    )


def labels_of(names: Sequence[str]) -> dict[str, str]:
    """For each path its file's name, and as many folders before it as tell it from the other paths."""
    labels: dict[str, str] = {}
    waiting, length = list(dict.fromkeys(names)), 1
    while waiting:
        short = {name: "/".join(name.split("/")[-length:]) for name in waiting}
        times = Counter(short.values())
        labels |= {name: label for name, label in short.items() if times[label] == 1 or label == name}
        waiting, length = [name for name in waiting if name not in labels], length + 1
    return labels


def inputs_differ(entry: Entry) -> bool:
    """Whether the sides were fed inputs of different sizes: the deltas then hold for both changes together."""
    sides = {format_input(side) for side in (entry.head, entry.base) if isinstance(side, Measurement)}
    return len(sides) > 1


def _row(entry: Entry, label: str, status: Status, *, over_budget: bool, common: Sequence[str]) -> Row:
    fed = input_text(entry)
    if inputs_differ(entry) and isinstance(entry.base, Measurement):
        fed += f", at the base {format_input(entry.base)}"
    said = (
        Label("over budget", strong=True) if over_budget else None,
        _fate_said(entry, status),
        _reason_said(entry),
    )
    cells = tuple(_cell(name, entry, status) for name in METRICS)
    return Row(
        entry,
        status,
        label,
        fed,
        tuple(part for part in said if part),
        cells,
        _deployed(entry),
        *held_of(entry, common),
    )


def _common_held(entries: Sequence[Entry]) -> tuple[str, ...]:
    # A config that failed holds for nothing, and says nothing against what the others hold for.
    sides = [side for entry in entries for side in (entry.head, entry.base) if isinstance(side, Measurement)]
    first = sides[0].conditions if sides else ()
    return tuple(one for one in first if not is_without(one) and all(one in side.conditions for side in sides))


def held_of(entry: Entry, common: Sequence[str] = ()) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
    """What a row says of its own figures, and of the base's where those hold for something else.

    What is left out is among it only where the sides differ in it: it is the same for most, and said elsewhere.
    """
    if not isinstance(entry.primary, Measurement):
        return (), None
    before = entry.base.conditions if isinstance(entry.base, Measurement) else entry.primary.conditions
    said = (one for one in entry.primary.conditions if one not in common)
    own = tuple(one for one in said if not is_without(one) or one not in before)
    return own, None if same_conditions(entry) else tuple(one for one in before if one not in entry.primary.conditions)


def _reason_said(entry: Entry) -> Label | None:
    target = entry.target
    if target.reason == "inherited":
        return Label("through", _from_base_on(target.through or ""))
    if target.reason == "renamed":
        return Label("renamed from", target.base_config or "")
    return None


def _from_base_on(path: str) -> str:
    """``_base_/models/resnet18.py``: what is before it is long, and a table cell cannot break it."""
    return path[path.find("_base_/") :] if "/_base_/" in f"/{path}" else path


def _fate_said(entry: Entry, status: Status) -> Label | None:
    if isinstance(entry.primary, Failure):
        return Label(f"{failure_phrase(status, entry.primary.kind)}:", entry.primary.message, strong=True)
    words: dict[Status, str] = {"added": "new", "removed": "removed", "fixed": "failed before, works now"}
    return Label(words[status]) if status in words else None


def _cell(name: MetricName, entry: Entry, status: Status) -> Cell:
    head, base = _value(entry.head, name), _value(entry.base, name)
    if isinstance(entry.primary, Failure):
        return Cell(
            name, None, base, "none", () if base is None or entry.head is None else (f"was {format_count(base)}",)
        )
    value = head if head is not None else base
    return Cell(name, head, base, format_count(value or 0), _notes(name, entry, status))


def _deployed(entry: Entry) -> tuple[Cell, ...]:
    found = [(name, deployed_of(name, entry)) for name in METRICS]
    return tuple(
        Cell(name, one[0], one[1] and one[0] - one[1].absolute, format_count(one[0]), signed(one[1]) if one[1] else ())
        for name, one in found
        if one
    )


def _notes(name: MetricName, entry: Entry, status: Status) -> tuple[str, ...]:
    delta = delta_of(name, entry)
    if delta is not None:
        return (*signed(delta), *(() if same_coverage(name, entry) else ("other operators not counted",)))
    return ("not comparable",) if status == "incomparable" else ()


def _value(result: Result | None, name: MetricName) -> int | None:
    return result.figures[name] if isinstance(result, Measurement) else None


def _uncounted(report: Report) -> tuple[tuple[str, int], ...]:
    return _having(report, lambda head: head.unsupported_ops.uncounted)


def _without(report: Report) -> tuple[tuple[str, int], ...]:
    return _having(report, lambda head: filter(is_without, head.conditions))


def _having(report: Report, what: Callable[[Measurement], Iterable[str]]) -> tuple[tuple[str, int], ...]:
    """Names that measurements of head have, with how many of the configs do, the most frequent first."""
    configs: dict[str, set[str]] = {}
    for entry in report.entries:
        if isinstance(entry.head, Measurement):
            for name in what(entry.head):
                configs.setdefault(name, set()).add(entry.target.name)
    return tuple(sorted(((name, len(where)) for name, where in configs.items()), key=lambda pair: (-pair[1], pair[0])))
