"""Report -> a terminal, by rich: as wide as it is, in colour only where the console has it, and nothing said by colour alone.

Names and messages are hostile: they become `Text`, in which rich reads no markup, of printable characters only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from model_complexity.common import table as page
from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.common.metrics import METRICS
from model_complexity.common.table import ModuleRow, module_table, summary_block
from model_complexity.common.text import format_count
from model_complexity.compare import (
    ChangeGroup,
    Delta,
    comparable,
    delta_of,
    deployed_of,
    group_changes,
    module_changes,
    same_conditions,
    same_coverage,
    status_of,
    worst_first,
)
from model_complexity.escape import plain, plain_block
from model_complexity.render.headline import headline
from model_complexity.render.numbers import (
    MINUS,
    asked_text,
    before_text,
    conditions_text,
    format_input,
    input_text,
    signed,
)
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, MetricName, Report, Target

CONVENTION = "One multiply-accumulate is one flop."
WIDE = 96
"""Columns from which on the configs are a table; below, each has its figures in lines of their own."""
_MOST_FAMILIES = 8
_MOST_NAMES = 10
_NOTES = {
    "added": "new",
    "removed": "removed",
    "fixed": "failed before, works now",
    "incomparable": "not comparable",
    "base_failing": "removed",
    "newly_failing": "worked before",
}
"""Under a figure that has no delta."""
_VERDICTS = {
    "pass": ("Budgets: kept.", "green"),
    "warn": ("Budgets: a warning.", "yellow"),
    "fail": ("Budgets: BROKEN.", "bold red"),
    "unknown": ("Budgets: unknown. The policy cannot be read.", "yellow"),
}
_STATES = {
    "exceeded": "exceeded",
    "already_exceeded": "broken before",
    "near": "near",
    "ignored": "ignored",
}
"""Of budgets, in the order in which they are told."""


def print_report_text(report: Report, console: Console) -> None:
    """What a change does: verdict, configs, modules, budgets, failures, and what is to be known about it all."""
    _line(console, Text(_headline_text(report), style="bold"))
    entries = worst_first(report)
    _tell_configs(report, entries, console)
    for entry in entries:
        _tell_modules(entry, console)
    _tell_budgets(report, console)
    _tell_failures(report, console)
    _tell_rest(report, console)


def print_check_text(report: Report, console: Console) -> None:
    """What the budgets say, and why something was not judged."""
    words, style = _VERDICTS[report.verdict]
    line = Text(words, style=style)
    if report.policy == "none":
        line = Text("There is no policy: nothing is held against a budget.")
    line.append(f" {_headline_text(report)}", style="default")
    _line(console, line)
    _tell_budgets(report, console)
    _tell_failures(report, console)
    _tell_rest(report, console)


def print_measured_text(report: Report, console: Console) -> None:
    """Each config as the page prints it: block and table, which are never folded.

    One alone is what ``get_flops.py`` prints, and nothing else; several have a table in front, names, and what was not counted.
    """
    several = len(report.entries) > 1
    if several:
        _tell_configs(report, report.entries, console)
    for number, entry in enumerate(report.entries):
        if several:
            _print(console, Text(("\n" if number else "") + _entry_label(entry), style="bold"))
        if isinstance(entry.head, Failure):
            _print(console, Text(plain_block(entry.head.detail), style="dim"))
            for part in _failed(entry, entry.head):
                console.print(part, overflow="fold")
        elif entry.head is not None:
            _tell_page(entry.head, console)
    left_out = not_counted(report)
    if several and left_out:
        console.print()
        _line(console, *map(Text, left_out))


def not_counted(report: Report) -> list[str]:
    """Sentences on the operators that figures leave out, and on those of mmcv that were not installed.

    Configs of which the same is to be said are told together.
    """
    left_out, stood_in = [], []
    for entry in report.entries:
        if isinstance(entry.primary, Measurement):
            uncounted = entry.primary.unsupported_ops.uncounted.items()
            names = sorted(uncounted, key=lambda item: (-item[1], item[0]))
            left_out.append((_listed([f"{plain(name, 80)} ×{times}" for name, times in names]), _entry_label(entry)))
            stood_in.append((_listed([plain(name, 80) for name in entry.primary.stubbed_ops]), _entry_label(entry)))
    return [
        *(f"Not counted in {configs}: {what}." for configs, what in _together(left_out)),
        *(f"Not installed, and computed by shape only, in {configs}: {what}." for configs, what in _together(stood_in)),
    ]


def _together(said: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of (what, config): (configs, what) with each what once; a blank one is not worth a word."""
    groups = groupby(sorted(pair for pair in said if pair[0]), key=lambda pair: pair[0])
    return [(_listed([config for _, config in group]), what) for what, group in groups]


def condition_lines(report: Report) -> list[str]:
    """A sentence for each config whose figures hold for something, or leave something out."""
    return [
        f"Figures of {_entry_label(entry)}: {conditions_text(entry.primary.conditions, plain)}."
        for entry in report.entries
        if isinstance(entry.primary, Measurement) and entry.primary.conditions
    ]


