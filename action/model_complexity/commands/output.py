"""A report on stdout, in the form that was asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from io import StringIO
from typing import NamedTuple, TextIO

from rich.console import Console

from model_complexity.github.workflow_commands import SUMMARY_LIMIT
from model_complexity.render import render, render_html
from model_complexity.render.terminal import print_check_text, print_measured_text, print_report_text
from model_complexity.report import Report

_WIDTH = 100
"""Columns where nobody says how many there are: in a pipe, or in a file."""


class OutputFormat(NamedTuple):
    """``text``, ``markdown``, ``json`` or ``html``; and whether text may be in colour, where a terminal shows it."""

    form: str = "text"
    colour: bool = True


def print_report(report: Report, look: OutputFormat, out: TextIO) -> None:
    """Writes the whole report."""
    _print(report, look, out, print_report_text)


def print_check(report: Report, look: OutputFormat, out: TextIO) -> None:
    """Writes what the budgets say; in the other forms, the whole report."""
    _print(report, look, out, print_check_text)


def print_measured(report: Report, look: OutputFormat, out: TextIO) -> None:
    """Writes the page's block and table of each config; in the other forms, the whole report."""
    _print(report, look, out, print_measured_text)


def _print(report: Report, look: OutputFormat, out: TextIO, tell: Callable[[Report, Console], None]) -> None:
    forms: dict[str, Callable[[], str]] = {
        "markdown": lambda: render(report, limit=SUMMARY_LIMIT - 1),
        "json": lambda: report.model_dump_json(indent=1),
        "html": lambda: render_html(report),
    }
    if look.form in forms:
        out.write(forms[look.form]().rstrip("\n") + "\n")
    elif out.isatty():
        tell(report, console_on(out, colour=look.colour))
    else:
        columns = os.environ.get("COLUMNS", "")
        text = StringIO()
        width = int(columns) if columns.isdigit() and int(columns) else _WIDTH
        tell(report, console_on(text, width))
        out.writelines(f"{line.rstrip(' ')}\n" for line in text.getvalue().split("\n")[:-1])


def console_on(file: TextIO, width: int | None = None, *, colour: bool = True) -> Console:
    """A console that reads no markup. rich colours on a terminal only, and honours NO_COLOR, TERM and the terminal's width."""
    return Console(
        file=file,
        width=width,
        force_terminal=file.isatty(),  # said outright, or FORCE_COLOR and the like would colour a file
        no_color=None if colour else True,  # None leaves it to NO_COLOR
        markup=False,
        highlight=False,
        emoji=False,
    )
