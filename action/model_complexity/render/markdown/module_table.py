"""The difference of one config, module by module: a table of what did it, the renames, what stayed."""

from __future__ import annotations

from collections.abc import Sequence

from model_complexity.common.metrics import METRICS
from model_complexity.common.text import format_count
from model_complexity.compare import (
    ChangeGroup,
    ModuleDiff,
    ParameterChange,
    group_changes,
    module_changes,
)
from model_complexity.escape import code
from model_complexity.render.numbers import MINUS, pluralize, share
from model_complexity.report import Measurement, MetricName

NAME_LIMIT = 80
_KINDS = {"changed": "", "appeared": "new", "vanished": "gone", "renamed": "renamed"}
_LISTED = 8
"""Renames, unchanged modules and shapes of parameters that are written out."""


class Difference:
    """What changed between two measurements of a config, ready to be written with more or fewer rows."""

    def __init__(self, head: Measurement, base: Measurement) -> None:
        self._diff = module_changes(head, base)
        found = group_changes(self._diff.changes)
        self._causes = [family for family in found if family.first.kind != "renamed"]
        self._renames = [family for family in found if family.first.kind == "renamed"]

    @property
    def is_empty(self) -> bool:
        """Whether the modules are the same on both sides."""
        return not self._diff.changes

    def __len__(self) -> int:
        """How many rows the whole table has."""
        return len(self._causes)

    @property
    def title(self) -> str:
        """What a summary line says of it."""
        changed = sum(len(family.changes) for family in self._causes)
        renamed = sum(len(family.changes) for family in self._renames)
        said = [pluralize(changed, "module")] if changed else []
        said += [f"{pluralize(renamed, 'module')} renamed"] if renamed else []
        return f"What changed: {', '.join(said)}"

    def text(self, rows: int) -> str:
        """The table with ``rows`` rows at most, then a line each for what was left out, renamed and unchanged."""
        blocks = [self._table(self._causes[:rows])] if self._causes and rows else []
        if len(self._causes) > rows:
            more = pluralize(len(self._causes) - rows, "row" if not rows else "smaller change")
            blocks.append(f"{more} left out to fit GitHub's limit; the report file of this run has every module.")
        if self._renames:
            blocks.append(f"Renamed without any change: {_listed([_rename(family) for family in self._renames])}.")
        if self._diff.unchanged and self._diff.unchanged != ("",):
            names = _listed([code(name, NAME_LIMIT) for name in self._diff.unchanged])
            blocks.append(f"Unchanged ({pluralize(self._diff.unchanged_modules, 'module')}): {names}.")
        return "\n\n".join(blocks)

    def _table(self, causes: Sequence[ChangeGroup]) -> str:
        columns = [name for name in self._diff.figures if _moves(self._diff, name)]
        heads = [f"{METRICS[name].noun} (part of the change)" for name in columns]
        lines = [_line("module", *heads), "|:--|" + "--:|" * len(columns)]
        lines += (_line(_name(family), *(_cell(family, name) for name in columns)) for family in causes)
        return "\n".join(lines)


def _moves(diff: ModuleDiff, name: MetricName) -> bool:
    return any(change.delta.by_metric()[name] for change in diff.changes)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _name(family: ChangeGroup) -> str:
    first = family.first
    words = [_KINDS[first.kind]] if _KINDS[first.kind] else []
    if len(family.changes) > 1:
        words.append(f"{len(family.changes)} alike")
    if first.modules > 1:
        words.append(f"{pluralize(first.modules, 'module')}{' each' if len(family.changes) > 1 else ''}")
    if first.kind == "changed" and first.own:
        words.append("its own part")
    said = f"{code(first.name, NAME_LIMIT) if len(family.changes) == 1 else code(family.name, NAME_LIMIT)}"
    if not first.name:
        said = "the model itself"
    if first.kind == "changed" and family.base_name != family.name:
        words.append(f"before {code(family.base_name or '', NAME_LIMIT)}")
    words += [_parameter(change) for change in first.parameters[:_LISTED]]
    if len(first.parameters) > _LISTED:
        words.append(f"{len(first.parameters) - _LISTED} more parameters")
    return ", ".join([said, *words])


def _parameter(change: ParameterChange) -> str:
    if change.head is None or change.base is None:
        shape, fate = (change.base, "gone") if change.head is None else (change.head, "new")
        return f"{code(change.name, 40)} {_shape(shape or ())} {fate}"
    return f"{code(change.name, 40)} {_shape(change.base)} → {_shape(change.head)}"


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _cell(family: ChangeGroup, name: MetricName) -> str:
    delta, part = family.delta.by_metric()[name], family.share.by_metric()[name]
    if not delta:
        return "–"
    sign = MINUS if delta < 0 else "+"
    return f"{sign}{format_count(abs(delta))} ({share(part or 0.0)})"


def _rename(family: ChangeGroup) -> str:
    times = f" ({len(family.changes)} alike)" if len(family.changes) > 1 else ""
    return f"{code(family.base_name or '', NAME_LIMIT)} → {code(family.name, NAME_LIMIT)}{times}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
