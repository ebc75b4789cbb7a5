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
from model_complexity.compare import Delta, ModuleDiff, module_changes
from model_complexity.escape import plain
from model_complexity.render.numbers import shape_text, signed
from model_complexity.report import Entry, Measurement, MetricName, Module

LONGEST_LABEL = 80
"""Characters of the last part of a module's name."""
ROW_BYTES = 250
"""Room for a row, on average; a real one takes about 100."""
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
        """At head, or at the base for one that is gone."""
        module = self.head or self.base
        return module.name if module else ""


class Tree(NamedTuple):
    """A tree as JSON, and what it leaves out: a sentence, or nothing."""

    json: str
    notice: str


def pairs(head: Sequence[Module], base: Sequence[Module], diff: ModuleDiff) -> list[Pair]:
    """Every module of either side, parents first, in head's order; one that is gone stands where the base had it.

    A module whose parent is missing, as in a forged answer, hangs on the nearest ancestor that is there.
    """
    ours, theirs = ({module.name: module for module in side} for side in (head, base))
    twins = _counterparts(ours, theirs, diff)
    back = {name: theirs[other] for other, name in twins.items() if name is not None}
    below: dict[tuple[str, bool], list[tuple[str, bool]]] = {}
    for name, gone in _in_order(ours, twins):
        parent = _parent(name, theirs if gone else ours)
        twin = twins.get(parent, "") if gone else parent
        if name:
            key = (parent, True) if twin is None else (twin, False)
            below.setdefault(key, []).append((name, gone))
    found = []
    stack = [("", False, 0)]
    while stack:
        name, gone, depth = stack.pop()
        found.append(Pair(depth, None, theirs[name]) if gone else Pair(depth, ours.get(name), back.get(name)))
        stack.extend((*child, depth + 1) for child in reversed(below.get((name, gone), [])))
    return found


def _counterparts(ours: Mapping[str, Module], theirs: Mapping[str, Module], diff: ModuleDiff) -> dict[str, str | None]:
    """Each name of the base -> the name of the same module or parameter at head, or None for one that is gone."""
    if diff.counterparts is None:
        return {name: name if name in ours or not name else None for name in theirs}
    twins: dict[str, str | None] = {name: diff.counterparts.get(name) if name else "" for name in theirs}
    taken = set(twins.values())
    for name, module in theirs.items():
        if module.shape is not None and name:  # a parameter is no module of the difference: it follows its module
            parent = _parent(name, theirs)
            above = twins[parent] if parent else ""
            same = None if above is None else f"{above}.{name[len(parent) :].lstrip('.')}".lstrip(".")
            twins[name] = same if same in ours and same not in taken else None
            taken.add(twins[name])
    return twins


def _in_order(ours: Mapping[str, Module], twins: Mapping[str, str | None]) -> Iterator[tuple[str, bool]]:
    """Head's names, each followed by what the base had after it and is gone, in call order; and whether it is gone."""
    gone: dict[str | None, list[str]] = {}
    last: str | None = None
    for name, twin in twins.items():
        if twin is None:
            gone.setdefault(last, []).append(name)
        else:
            last = twin
    yield from ((name, True) for name in gone.get(None, []))
    for name in ours:
        yield name, False
        yield from ((other, True) for other in gone.get(name, []))


def _parent(name: str, known: Mapping[str, Module]) -> str:
    """The nearest ancestor that is there; the root, "", always is."""
    parent = name.rpartition(".")[0]
    while parent and parent not in known:
        parent = parent.rpartition(".")[0]
    return parent


def tree(entry: Entry, most_rows: int) -> Tree:
    """The tree of an entry that was measured on some side.

    Args:
        entry: one config; at least one side is a measurement.
        most_rows: largest number of modules shown. Whole levels are left out, deepest first, until they fit, in bytes too.
    """
    sides = _Sides.of(entry)
    joined = pairs(sides.head.modules if sides.head else (), sides.base.modules if sides.base else (), sides.diff)
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


def _levels(amounts: Mapping[int, int], most: int) -> tuple[int, int]:
    """The depth down to which whole levels fit (never less than 1), and how much of ``most`` they then take."""
    total = sum(amounts.values())
    for depth in sorted(amounts, reverse=True):
        if total <= most or depth <= 1:
            return depth, min(total, most)
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
    """How many rows an entry's whole tree has."""
    names = {
        module.name for side in (entry.head, entry.base) if isinstance(side, Measurement) for module in side.modules
    }
    return len({"", *names}) if names else 0


class _Sides(NamedTuple):
    """What an entry's rows are made from. ``marks``: the state of those modules of head that a glance must find."""

    head: Measurement | None
    base: Measurement | None
    diff: ModuleDiff
    marks: Mapping[str, str]

    @classmethod
    def of(cls, entry: Entry) -> _Sides:
        head, base = (side if isinstance(side, Measurement) else None for side in (entry.head, entry.base))
        diff = ModuleDiff() if not head or not base or head.modules == base.modules else module_changes(head, base)
        marks = {change.name: change.kind for change in diff.changes if change.kind in ("changed", "renamed")}
        return cls(head, base, diff, marks)


def script_json(data: Any) -> str:
    """JSON that may stand in a script element: nothing in it ends the element or opens a comment."""
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
    return [pair.depth, _label(pair.name), _remark(pair), _STATES.index(_state(sides, pair)), *cells, *shares]


def _label(name: str) -> str:
    """The last part of a name: its row stands below the rest."""
    return plain(name.rpartition(".")[2], LONGEST_LABEL) if name else "model"


def _state(sides: _Sides, pair: Pair) -> str:
    if not (sides.head and sides.base):
        return ""
    if not (pair.head and pair.base):
        return "new" if pair.head else "removed" if pair.base else ""
    # A parameter is no module of the difference: the module that holds it is.
    return "changed" if pair.head.shape != pair.base.shape else sides.marks.get(pair.head.name, "")


def _remark(pair: Pair) -> str:
    """A parameter's shape, on both sides where they differ; what a renamed module was called."""
    shapes = [shape_text(side.shape) for side in (pair.base, pair.head) if side and side.shape is not None]
    old, new = (side.name.rpartition(".")[2] if side else "" for side in (pair.base, pair.head))
    renamed = [f"was {plain(old, LONGEST_LABEL)}"] if pair.head and pair.base and old != new else []
    return ", ".join([*renamed, *([" → ".join(dict.fromkeys(shapes))] if shapes else [])])


def _count(module: Module | None, name: MetricName) -> int | None:
    if module is None:
        return None
    if name == "params" and name not in module.figures and module.shape is not None:
        return math.prod(module.shape)
    return module.figures.get(name)


def _cell(sides: _Sides, name: MetricName, pair: Pair) -> str | list[str]:
    """One text where all sides that were measured say the same, or base, head and what changed."""
    if METRICS[name].traced and any(side and side.shape is not None for side in (pair.head, pair.base)):
        return ""  # a parameter has none, where a dash is a module that was never called
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
    """The largest size that each may have so that all fit in ``total`` together: small ones give what they do not need."""
    left = total
    waiting = sorted(sizes)
    for place, size in enumerate(waiting):
        level = left // (len(waiting) - place)
        if size > level:
            return level
        left -= size
    return max(waiting, default=0)
