"""Budgets, failures, and what the figures leave out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from model_complexity.common.metrics import METRICS
from model_complexity.common.text import format_count
from model_complexity.compare import comparable, delta_of, notable_checks
from model_complexity.escape import plain
from model_complexity.render.module_names import uncounted_texts
from model_complexity.render.numbers import CONVENTION, conditions_text, join_limited, requested_text
from model_complexity.render.terminal.configs import MAX_NAMES, entry_label
from model_complexity.render.terminal.layout import breakable, indented, print_paragraph, two_columns
from model_complexity.render.vocabulary import budget_state
from model_complexity.report import BudgetCheck, Entry, Failure, Measurement, Report


def print_budgets(report: Report, console: Console) -> None:
    """Print the budgets that are not ``ok``, worst first."""
    checks = notable_checks(report)
    if not checks:
        return
    table = two_columns()
    for check in checks:
        style = "bold red" if check.state == "exceeded" else "yellow"
        table.add_row(Text(budget_state(check), style=style), Text(_budget(check)))
    print_paragraph(console, Text("Budgets:"), indented(table))


def _budget(check: BudgetCheck) -> str:
    base = "" if check.base is None else f", {format_count(check.base)} at the base"
    where = f"{plain(check.config)} at {breakable(requested_text(check.shape))}"
    text = f"{where}: {check.metric} {format_count(check.head)}{base}, {check.rule} {plain(check.limit, 40)}"
    return f"{text}. {plain(check.reason)}" if check.reason else text


def print_failures(report: Report, console: Console) -> None:
    """Print why configs failed at head."""
    for entry in report.failed:
        if isinstance(entry.head, Failure):
            print_paragraph(console, *failure_lines(entry, entry.head))


def failure_lines(entry: Entry, failure: Failure) -> tuple[Text, Padding]:
    """Return the title of a failure and its message with a hint."""
    words = "Still failing: " if isinstance(entry.base, Failure) else "Failed: "
    title = Text(words, style="red").append(entry_label(entry), style="default")
    return title, indented(Text(f"{failure.kind}: {plain(failure.message, 500)}\n{failure.hint}"))


def print_notes(report: Report, console: Console) -> None:
    """Print uncounted operators, configs that were not measured, warnings, notes and versions."""
    lines = [*_uncounted(report), *_not_measured(report), *_warnings(report)]
    lines += [Text(f"Note: {plain(note, 2_000)}") for note in report.notes]
    if lines:
        print_paragraph(console, *lines)
    print_paragraph(console, Text(_footer(report), style="dim"))


def not_counted(report: Report) -> list[str]:
    """Return sentences on uncounted and on stubbed operators. Configs with the same ones share a sentence."""
    left_out, stubbed = [], []
    for entry in report.entries:
        if isinstance(entry.primary, Measurement):
            names = uncounted_texts(entry.primary, plain, plain)
            left_out.append((join_limited(names, MAX_NAMES), entry_label(entry)))
            names_of_stubs = [plain(name, 80) for name in entry.primary.stubbed_ops]
            stubbed.append((join_limited(names_of_stubs, MAX_NAMES), entry_label(entry)))
    return [
        *(f"Not counted in {configs}: {what}." for configs, what in _together(left_out)),
        *(f"Stubbed operators of mmcv (shapes only) in {configs}: {what}." for configs, what in _together(stubbed)),
    ]


def _together(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Of (operators, config): (configs, operators), with equal operators once and blank ones left out."""
    groups = groupby(sorted(pair for pair in pairs if pair[0]), key=lambda pair: pair[0])
    return [(join_limited([config for _, config in group], MAX_NAMES), what) for what, group in groups]


def _uncounted(report: Report) -> Iterator[Text]:
    yield from map(Text, not_counted(report))
    for entry in report.entries:
        for name, metric in METRICS.items():
            if delta_of(name, entry) is not None and not comparable(name, entry):
                yield Text(
                    f"{metric.summary} of {entry_label(entry)}: uncounted operators differ between base and head, so the "
                    "change is inexact."
                )


def _not_measured(report: Report) -> Iterator[Text]:
    if report.not_measured:
        names = [plain(target.name) for target in report.not_measured]
        yield Text(f"Not measured (beyond max-configs or without a base): {join_limited(names, MAX_NAMES)}.")


def _warnings(report: Report) -> Iterator[Text]:
    failed = {entry.target.name for entry in report.entries if isinstance(entry.primary, Failure)}
    for warning in report.warnings[:MAX_NAMES]:
        if warning.config not in failed:
            yield Text(f"Discovery warning: {plain(warning.config)}: {plain(warning.message, 500)}")
    if len(report.warnings) > MAX_NAMES:
        yield Text(f"{len(report.warnings) - MAX_NAMES} more discovery warnings.")


def _footer(report: Report) -> str:
    against = "" if report.base is None else f" against base {report.base[:9]}"
    versions = next(
        (entry.primary.versions for entry in report.entries if isinstance(entry.primary, Measurement)), None
    )
    parts = [f"Head {report.head[:9]}{against}.", CONVENTION, f"Model Complexity {plain(report.tool, 40)}"]
    if versions:
        parts[-1] += f", torch {plain(versions.torch, 40)}, fvcore {plain(versions.fvcore, 40)}"
    return " ".join(parts) + "."


def condition_lines(report: Report) -> list[str]:
    """Return a sentence for each config with conditions."""
    return [
        f"Conditions of {entry_label(entry)}: {conditions_text(entry.primary.conditions, plain)}."
        for entry in report.entries
        if isinstance(entry.primary, Measurement) and entry.primary.conditions
    ]
