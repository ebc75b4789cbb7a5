"""Prints a report on stdout in the chosen format."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from io import StringIO
from typing import NamedTuple, Self, TextIO

from rich.console import Console

from model_complexity.github.workflow_commands import SUMMARY_LIMIT
from model_complexity.render import render, render_html
from model_complexity.render.terminal import print_check_text, print_measured_text, print_report_text
from model_complexity.report import Report

_WIDTH = 100
"""Columns of a pipe or a file, unless COLUMNS sets them."""


class OutputFormat(NamedTuple):
    """``text``, ``markdown``, ``json`` or ``html``, and whether text may be in colour on a terminal."""

    name: str = "text"
    colour: bool = True

    @classmethod
    def of(cls, options: argparse.Namespace) -> Self:
        """Return the format that a command's options ask for."""
        return cls(options.format, colour=not options.no_color)


def print_report(report: Report, form: OutputFormat, out: TextIO) -> None:
    """Print the whole report."""
    _print(report, form, out, print_report_text)


def print_check(report: Report, form: OutputFormat, out: TextIO) -> None:
    """Print the state of the budgets; in formats other than text, the whole report."""
    _print(report, form, out, print_check_text)


def print_measured(report: Report, form: OutputFormat, out: TextIO) -> None:
    """Print the summary block and module table of each config; in formats other than text, the whole report."""
    _print(report, form, out, print_measured_text)


def _print(report: Report, form: OutputFormat, out: TextIO, print_text: Callable[[Report, Console], None]) -> None:
    renderers: dict[str, Callable[[], str]] = {
        "markdown": lambda: render(report, limit=SUMMARY_LIMIT - 1),
        "json": lambda: report.model_dump_json(indent=1),
        "html": lambda: render_html(report),
    }
    if form.name in renderers:
        out.write(renderers[form.name]().rstrip("\n") + "\n")
    elif out.isatty():
        print_text(report, console_on(out, colour=form.colour))
    else:
        columns = os.environ.get("COLUMNS", "")
        text = StringIO()
        width = int(columns) if columns.isdigit() and int(columns) else _WIDTH
        print_text(report, console_on(text, width))
        out.writelines(f"{line.rstrip(' ')}\n" for line in text.getvalue().split("\n")[:-1])


def console_on(file: TextIO, width: int | None = None, *, colour: bool = True) -> Console:
    """Return a console without markup. rich colours terminals only, and honours NO_COLOR, TERM and the width."""
    return Console(
        file=file,
        width=width,
        force_terminal=file.isatty(),  # explicit, or FORCE_COLOR would colour a file
        no_color=None if colour else True,  # None leaves it to NO_COLOR
        markup=False,
        highlight=False,
        emoji=False,
    )
