"""``diff``: what a change does to the models it touches."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TextIO

from model_complexity.commands.arguments import inputs_of
from model_complexity.commands.interpreter import Interpreter, find_interpreter
from model_complexity.commands.output import OutputFormat, print_report
from model_complexity.commands.progress import ConsoleLog
from model_complexity.commands.revisions import NoRemoteApi, open_working_tree, parse_range, resolve_range
from model_complexity.escape import code, plain
from model_complexity.git.repository import Repository
from model_complexity.policy.effective import EffectivePolicy
from model_complexity.report import Report
from model_complexity.revisions import History
from model_complexity.run import EXIT_OK, ReportSource, compare, make_workdir
from model_complexity.sandbox.runner import Runner
from model_complexity.settings.inputs import Inputs


def diff(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    """Print the report of a range, and return the exit code."""
    print_report(compare_range(options, None, errors), OutputFormat.of(options), out)
    return EXIT_OK


def compare_range(options: argparse.Namespace, policy: EffectivePolicy | None, errors: TextIO) -> Report:
    """Measure what differs in a range.

    Args:
        options: of ``diff`` or ``check``.
        policy: overrides the base branch's.
        errors: takes progress, and what the measured code prints.

    Raises:
        ActionError: the range or an option is invalid, or the worker cannot start.
    """
    names, inputs = parse_range(options.range), inputs_of(options)
    with make_workdir() as workdir:
        working_tree = open_working_tree(Path.cwd(), workdir)
        root = working_tree.root
        repository = Repository.open(root, workdir / "git")
        revisions = resolve_range(working_tree, repository, names)

        def make_runner(resolved: Inputs) -> Runner:
            python = find_interpreter(options.python, os.environ)
            notes = _shared_source_notes(python, root)
            return Runner.create(python.path, resolved.measure_options(), workdir, ConsoleLog(errors), notes=notes)

        history = History(repository, NoRemoteApi())
        source = ReportSource(plain(root.name))
        return compare(source, revisions, history, inputs, make_runner, workdir=workdir, policy=policy).report


def _shared_source_notes(python: Interpreter, root: Path) -> tuple[str, ...]:
    names = python.shared_source_dirs(root.resolve())
    if not names:
        return ()
    listed = ", ".join(code(name, 100) for name in names[:5])
    return (
        f"Both sides import {listed} from the working tree, probably through an editable install. Changes there do not show.",
    )
