"""The difference of one config by module: a table of changes, the renames, the unchanged modules."""

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
from model_complexity.render.numbers import MINUS, join_limited, pluralize, share
from model_complexity.render.vocabulary import MODULE_CHANGES
from model_complexity.report import Measurement, MetricName

NAME_LIMIT = 80
_LISTED = 8
"""Renames, unchanged modules and shapes of parameters that are written out."""


class Difference:
    """The modules that differ between two measurements of a config."""

    def __init__(self, head: Measurement, base: Measurement) -> None:
        self._diff = module_changes(head, base)
        groups = group_changes(self._diff.changes)
        self._causes = [group for group in groups if group.first.kind != "renamed"]
        self._renames = [group for group in groups if group.first.kind == "renamed"]

    @property
    def is_empty(self) -> bool:
        """Return whether the modules are the same on both sides."""
        return not self._diff.changes

    def __len__(self) -> int:
        """Return the number of rows of the whole table."""
        return len(self._causes)

    @property
    def title(self) -> str:
        """Return the title of the collapsed section."""
        changed = sum(len(group.changes) for group in self._causes)
        renamed = sum(len(group.changes) for group in self._renames)
        parts = [pluralize(changed, "module")] if changed else []
        parts += [f"{pluralize(renamed, 'module')} renamed"] if renamed else []
        return f"What changed: {', '.join(parts)}"

    def text(self, rows: int) -> str:
        """Write the table with ``rows`` rows at most, then the renamed and unchanged modules."""
        blocks = [self._table(self._causes[:rows])] if self._causes and rows else []
        if len(self._causes) > rows:
            more = pluralize(len(self._causes) - rows, "row" if not rows else "smaller change")
            blocks.append(f"{more} left out to fit GitHub's limit. See the report file of this run for every module.")
        if self._renames:
            blocks.append(
                f"Renamed without any change: {join_limited([_rename(group) for group in self._renames], _LISTED)}."
            )
        if self._diff.unchanged and self._diff.unchanged != ("",):
            names = join_limited([code(name, NAME_LIMIT) for name in self._diff.unchanged], _LISTED)
            blocks.append(f"Unchanged ({pluralize(self._diff.unchanged_modules, 'module')}): {names}.")
        return "\n\n".join(blocks)

    def _table(self, causes: Sequence[ChangeGroup]) -> str:
        columns = [name for name in self._diff.figures if _moves(self._diff, name)]
        heads = [f"{METRICS[name].noun} (part of the change)" for name in columns]
        lines = [_line("module", *heads), "|:--|" + "--:|" * len(columns)]
        lines += (_line(_name(group), *(_cell(group, name) for name in columns)) for group in causes)
        return "\n".join(lines)


def _moves(diff: ModuleDiff, name: MetricName) -> bool:
    return any(change.delta.by_metric()[name] for change in diff.changes)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _name(group: ChangeGroup) -> str:
    first = group.first
    words = [] if first.kind == "changed" else [MODULE_CHANGES[first.kind]]
    if len(group.changes) > 1:
        words.append(f"{len(group.changes)} alike")
    if first.modules > 1:
        words.append(f"{pluralize(first.modules, 'module')}{' each' if len(group.changes) > 1 else ''}")
    if first.kind == "changed" and first.own:
        words.append("its own part")
    name = code(first.name if len(group.changes) == 1 else group.name, NAME_LIMIT) if first.name else "the model itself"
    if first.kind == "changed" and group.base_name != group.name:
        words.append(f"before {code(group.base_name or '', NAME_LIMIT)}")
    words += _sharing(group)
    words += [_parameter(change) for change in first.parameters[:_LISTED]]
    if len(first.parameters) > _LISTED:
        words.append(f"{len(first.parameters) - _LISTED} more parameters")
    return ", ".join([name, *words])


def _sharing(group: ChangeGroup) -> list[str]:
    if group.shared_with:
        return [f"now the same module as {code(group.shared_with, NAME_LIMIT)}"]
    if group.base_shared_with:
        return [f"no longer the same module as {code(group.base_shared_with, NAME_LIMIT)}"]
    return []


def _parameter(change: ParameterChange) -> str:
    if change.head is None or change.base is None:
        shape, kind = (change.base, "removed") if change.head is None else (change.head, "new")
        return f"{code(change.name, 40)} {_shape(shape or ())} {kind}"
    return f"{code(change.name, 40)} {_shape(change.base)} → {_shape(change.head)}"


def _shape(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _cell(group: ChangeGroup, name: MetricName) -> str:
    delta, part = group.delta.by_metric()[name], group.share.by_metric()[name]
    if not delta:
        return "–"
    sign = MINUS if delta < 0 else "+"
    return f"{sign}{format_count(abs(delta))} ({share(part or 0.0)})"


def _rename(group: ChangeGroup) -> str:
    times = f" ({len(group.changes)} alike)" if len(group.changes) > 1 else ""
    return f"{code(group.base_name or '', NAME_LIMIT)} → {code(group.name, NAME_LIMIT)}{times}"
