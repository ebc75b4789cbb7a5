"""The command line. Without a command it is the GitHub Action, which takes its inputs from the environment."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from model_complexity import __version__
from model_complexity.action import run
from model_complexity.commands import add_commands
from model_complexity.errors import ActionError
from model_complexity.github import workflow_commands as workflow
from model_complexity.settings.environment import Settings

_INTERRUPTED = 130
"""The exit code that shells give a program that SIGINT ended."""
_DESCRIPTION = """\
Reports how a change affects model FLOPs, parameters and activations, for
every config that it touches.

A command works on the git repository around the current folder. Without a
command this is the GitHub Action, which a workflow starts with its inputs in
the environment; scripts/demo runs it on your machine."""
_EPILOG = """\
examples:
  model-complexity diff                    what my changes do to the models
  model-complexity measure configs/a.py    how large one model is, by module
  model-complexity check                   whether my change fits the budgets
  model-complexity diff --help             more about a command

exit codes:
  0  done
  1  a budget is exceeded, or a requested config cannot be measured
  2  wrong usage, or the command could not do its work"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command, or the action.

    Returns:
        The exit code: 0 done, 1 a budget of the level ``fail`` is exceeded, or some configs could not be measured where that
        counts as failed, 2 wrong usage, or it could not do its work.
    """
    parser = argparse.ArgumentParser(
        prog="model-complexity",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    add_commands(parser.add_subparsers(dest="command", title="commands", metavar="COMMAND"))
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # a name must not end the run
    return _run_action() if options.command is None else _run_command(options)


def _run_command(options: argparse.Namespace) -> int:
    from model_complexity.commands.dispatch import dispatch

    try:
        with _exiting_on_signals():
            status = dispatch(options, sys.stdout, sys.stderr)
            sys.stdout.flush()
    except ActionError as error:
        print(f"model-complexity: error: {workflow.sanitize(error.message)}", file=sys.stderr)
        if error.advice:
            print(workflow.sanitize(error.advice), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader closed the pipe; the interpreter must not write the rest at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _INTERRUPTED
    except Exception as error:  # exit code 1 is reserved for failed checks
        for line in [*traceback.format_exc().splitlines(), _bug_message(error)]:
            print(workflow.sanitize(line), file=sys.stderr)
        return ActionError.exit_code
    return status


@contextmanager
def _exiting_on_signals() -> Iterator[None]:
    """Exit on SIGTERM and SIGHUP as on an interrupt: no process keeps running and no folder is left behind."""

    def exit_with(number: int, _: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    signals = (signal.SIGTERM, signal.SIGHUP)
    handled = [number for number in signals if signal.getsignal(number) is signal.SIG_DFL]  # nohup ignores SIGHUP
    for number in handled:
        signal.signal(number, exit_with)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _run_action() -> int:
    try:
        return run(Settings.from_environment(os.environ), sys.stdout)
    except ActionError as error:
        workflow.error(sys.stdout, str(error), title="Model Complexity")
        return error.exit_code
    except Exception as error:  # exit code 1 is reserved for failed checks
        for line in traceback.format_exc().splitlines():
            print(workflow.sanitize(line))
        workflow.error(sys.stdout, _bug_message(error), title="Model Complexity")
        return ActionError.exit_code


def _bug_message(error: Exception) -> str:
    return f"{type(error).__name__}: {error} This is a bug in Model Complexity. Please report it with the log."


if __name__ == "__main__":
    sys.exit(main())
