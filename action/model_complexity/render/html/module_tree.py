"""Module trees for the HTML report: head and base joined by name, as rows of short texts that the page's script unfolds.

A row holds texts, not counts: figures are rounded in one place (``common.text``), and a script's numbers are not exact
beyond 2**53.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from model_complexity.common.metrics import METRICS, module_metrics
from model_complexity.common.text import format_count
from model_complexity.compare import Delta, ModuleDiff, SharedModules, module_changes, with_shared_rows
from model_complexity.escape import plain
from model_complexity.render.module_names import also_text
from model_complexity.render.numbers import shape_text, signed
from model_complexity.report import Entry, Measurement, MetricName, Module

LONGEST_LABEL = 80
"""Characters of the last part of a module's name."""
ROW_BYTES = 250
"""Bytes allowed for a row on average. A real one takes about 100."""
_STATES = ("", "new", "removed", "changed", "renamed")
"""The script knows a row's state by its place here."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Pair(NamedTuple):
    """A module of head and of the base: the same one, or None where that side does not have it."""

    depth: int
    head: Module | None
    base: Module | None

    @property
    def name(self) -> str:
        """Return the name at head, or at the base for a removed module."""
        module = self.head or self.base
        return module.name if module else ""


class Tree(NamedTuple):
    """A tree as JSON, and a sentence on what it leaves out, or blank."""

    json: str
    notice: str


def pairs(head: Sequence[Module], base: Sequence[Module], diff: ModuleDiff) -> list[Pair]:
    """Return every module of both sides, parents first, in head's order. A removed module keeps its position.

    A module whose parent is missing, as in a forged answer, is a child of its nearest ancestor.
    """
    ours, theirs = ({module.name: module for module in side} for side in (head, base))
    counterparts = _counterparts(ours, theirs, diff)
    back = {name: theirs[other] for other, name in counterparts.items() if name is not None}
    below: dict[tuple[str, bool], list[tuple[str, bool]]] = {}
    for name, removed in _in_order(ours, counterparts):
        parent = _parent(name, theirs if removed else ours)
        counterpart = counterparts.get(parent, "") if removed else parent
        if name:
            key = (parent, True) if counterpart is None else (counterpart, False)
            below.setdefault(key, []).append((name, removed))
    joined = []
    stack = [("", False, 0)]
    while stack:
        name, removed, depth = stack.pop()
        joined.append(Pair(depth, None, theirs[name]) if removed else Pair(depth, ours.get(name), back.get(name)))
        stack.extend((*child, depth + 1) for child in reversed(below.get((name, removed), [])))
    return joined


def _counterparts(ours: Mapping[str, Module], theirs: Mapping[str, Module], diff: ModuleDiff) -> dict[str, str | None]:
    """Each name of the base -> the name of the same module or parameter at head, or None for a removed one."""
    if diff.counterparts is None:
        return {name: name if name in ours or not name else None for name in theirs}
    counterparts: dict[str, str | None] = {name: diff.counterparts.get(name) if name else "" for name in theirs}
    taken = set(counterparts.values())
    for name, module in theirs.items():
        if module.shape is not None and name:  # the difference has modules only: a parameter follows its module
            parent = _parent(name, theirs)
            parent_at_head = counterparts[parent] if parent else ""
            same = None if parent_at_head is None else f"{parent_at_head}.{name[len(parent) :].lstrip('.')}".lstrip(".")
            counterparts[name] = same if same in ours and same not in taken else None
            taken.add(counterparts[name])
    return counterparts


def _in_order(ours: Mapping[str, Module], counterparts: Mapping[str, str | None]) -> Iterator[tuple[str, bool]]:
    """Yield head's names, each followed by the removed names after it, and whether each is removed."""
    removed: dict[str | None, list[str]] = {}
    last: str | None = None
    for name, counterpart in counterparts.items():
        if counterpart is None:
            removed.setdefault(last, []).append(name)
        else:
            last = counterpart
    yield from ((name, True) for name in removed.get(None, []))
    for name in ours:
        yield name, False
        yield from ((other, True) for other in removed.get(name, []))