def _headline_text(report: Report) -> str:
    """The comment's first sentence, with the configs by their whole paths."""
    return _spaced(headline(report, plain, {}))


def _fate(entry: Entry, report: Report) -> str:
    return status_of(entry, compared=report.base is not None)


def _tell_configs(report: Report, entries: Sequence[Entry], console: Console) -> None:
    same = [entry for entry in entries if _fate(entry, report) == "unchanged"]
    others = [entry for entry in entries if _fate(entry, report) != "unchanged"]
    if others and console.width >= WIDE:
        _line(console, _table(others, report))
    elif others:
        for entry in others:
            _line(console, _block(entry, report))
    if same:
        names = [_entry_label(entry) for entry in same]
        _line(console, Text(f"Unchanged: {_listed(names)}."))


def _table(entries: Sequence[Entry], report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold underline")
    table.add_column("config", overflow="fold")
    table.add_column("input", overflow="fold")
    for name in METRICS:
        table.add_column(name, justify="right", no_wrap=True)
    for entry in entries:
        cells = [Text("\n").join(_cell(name, entry, report)) for name in METRICS]
        config = Text(plain(entry.target.name)).append(f"\n{_entry_notes(entry)}", style="dim")
        table.add_row(config, Text(_spaced(input_text(entry))), *cells)
        if deployed := _deployed(entry):
            table.add_row(Text("deployed", style="dim"), "", *(Text("\n").join(deployed[name]) for name in METRICS))
    return table


def _block(entry: Entry, report: Report) -> Text:
    """A config where there is no room for a table."""
    lines = [
        Text(plain(entry.target.name), style="bold"),
        Text(f"  {_spaced(input_text(entry))}, {_entry_notes(entry)}"),
    ]
    lines += [Text(f"  {name:<12}").append(Text("  ").join(_cell(name, entry, report))) for name in METRICS]
    lines += [
        Text(f"  {f'{name}, deployed':<12}  ").append(Text("  ").join(cell)) for name, cell in _deployed(entry).items()
    ]
    return Text("\n").join(lines)


def _cell(name: MetricName, entry: Entry, report: Report) -> list[Text]:
    shown = entry.primary
    if isinstance(shown, Failure):
        return [Text("failed" if name == next(iter(METRICS)) else "–", style="red")]
    value = Text(format_count(shown.figures[name]))
    delta = delta_of(name, entry)
    if delta is None:
        note = _NOTES.get(_fate(entry, report), "")
        return [value, Text(note, style="dim")] if note else [value]
    lines = [value, *_change(delta)]
    return lines if same_coverage(name, entry) else [*lines, Text("uncounted differ")]


def _deployed(entry: Entry) -> dict[MetricName, list[Text]]:
    """The cells of the form that it is deployed in, where that was asked for and is another."""
    found = [(name, deployed_of(name, entry)) for name in METRICS]
    return {name: [Text(format_count(one[0])), *_change(one[1])] for name, one in found if one}


def _change(delta: Delta | None) -> list[Text]:
    if delta is None:
        return []
    style = "dim" if not delta.absolute else "red" if delta.absolute > 0 else "green"
    return [Text(_spaced("  ".join(signed(delta))), style=style)]


def _tell_modules(entry: Entry, console: Console) -> None:
    """Which modules changed, the weightiest first."""
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return
    found = group_changes(module_changes(entry.head, entry.base).changes)
    if not found:
        return
    table = _grid()
    for family in found[:_MOST_FAMILIES]:
        table.add_row(Text(family.first.kind), _family(family))
    if len(found) > _MOST_FAMILIES:
        table.add_row("", Text(f"and {len(found) - _MOST_FAMILIES} more", style="dim"))
    _line(console, Text(f"Modules of {_entry_label(entry)}:"), _indented(table))


def _family(family: ChangeGroup) -> Text:
    name = plain(family.name) or "(the model itself)"
    text = Text(f"{name} ×{len(family.changes)}" if len(family.changes) > 1 else name)
    if family.base_name is not None and family.base_name != family.name:
        text.append(f", before: {plain(family.base_name)}")
    for change in family.first.parameters:
        before, after = (str(shape) if shape is not None else "nothing" for shape in (change.base, change.head))
        text.append(f", {plain(change.name)} {before} → {after}")
    deltas = [f"{name} {_sign(part)}" for name, part in family.delta.by_metric().items() if part]
    if deltas:
        text.append(f"\n{', '.join(deltas)}")
    share = next(((name, part) for name, part in family.share.by_metric().items() if part), None)
    if share is not None:
        text.append(f" ({share[1]:.0%} of the {share[0]} that moved)", style="dim")
    return text


def _sign(number: int) -> str:
    return (MINUS if number < 0 else "+") + format_count(abs(number))


def _tell_budgets(report: Report, console: Console) -> None:
    told = [check for check in report.budgets if check.state in _STATES]
    if not told:
        return
    table = _grid()
    for state, words in _STATES.items():
        for check in told:
            if check.state == state:
                style = "bold red" if state == "exceeded" else "yellow"
                table.add_row(Text(_level(words, check), style=style), Text(_budget(check)))
    _line(console, Text("Budgets:"), _indented(table))


def _level(words: str, check: BudgetCheck) -> str:
    return f"{words} ({check.level})" if check.state == "exceeded" else words


def _budget(check: BudgetCheck) -> str:
    before = "" if check.base is None else f", {format_count(check.base)} before"
    said = f"{plain(check.config)} at {_spaced(asked_text(check.shape))}: {check.metric} {format_count(check.head)}{before}; "
    said += f"{check.rule} {plain(check.limit, 40)}"
    return f"{said}. {plain(check.reason)}" if check.reason else said


def _tell_failures(report: Report, console: Console) -> None:
    for entry in report.failed:
        if isinstance(entry.head, Failure):
            _line(console, *_failed(entry, entry.head))


def _failed(entry: Entry, failure: Failure) -> tuple[Text, Padding]:
    before = ", nor could it be before" if isinstance(entry.base, Failure) else ""
    title = Text("Cannot be measured: ", style="red").append(f"{_entry_label(entry)}{before}", style="default")
    return title, _indented(Text(f"{failure.kind}: {plain(failure.message, 500)}\n{FAILURE_KINDS[failure.kind].hint}"))


def _tell_rest(report: Report, console: Console) -> None:
    """What the numbers leave out, what was not measured, what could not be read, and notes."""
    lines = [*_uncounted(report), *_not_measured(report), *_problems(report)]
    lines += [Text(f"Note: {plain(note, 2_000)}") for note in report.notes]
    if lines:
        _line(console, *lines)
    _line(console, Text(_footer(report), style="dim"))


def _uncounted(report: Report) -> Iterator[Text]:
    yield from map(Text, not_counted(report))
    for entry in report.entries:
        for name, metric in METRICS.items():
            if delta_of(name, entry) is not None and not comparable(name, entry):
                yield Text(
                    f"{metric.summary} of {_entry_label(entry)}: base and head leave out other operators, so that the change "
                    "is not exact."
                )


def _not_measured(report: Report) -> Iterator[Text]:
    if report.not_measured:
        names = [plain(target.name) for target in report.not_measured]
        yield Text(f"Not measured, beyond max-configs or without a base: {_listed(names)}.")


def _problems(report: Report) -> Iterator[Text]:
    failed = {entry.target.name for entry in report.entries if isinstance(entry.primary, Failure)}
    for problem in report.warnings[:_MOST_NAMES]:
        if problem.config not in failed:
            yield Text(f"Could not be read for inheritance: {plain(problem.config)}: {plain(problem.message, 500)}")
    if len(report.warnings) > _MOST_NAMES:
        yield Text(f"{len(report.warnings) - _MOST_NAMES} more files could not be read for inheritance.")


def _footer(report: Report) -> str:
    against = "" if report.base is None else f" against base {report.base[:9]}"
    versions = next(
        (entry.primary.versions for entry in report.entries if isinstance(entry.primary, Measurement)), None
    )
    parts = [f"Head {report.head[:9]}{against}.", CONVENTION, f"Model Complexity {plain(report.tool, 40)}"]
    if versions:
        parts[-1] += f", torch {plain(versions.torch, 40)}, fvcore {plain(versions.fvcore, 40)}"
    return " ".join(parts) + "."


def _tell_page(measurement: Measurement, console: Console) -> None:
    fed = page.format_input(measurement.model_dump(include={"input_shape", "inputs"}))
    block = summary_block(fed, measurement.figures)
    rows = [ModuleRow(module.name, module.figures, module.shape) for module in measurement.modules]
    _print(console, Text(plain_block(f"{block}\n{module_table(rows)}")))


def _entry_label(entry: Entry) -> str:
    shown = entry.primary
    shape = format_input(shown) if isinstance(shown, Measurement) else asked_text(entry.shape)
    return f"{plain(entry.target.name)} at {_spaced(shape)}"


def _entry_notes(entry: Entry) -> str:
    """Why it was chosen, and what its figures hold for."""
    parts = [_why(entry.target)]
    if isinstance(entry.primary, Measurement):
        parts.append(conditions_text(entry.primary.conditions, plain))
    if not same_conditions(entry) and isinstance(entry.base, Measurement):
        parts.append(before_text(entry.base.conditions, plain))
    return ", ".join(part for part in parts if part)


def _why(target: Target) -> str:
    if target.reason == "inherited":
        return f"through {plain(target.through or '')}"
    if target.reason == "renamed":
        return f"renamed from {plain(target.base_config or '')}"
    return target.reason


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _spaced(text: str) -> str:
    """What keeps a cell of the comment on one line is no help here."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def _grid() -> Table:
    """Two columns: a word or two, and what is to be said about it."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _indented(part: Text | Table) -> Padding:
    return Padding(part, (0, 0, 0, 2))


def _line(console: Console, *parts: Text | Table | Padding) -> None:
    """One paragraph, and a blank line after it."""
    for part in parts:
        console.print(part, overflow="fold")
    console.print()


def _print(console: Console, text: Text) -> None:
    """As it is, however wide."""
    console.print(text, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)
