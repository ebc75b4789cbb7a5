"""``measure``: FLOPs, parameters and activations of configs in the working tree."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from model_complexity import __version__
from model_complexity.commands.arguments import inputs_of
from model_complexity.commands.interpreter import find_interpreter
from model_complexity.commands.output import OutputFormat, print_measured
from model_complexity.commands.progress import ConsoleLog
from model_complexity.errors import ActionError
from model_complexity.escape import plain
from model_complexity.git.working_tree import WorkingTree
from model_complexity.render.terminal import condition_lines, not_counted
from model_complexity.report import Entry, Report, Target
from model_complexity.run import EXIT_CHECK_FAILED, EXIT_OK, make_workdir
from model_complexity.sandbox.protocol import Job
from model_complexity.sandbox.runner import Runner

_NO_COMMIT = "0" * 40


def measure(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    """Print the complexity of configs, and return the exit code."""
    progress = ConsoleLog(errors)
    report = measure_files(options, progress)
    if len(report.entries) == 1 and options.format == "text":  # stdout has what get_flops.py prints, byte for byte
        for sentence in [*condition_lines(report), *not_counted(report)]:
            progress.log(sentence)
    print_measured(report, OutputFormat.of(options), out)
    return EXIT_CHECK_FAILED if report.failed else EXIT_OK


def measure_files(options: argparse.Namespace, progress: ConsoleLog) -> Report:
    """Measure configs in the working tree, or in the current folder outside of a repository.

    Raises:
        ActionError: a config or an option is invalid, or the worker cannot start.
    """
    inputs = inputs_of(options)
    python = find_interpreter(options.python, os.environ)
    with make_workdir() as workdir:
        working_tree = WorkingTree.discover(Path.cwd(), workdir)
        root = (working_tree.root if working_tree else Path.cwd()).resolve()
        head = working_tree.resolve("HEAD") if working_tree else None
        names = relative_paths(options.files, root)
        targets = [Target(config=name, base_config=None, reason="requested") for name in names]
        requests = [(target, Job(target.name, shape)) for target in targets for shape in inputs.shapes]
        runner = Runner.create(python.path, inputs.measure_options(), workdir, progress)
        results = runner.measure_tree("the working tree", root, [job for _, job in requests])
    entries = tuple(Entry(target=target, shape=job.shape, head=results[job], base=None) for target, job in requests)
    note = "Measured the files in the working tree, including uncommitted changes."
    name = plain(root.name)
    return Report(repository=name, head=head or _NO_COMMIT, entries=entries, notes=(note,), tool=__version__)


def relative_paths(configs: Sequence[Path], root: Path) -> list[str]:
    """Return the paths of configs relative to the root, each once.

    Raises:
        ActionError: there is no such file, or it is outside of the root.
    """
    names = []
    for config in configs:
        if not config.is_file():
            problem = "is a folder" if config.is_dir() else "does not exist"
            raise ActionError(f"config {config} {problem}.", "Pass the paths of config files, e.g. configs/resnet/*.py")
        path = Path(os.path.abspath(config))  # noqa: PTH100 - a link keeps its name
        real = path.parent.resolve() / path.name
        if not real.is_relative_to(root):
            raise ActionError(f"config {config} is outside of {root}.", "Run this in the repository of the config.")
        name = real.relative_to(root).as_posix()
        if name.encode("utf-8", "replace") != os.fsencode(name):
            raise ActionError(f"the name of config {plain(name)} is not UTF-8.", "Rename the file.")
        names.append(name)
    return list(dict.fromkeys(names))
