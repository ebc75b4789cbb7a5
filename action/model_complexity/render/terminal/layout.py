"""Paragraphs, columns and indentation by rich."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from model_complexity.render.numbers import NBSP


def two_columns() -> Table:
    """Make two columns: a state, and its subject."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    return table


def indented(part: Text | Table) -> Padding:
    """Indent by two columns."""
    return Padding(part, (0, 0, 0, 2))


def print_paragraph(console: Console, *parts: Text | Table | Padding) -> None:
    """Print one paragraph, and a blank line after it."""
    for part in parts:
        console.print(part, overflow="fold")
    console.print()


def print_unwrapped(console: Console, text: Text) -> None:
    """Print a text without wrapping it."""
    console.print(text, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)


def breakable(text: str) -> str:
    """Replace no-break spaces, which only a table cell of the comment needs."""
    return text.replace(NBSP, " ")
