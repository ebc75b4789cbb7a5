"""The configs with their figures, and the modules that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from model_complexity.common.metrics import METRICS
from model_complexity.common.text import format_count
from model_complexity.compare import (
    ChangeGroup,
    Delta,
    delta_of,
    deployed_of,
    group_changes,
    module_changes,
    same_conditions,
    same_coverage,
    status_of,
)
from model_complexity.escape import plain
from model_complexity.render.numbers import (
    MINUS,
    base_conditions_text,
    conditions_text,
    format_input,
    input_text,
    join_limited,
    requested_text,
    signed,
)
from model_complexity.render.terminal.layout import breakable, indented, print_paragraph, two_columns
from model_complexity.render.vocabulary import MODULE_CHANGES, STATUSES
from model_complexity.report import Entry, Failure, Measurement, MetricName, Report, Target

WIDE: Final = 96
"""Columns from which on the configs are a table. Below, each has its figures in lines of their own."""
MAX_NAMES: Final = 10
_MAX_GROUPS: Final = 8


def print_configs(report: Report, entries: Sequence[Entry], console: Console) -> None:
    """Print the configs with their figures, as a table where the terminal is wide."""
    compared = report.base is not None
    same = [entry for entry in entries if status_of(entry, compared=compared) == "unchanged"]
    others = [entry for entry in entries if entry not in same]
    if others and console.width >= WIDE:
        print_paragraph(console, _table(others, report))
    elif others:
        for entry in others:
            print_paragraph(console, _block(entry, report))
    if same:
        names = [entry_label(entry) for entry in same]
        print_paragraph(console, Text(f"Unchanged: {join_limited(names, MAX_NAMES)}."))


def _table(entries: Sequence[Entry], report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold underline")
    table.add_column("config", overflow="fold")
    table.add_column("input", overflow="fold")
    for name in METRICS:
        table.add_column(name, justify="right", no_wrap=True)
    for entry in entries:
        cells = [Text("\n").join(_cell(name, entry, report)) for name in METRICS]
        config = Text(plain(entry.target.name)).append(f"\n{_entry_notes(entry)}", style="dim")
        table.add_row(config, Text(breakable(input_text(entry))), *cells)
        if deployed := _deployed(entry):
            table.add_row(Text("deployed", style="dim"), "", *(Text("\n").join(deployed[name]) for name in METRICS))
    return table


def _block(entry: Entry, report: Report) -> Text:
    """A config on a narrow terminal."""
    lines = [
        Text(plain(entry.target.name), style="bold"),
        Text(f"  {breakable(input_text(entry))}, {_entry_notes(entry)}"),
    ]
    lines += [Text(f"  {name:<12}").append(Text("  ").join(_cell(name, entry, report))) for name in METRICS]
    lines += [
        Text(f"  {f'{name}, deployed':<12}  ").append(Text("  ").join(cell)) for name, cell in _deployed(entry).items()
    ]
    return Text("\n").join(lines)


def _cell(name: MetricName, entry: Entry, report: Report) -> list[Text]:
    primary = entry.primary
    if isinstance(primary, Failure):
        return [Text("failed" if name == next(iter(METRICS)) else "–", style="red")]
    value = Text(format_count(primary.figures[name]))
    delta = delta_of(name, entry)
    if delta is None:
        status = status_of(entry, compared=report.base is not None)
        words = STATUSES[status]
        noted = words.is_noted or status == "incomparable"
        return [value, Text(words.label, style="dim")] if noted else [value]
    lines = [value, *_change(delta)]
    return lines if same_coverage(name, entry) else [*lines, Text("uncounted differ")]


def _deployed(entry: Entry) -> dict[MetricName, list[Text]]:
    figures = [(name, deployed_of(name, entry)) for name in METRICS]
    return {name: [Text(format_count(figure[0])), *_change(figure[1])] for name, figure in figures if figure}


def _change(delta: Delta | None) -> list[Text]:
    if delta is None:
        return []
    style = "dim" if not delta.absolute else "red" if delta.absolute > 0 else "green"
    return [Text(breakable("  ".join(signed(delta))), style=style)]


def print_modules(entry: Entry, console: Console) -> None:
    """Print the modules that changed, the largest share first."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return
    groups = group_changes(module_changes(entry.head, entry.base).changes)
    if not groups:
        return
    table = two_columns()
    for group in groups[:_MAX_GROUPS]:
        table.add_row(Text(MODULE_CHANGES[group.first.kind]), _group(group))
    if len(groups) > _MAX_GROUPS:
        table.add_row("", Text(f"and {len(groups) - _MAX_GROUPS} more", style="dim"))
    print_paragraph(console, Text(f"Modules of {entry_label(entry)}:"), indented(table))


def _group(group: ChangeGroup) -> Text:
    name = plain(group.name) or "(the model itself)"
    text = Text(f"{name} ×{len(group.changes)}" if len(group.changes) > 1 else name)
    if group.base_name is not None and group.base_name != group.name:
        text.append(f", at the base: {plain(group.base_name)}")
    if group.shared_with:
        text.append(f", now the same module as {plain(group.shared_with)}")
    if group.base_shared_with:
        text.append(f", no longer the same module as {plain(group.base_shared_with)}")
    for change in group.first.parameters:
        before, after = (str(shape) if shape is not None else "none" for shape in (change.base, change.head))
        text.append(f", {plain(change.name)} {before} → {after}")
    deltas = [f"{name} {_sign(part)}" for name, part in group.delta.by_metric().items() if part]
    if deltas:
        text.append(f"\n{', '.join(deltas)}")
    share = next(((name, part) for name, part in group.share.by_metric().items() if part), None)
    if share is not None:
        text.append(f" ({share[1]:.0%} of the change of {share[0]})", style="dim")
    return text


def _sign(number: int) -> str:
    return (MINUS if number < 0 else "+") + format_count(abs(number))


def entry_label(entry: Entry) -> str:
    """Write a config with its input."""
    primary = entry.primary
    shape = format_input(primary) if isinstance(primary, Measurement) else requested_text(entry.shape)
    return f"{plain(entry.target.name)} at {breakable(shape)}"


def _entry_notes(entry: Entry) -> str:
    """Why the config was selected, and the conditions of its figures."""
    parts = [_why(entry.target)]
    conditions = entry.primary.conditions if isinstance(entry.primary, Measurement) else ()
    parts.append(conditions_text(conditions, plain))
    if not same_conditions(entry) and isinstance(entry.base, Measurement):
        parts.append(base_conditions_text(entry.base.conditions, conditions, plain))
    return ", ".join(part for part in parts if part)


def _why(target: Target) -> str:
    if target.reason == "inherited":
        return f"through {plain(target.through or '')}"
    if target.reason == "renamed":
        return f"renamed from {plain(target.base_config or '')}"
    return target.reason