def _parent(name: str, known: Mapping[str, Module]) -> str:
    """Return the nearest known ancestor; the root is ""."""
    parent = name.rpartition(".")[0]
    while parent and parent not in known:
        parent = parent.rpartition(".")[0]
    return parent


def tree(entry: Entry, most_rows: int) -> Tree:
    """Build the tree of an entry with at least one measurement.

    Args:
        entry: one config; at least one side is a measurement.
        most_rows: largest number of modules shown. Whole levels are left out, deepest first, until they fit, in bytes too.
    """
    sides = _Sides.of(entry)
    joined = pairs(*sides.modules(), sides.diff)
    depth, shown = _levels(Counter(pair.depth for pair in joined), most_rows)
    rows = [(pair.depth, script_json(_row(sides, pair))) for pair in joined if pair.depth <= depth][:shown]
    sizes: Counter[int] = Counter()
    for row_depth, text in rows:
        sizes[row_depth] += len(text)
    fits, _ = _levels(sizes, most_rows * ROW_BYTES)
    if sum(size for row_depth, size in sizes.items() if row_depth <= fits) > most_rows * ROW_BYTES:
        rows, fits = [], 0
    texts = [text for row_depth, text in rows if row_depth <= fits]
    names = [name for name, side in (("base", sides.base), ("head", sides.head)) if side]
    written = f'{{"sides":{script_json(names)},"rows":[{",".join(texts)}]}}'
    return Tree(written, _notice(len(joined), len(texts), min(depth, fits)))


def _levels(amounts: Mapping[int, int], limit: int) -> tuple[int, int]:
    """Return the depth (at least 1) down to which whole levels fit, and the sum of their amounts."""
    total = sum(amounts.values())
    for depth in sorted(amounts, reverse=True):
        if total <= limit or depth <= 1:
            return depth, min(total, limit)
        total -= amounts[depth]
    return 0, 0


def _notice(every: int, shown: int, depth: int) -> str:
    if shown == every:
        return ""
    if not shown:
        return "The modules are left out to keep this page small. See report.json."
    where = f", down to depth {depth}," if depth > 1 else ""
    return f"{shown:,} of {every:,} modules{where} are shown to keep this page small. See report.json for the rest."


def size_of(entry: Entry) -> int:
    """Count the rows of an entry's whole tree."""
    names = {
        module.name for side in (entry.head, entry.base) if isinstance(side, Measurement) for module in side.modules
    }
    return len({"", *names}) if names else 0


class _Sides(NamedTuple):
    """Both sides of an entry. ``marks``: the state of head's changed and renamed modules."""

    head: Measurement | None
    base: Measurement | None
    diff: ModuleDiff
    marks: Mapping[str, str]
    shared: tuple[SharedModules, SharedModules]
    """Of the base and of head."""

    @classmethod
    def of(cls, entry: Entry) -> _Sides:
        head, base = (side if isinstance(side, Measurement) else None for side in (entry.head, entry.base))
        diff = ModuleDiff() if not head or not base or head.modules == base.modules else module_changes(head, base)
        marks = {change.name: change.kind for change in diff.changes if change.kind in ("changed", "renamed")}
        return cls(head, base, diff, marks, (_shared(base), _shared(head)))

    def modules(self) -> tuple[Sequence[Module], Sequence[Module]]:
        """Return head's and the base's modules. A shared name that has a row on one side has one on both."""
        if self.head and self.base:
            return with_shared_rows(self.head, self.base), with_shared_rows(self.base, self.head)
        return self.head.modules if self.head else (), self.base.modules if self.base else ()


def _shared(side: Measurement | None) -> SharedModules:
    return SharedModules.of(side) if side else SharedModules({}, {})


def script_json(data: Any) -> str:
    """Encode JSON for a script element. It cannot end the element or open a comment."""
    return _encode(data).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def share_metrics() -> tuple[MetricName, ...]:
    """Return the metrics whose shares the tree draws."""
    return tuple(name for name in module_metrics() if METRICS[name].share_in_tree)


