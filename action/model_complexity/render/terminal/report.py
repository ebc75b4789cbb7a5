"""The three texts that commands print: of a comparison, of a check, of measurements."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from model_complexity.common.table import module_table
from model_complexity.compare import worst_first
from model_complexity.escape import plain, plain_block
from model_complexity.render.headline import headline
from model_complexity.render.numbers import page_block, page_rows
from model_complexity.render.terminal.configs import entry_label, print_configs, print_modules
from model_complexity.render.terminal.findings import (
    failure_lines,
    not_counted,
    print_budgets,
    print_failures,
    print_notes,
)
from model_complexity.render.terminal.layout import breakable, print_paragraph, print_unwrapped
from model_complexity.report import Failure, Measurement, Report, Verdict

_VERDICTS: Final[dict[Verdict, tuple[str, str]]] = {
    "pass": ("Budgets: within limits.", "green"),
    "warn": ("Budgets: WARNING.", "yellow"),
    "unknown": ("Budgets: UNKNOWN. The policy cannot be read.", "yellow"),
    "fail": ("Budgets: EXCEEDED.", "bold red"),
}


def print_report_text(report: Report, console: Console) -> None:
    """Print the headline, configs, modules, budgets, failures and notes."""
    print_paragraph(console, Text(_headline_text(report), style="bold"))
    entries = worst_first(report)
    print_configs(report, entries, console)
    for entry in entries:
        print_modules(entry, console)
    print_budgets(report, console)
    print_failures(report, console)
    print_notes(report, console)


def print_check_text(report: Report, console: Console) -> None:
    """Print the verdict on the budgets, and the failures."""
    words, style = _VERDICTS[report.verdict]
    line = Text(words, style=style)
    if report.policy == "none":
        line = Text("There is no policy, so no budget is checked.")
    line.append(f" {_headline_text(report)}", style="default")
    print_paragraph(console, line)
    print_budgets(report, console)
    print_failures(report, console)
    print_notes(report, console)


def print_measured_text(report: Report, console: Console) -> None:
    """Print each config's summary block and table, without wrapping.

    One config is printed exactly as by ``get_flops.py``. Several have a table in front, names, and the uncounted operators.
    """
    several = len(report.entries) > 1
    if several:
        print_configs(report, report.entries, console)
    for number, entry in enumerate(report.entries):
        if several:
            print_unwrapped(console, Text(("\n" if number else "") + entry_label(entry), style="bold"))
        if isinstance(entry.head, Failure):
            print_unwrapped(console, Text(plain_block(entry.head.detail), style="dim"))
            for part in failure_lines(entry, entry.head):
                console.print(part, overflow="fold")
        elif entry.head is not None:
            _print_page(entry.head, console)
    left_out = not_counted(report)
    if several and left_out:
        console.print()
        print_paragraph(console, *map(Text, left_out))


def _print_page(measurement: Measurement, console: Console) -> None:
    text = f"{page_block(measurement)}\n{module_table(page_rows(measurement))}"
    print_unwrapped(console, Text(plain_block(text)))


def _headline_text(report: Report) -> str:
    """The headline with whole paths."""
    return breakable(headline(report, plain, {}))
