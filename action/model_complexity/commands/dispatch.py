"""Runs the command that was chosen."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final, TextIO

from model_complexity.commands.check import check
from model_complexity.commands.diff import diff
from model_complexity.commands.measure import measure

_COMMANDS: Final[dict[str, Callable[[argparse.Namespace, TextIO, TextIO], int]]] = {
    "diff": diff,
    "measure": measure,
    "check": check,
}


def dispatch(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    """Run a command.

    Args:
        options: as parsed by the parsers of `add_commands`.
        out: takes the report and nothing else.
        errors: takes progress, and what the measured code prints.

    Returns:
        The exit code, as in the command's help.

    Raises:
        ActionError: wrong usage, or the command could not do its work (exit code 2).
    """
    return _COMMANDS[options.command](options, out, errors)