def _row(sides: _Sides, pair: Pair) -> list[Any]:
    """[depth, label, remark, state, a cell for each metric, head's share of each ``share_metrics``, the base's]."""
    cells = [_cell(sides, name, pair) for name in module_metrics()]
    shares = [
        _share(_count(module, name), side.figures[name])
        for side, module in ((sides.head, pair.head), (sides.base, pair.base))
        if side
        for name in share_metrics()
    ]
    return [pair.depth, _label(pair.name), _remark(sides, pair), _STATES.index(_state(sides, pair)), *cells, *shares]


def _label(name: str) -> str:
    return plain(name.rpartition(".")[2], LONGEST_LABEL) if name else "model"


def _state(sides: _Sides, pair: Pair) -> str:
    if not (sides.head and sides.base):
        return ""
    if not (pair.head and pair.base):
        return "new" if pair.head else "removed" if pair.base else ""
    # The difference has modules only: a parameter belongs to its module.
    return "changed" if pair.head.shape != pair.base.shape else sides.marks.get(pair.head.name, "")


def _remark(sides: _Sides, pair: Pair) -> str:
    """A parameter's shape, on both sides where they differ; the old name of a renamed module; the other names of a shared one."""
    shapes = [shape_text(side.shape) for side in (pair.base, pair.head) if side and side.shape is not None]
    old, new = (side.name.rpartition(".")[2] if side else "" for side in (pair.base, pair.head))
    renamed = [f"was {plain(old, LONGEST_LABEL)}"] if pair.head and pair.base and old != new else []
    return ", ".join([*renamed, *([" → ".join(dict.fromkeys(shapes))] if shapes else []), *_sharing(sides, pair)])


def _sharing(sides: _Sides, pair: Pair) -> Iterator[str]:
    """Which other names a row stands for, or which row stands for its name; with the side where that is so on one only."""
    sides_of_pair = zip(("at the base: ", "at head: "), (pair.base, pair.head), sides.shared, strict=True)
    texts = [(where, _shared_text(shared, module.name)) for where, module, shared in sides_of_pair if module]
    if len({text for _, text in texts}) == 1:
        texts = [("", texts[0][1])]
    yield from (where + text for where, text in texts if text)


def _shared_text(shared: SharedModules, name: str) -> str:
    if name in shared.others:
        return also_text(shared.others[name])
    return f"counted in the row of {plain(shared.first[name], LONGEST_LABEL)}" if name in shared.first else ""


def _count(module: Module | None, name: MetricName) -> int | None:
    if module is None:
        return None
    if name == "params" and name not in module.figures and module.shape is not None:
        return math.prod(module.shape)
    return module.figures.get(name)


def _cell(sides: _Sides, name: MetricName, pair: Pair) -> str | list[str]:
    """One text where the sides are equal, or base, head and delta."""
    if METRICS[name].needs_forward and any(side and side.shape is not None for side in (pair.head, pair.base)):
        return ""  # a dash means a module that was never called
    head, base = _count(pair.head, name), _count(pair.base, name)
    if head == base or not (sides.head and sides.base):
        return _text(base if sides.head is None else head)
    delta = ""
    if head is not None and base is not None and name in sides.diff.figures:
        delta = " ".join(signed(Delta.between(head, base)))
    return [_text(base), _text(head), delta]


def _text(count: int | None) -> str:
    return "–" if count is None else format_count(count)


def _share(count: int | None, total: int) -> int:
    """Thousandths of the total; -1 where there is none."""
    return -1 if count is None or not total else min(1_000, round(1_000 * count / total))


def fair_limit(sizes: Sequence[int], total: int) -> int:
    """Return the largest limit for each size so that their sum fits ``total``."""
    remaining = total
    waiting = sorted(sizes)
    for place, size in enumerate(waiting):
        level = remaining // (len(waiting) - place)
        if size > level:
            return level
        remaining -= size
    return max(waiting, default=0)
