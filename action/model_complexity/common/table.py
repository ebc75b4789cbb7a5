"""The page's format: figures, summary block and per-module table. The one place where counts become text.

Imports tabulate only, because both halves print with it: the worker for ``scripts/get_flops.py``, the speaking
half for the comment. The rows are those of ``fvcore.nn.flop_count_table`` (depth 3), which the reference page shows:
modules without a figure are dropped, and a chain of only children with the same figures is one row.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

import tabulate

RULE = "=" * 30
DEPTH = 3
HEADERS = ("module", "#parameters or shape", "#flops", "#activations")
_PARAMS, _FLOPS, _ACTIVATIONS = HEADERS[1:]
_UNITS = ((1e14, 1e15, "P"), (1e11, 1e12, "T"), (1e8, 1e9, "G"), (1e5, 1e6, "M"), (1e2, 1e3, "K"))

Stats = Dict[str, str]


class ModuleRow(NamedTuple):
    """What the table needs to know of a module or parameter: see ``report.Module`` for the meaning of None."""

    name: str
    params: Optional[int]
    shape: Optional[Sequence[int]]
    flops: Optional[int]
    activations: Optional[int]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ModuleRow:
        """Takes the same-named values of a mapping."""
        return cls(data["name"], *(data.get(field) for field in cls._fields[1:]))


def format_count(count: int) -> str:
    """Writes a count as the page does: three decimals of the unit above it, ``17582221824`` as ``17.582G``."""
    for above, unit, letter in _UNITS:
        if abs(count) > above:
            return f"{count / unit:.3f}".rstrip("0").rstrip(".") + letter
    return str(count)


def format_input(measurement: Mapping[str, Any]) -> str:
    """What was fed, as the page writes it, without the batch: ``(3, 224, 224)``; named inputs each with their name."""
    named = measurement.get("inputs") or {}
    if not named:
        return str(tuple(measurement["input_shape"][1:]))
    return ", ".join(f"{name} {tuple(shape[1:])}" for name, shape in named.items())


def summary_block(fed: str, flops: int, params: int, activations: int) -> str:
    """The block between two rules. ``fed`` is what ``format_input`` writes; the rest are exact counts."""
    return "\n".join(
        [
            RULE,
            f"Input shape: {fed}",
            f"Flops: {format_count(flops)}",
            f"Params: {format_count(params)}",
            f"Activation: {format_count(activations)}",
            RULE,
        ]
    )


def module_table(modules: Sequence[ModuleRow], depth: int = DEPTH) -> str:
    """The pipe table of modules down to ``depth`` rows of indentation, in the order given (the root's name is "")."""
    rows = _Tree(modules).rows(depth)
    options: Dict[str, Any] = {"headers": HEADERS, "tablefmt": "pipe", "disable_numparse": True}
    try:
        return tabulate.tabulate(rows, preserve_whitespace=True, **options)
    except TypeError:  # tabulate < 0.10 knows the module-level switch only
        tabulate.PRESERVE_WHITESPACE = True
        return tabulate.tabulate(rows, **options)


def table_sizes(modules: Sequence[ModuleRow], depths: Sequence[int]) -> List[int]:
    """Bytes of UTF-8 that ``module_table`` would write at each depth, found without writing: tabulate takes its time."""
    tree = _Tree(modules)
    return [_table_size(tree.rows(depth)) for depth in depths]


def printable(text: str) -> str:
    """Replaces what would break a line or hide in it: control, format and other unprintable characters."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _table_size(rows: Sequence[Sequence[str]]) -> int:
    # tabulate leaves two characters more than a header needs.
    widths = [max(len(header) + 2, *map(len, cells)) for header, cells in zip(HEADERS, zip(*rows))]
    line = sum(widths) + len("|  |  |  |  |") + len("\n")
    wider = sum(len(row[0].encode("utf-8", "replace")) - len(row[0]) for row in rows)
    return (len(rows) + 2) * line - len("\n") + wider


class _Tree:
    """Modules by name, with their children in order, without those that have nothing to show."""

    def __init__(self, modules: Sequence[ModuleRow]) -> None:
        children: Dict[str, List[ModuleRow]] = {}
        for module in modules:
            if module.name:
                children.setdefault(module.name.rpartition(".")[0], []).append(module)
        kept = {""}
        # Deepest first, so that a parent knows whether a child stays.
        for module in sorted(modules, key=lambda module: module.name.count("."), reverse=True):
            if any((module.params, module.flops, module.activations)) or module.name in kept:
                kept.update((module.name, module.name.rpartition(".")[0]))
        self.children = {name: [m.name for m in below if m.name in kept] for name, below in children.items()}
        self.stats = {module.name: _written(module) for module in modules if module.name in kept}

    def rows(self, depth: int) -> List[List[str]]:
        root = self._merged("")
        rows = [self._row(root or "model", root, 0)]
        prefix = root + "." if root else ""
        self._fill(rows, root, len(prefix), 1, depth)
        return rows

    def _fill(self, rows: List[List[str]], parent: str, skip: int, indent: int, depth: int) -> None:
        if indent > depth:
            return
        for child in self.children.get(parent, []):
            name = self._merged(child)
            rows.append(self._row(name[skip:], name, indent))
            self._fill(rows, name, skip, indent + 1, depth)

    def _row(self, label: str, name: str, indent: int) -> List[str]:
        stats = self.stats.get(name, {})
        pad = " " * indent
        return [pad + printable(label), *(pad + stats[column] if column in stats else "" for column in HEADERS[1:])]

    def _merged(self, name: str) -> str:
        """Follows only children as long as their figures do not contradict; the last one carries the joint figures."""
        below = self.children.get(name, [])
        while len(below) == 1 and name in self.stats:
            joint = _joint(self.stats[name], self.stats[below[0]])
            if joint is None:
                break
            name = below[0]
            self.stats[name] = joint
            below = self.children.get(name, [])
        return name


def _written(module: ModuleRow) -> Stats:
    if module.shape is not None:
        return {_PARAMS: str(tuple(module.shape))}
    stats = {} if module.params is None else {_PARAMS: format_count(module.params)}
    # A module that was never called has a blank where a called one has a 0.
    stats[_FLOPS] = "" if module.flops is None else format_count(module.flops)
    stats[_ACTIVATIONS] = "" if module.activations is None else format_count(module.activations)
    return stats


def _joint(upper: Stats, lower: Stats) -> Optional[Stats]:
    if upper.keys() != lower.keys():
        return None
    if any(upper[key] and lower[key] and upper[key] != lower[key] for key in upper):
        return None
    return {key: upper[key] or lower[key] for key in upper}
