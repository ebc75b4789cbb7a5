"""The summary block and the table of modules of the reference page.

The worker prints them in ``scripts/get_flops.py``, the host in the comment. The rows are those of
``fvcore.nn.flop_count_table`` (depth 3): modules without a figure are dropped, and a chain of only children with the same
figures is one row.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import tabulate

from .metrics import METRICS, module_metrics
from .text import format_count, printable

RULE = "=" * 30
DEPTH = 3

Stats = Dict[str, str]


class ModuleRow(NamedTuple):
    """What the table needs of a module or parameter. See ``report.Module`` for the fields."""

    name: str
    figures: Mapping[str, int]
    shape: Optional[Sequence[int]] = None

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> ModuleRow:
        """Take the same-named values of a mapping."""
        return cls(data["name"], data["figures"], data.get("shape"))


def format_shape(shape: Sequence[int], space: str = " ") -> str:
    """Write a shape: ``(3, 224, 224)``."""
    return f"({f',{space}'.join(map(str, shape))})"


def format_input(measurement: Mapping[str, Any], *, batch: bool = False, space: str = " ") -> str:
    """Write the input: ``(3, 224, 224)``, or named inputs each with their name.

    Args:
        measurement: its ``input_shape`` and ``inputs``.
        batch: whether the batch dimension is written.
        space: what follows a comma in a shape.
    """
    first = 0 if batch else 1
    named = measurement.get("inputs") or {}
    if not named:
        return format_shape(measurement["input_shape"][first:], space)
    return ", ".join(f"{name} {format_shape(shape[first:], space)}" for name, shape in named.items())


def summary_block(input_text: str, figures: Mapping[str, int]) -> str:
    """Write the block between two rules. ``input_text`` comes from ``format_input``."""
    lines = [f"{metric.summary}: {format_count(figures[name])}" for name, metric in METRICS.items()]
    return "\n".join([RULE, f"Input shape: {input_text}", *lines, RULE])


def module_table(modules: Sequence[ModuleRow], depth: int = DEPTH) -> str:
    """Write the pipe table of modules down to ``depth`` levels, in the order given (the root's name is "")."""
    rows = _Tree(modules).rows(depth)
    options: Dict[str, Any] = {"headers": _headers(), "tablefmt": "pipe", "disable_numparse": True}
    try:
        return tabulate.tabulate(rows, preserve_whitespace=True, **options)
    except TypeError:  # tabulate < 0.10 knows the module-level switch only
        tabulate.PRESERVE_WHITESPACE = True
        return tabulate.tabulate(rows, **options)


def table_sizes(modules: Sequence[ModuleRow], depths: Sequence[int]) -> List[int]:
    """Compute the bytes of UTF-8 that ``module_table`` writes at each depth, without the slow writing."""
    tree = _Tree(modules)
    return [_table_size(tree.rows(depth)) for depth in depths]


def _columns() -> Tuple[str, ...]:
    """The metrics of modules as the page orders them: what needs no forward pass comes first."""
    return tuple(sorted(module_metrics(), key=lambda name: METRICS[name].needs_forward))


def _headers() -> Tuple[str, ...]:
    return ("module", *(METRICS[name].header for name in _columns()))


def _table_size(rows: Sequence[Sequence[str]]) -> int:
    headers = _headers()
    # tabulate leaves two characters more than a header needs.
    widths = [max(len(header) + 2, *map(len, cells)) for header, cells in zip(headers, zip(*rows))]
    line = sum(widths) + len("|") + len("  |") * len(headers) + len("\n")
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
            if any(module.figures.values()) or module.name in kept:
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
        return [pad + printable(label), *(pad + stats[column] if column in stats else "" for column in _columns())]

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
    """The cells of a row by metric. A parameter has its shape in place of its params."""
    if module.shape is not None:
        return {"params": str(tuple(module.shape))}
    stats: Stats = {}
    for name in _columns():
        if name in module.figures:
            stats[name] = format_count(module.figures[name])
        elif METRICS[name].needs_forward:
            stats[name] = ""  # a module that was never called has a blank where a called one has a 0
    return stats


def _joint(upper: Stats, lower: Stats) -> Optional[Stats]:
    if upper.keys() != lower.keys():
        return None
    if any(upper[key] and lower[key] and upper[key] != lower[key] for key in upper):
        return None
    return {key: upper[key] or lower[key] for key in upper}
