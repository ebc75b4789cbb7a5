"""The command line: thin. Without arguments it is the action, told by the environment."""

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
from model_complexity import commands as local
from model_complexity.action import run
from model_complexity.errors import ActionError
from model_complexity.github import workflow_commands as workflow
from model_complexity.settings.inputs import Settings

_INTERRUPTED = 130
"""As shells say it of a program that a signal ended."""
_DESCRIPTION = """\
Says what a change does to models: flops, params and activations of every
config that it touches, before and after.

With a command it works on the git repository that you are in. Without one it
is the GitHub Action, started by a workflow and told everything by the
environment; scripts/demo plays such a run on a desk."""
_EPILOG = """\
examples:
  model-complexity diff                    what my edits do to the models
  model-complexity measure configs/a.py    how large one model is, by module
  model-complexity check                   whether the budgets hold
  model-complexity diff --help             more of a command

exit codes:
  0  done
  1  a budget is broken, or what was asked for cannot be measured
  2  wrong usage, or it could not do its work"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, or the action.

    Returns:
        The exit code: 0 done, 1 a budget of the level ``fail`` is broken, or some configs could not be measured where that
        counts as failed, 2 wrong usage, or it could not do its work.
    """
    parser = argparse.ArgumentParser(
        prog="model-complexity",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    local.add_commands(parser.add_subparsers(dest="command", title="commands", metavar="COMMAND"))
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # a name must not end the run
    return _run_action() if options.command is None else _run_command(options)


def _run_command(options: argparse.Namespace) -> int:
    from model_complexity.commands.dispatch import dispatch

    try:
        with _cleaning_up():
            status = dispatch(options, sys.stdout, sys.stderr)
            sys.stdout.flush()
    except ActionError as error:
        print(f"model-complexity: error: {workflow.sanitize(error.message)}", file=sys.stderr)
        if error.advice:
            print(workflow.sanitize(error.advice), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # whoever reads has read enough; the interpreter must not try to write the rest at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _INTERRUPTED
    except Exception as error:  # 1 has a meaning: nothing else may end with it
        for line in [*traceback.format_exc().splitlines(), _bug_message(error)]:
            print(workflow.sanitize(line), file=sys.stderr)
        return ActionError.exit_code
    return status


@contextmanager
def _cleaning_up() -> Iterator[None]:
    """A closed terminal, or ``kill``, ends a command as an interrupt does: nothing is left running, and no folder behind."""

    def leave(number: int, _: FrameType | None) -> NoReturn:
        sys.exit(128 + number)

    ending = (signal.SIGTERM, signal.SIGHUP)
    taken = [number for number in ending if signal.getsignal(number) is signal.SIG_DFL]  # not what nohup ignores
    for number in taken:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _run_action() -> int:
    try:
        return run(Settings.from_environment(os.environ), sys.stdout)
    except ActionError as error:
        workflow.error(sys.stdout, str(error), title="Model Complexity")
        return error.exit_code
    except (
        Exception
    ) as error:  # 1 is for broken budgets and configs that cannot be measured: nothing else may end with it
        for line in traceback.format_exc().splitlines():
            print(workflow.sanitize(line))
        workflow.error(sys.stdout, _bug_message(error), title="Model Complexity")
        return ActionError.exit_code


def _bug_message(error: Exception) -> str:
    return f"{type(error).__name__}: {error} This is a mistake in Model Complexity: please report it with the log."


if __name__ == "__main__":
    sys.exit(main())
