"""diff, measure and check: from options to a report on stdout and an exit code."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from model_complexity import __version__
from model_complexity.commands.arguments import inputs_of
from model_complexity.commands.interpreter import Interpreter, find_interpreter
from model_complexity.commands.output import OutputFormat, print_check, print_measured, print_report
from model_complexity.commands.progress import ConsoleLog
from model_complexity.commands.ranges import parse_range
from model_complexity.commands.revisions import NoRemoteApi, open_working_tree, sides_of
from model_complexity.errors import ActionError
from model_complexity.escape import code, plain
from model_complexity.git import Repository, WorkingTree
from model_complexity.github.workflow_commands import sanitize
from model_complexity.policy import MAX_BYTES, PATH, Policy, PolicyError, parse_policy
from model_complexity.policy.effective import EffectivePolicy
from model_complexity.render.terminal import condition_lines, not_counted
from model_complexity.report import Entry, Report, Target
from model_complexity.revisions import History
from model_complexity.run import ReportSource, build_report
from model_complexity.sandbox.runner import Runner
from model_complexity.sandbox.sandbox import Job
from model_complexity.settings.precedence import resolve_options

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
_NO_COMMIT = "0" * 40


def dispatch(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    """Runs the command that was chosen.

    Args:
        options: as `add_commands` has them parsed.
        out: takes the report and nothing else.
        errors: takes progress, and what the measured code prints.

    Returns:
        The exit code, as the command's help says.

    Raises:
        ActionError: wrong usage, or it could not do its work (exit code 2).
    """
    commands = {"diff": _diff, "measure": _measure, "check": _check}
    return commands[options.command](options, out, errors)


def _diff(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    print_report(_compared(options, None, errors), _look(options), out)
    return EXIT_OK


def _check(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    if options.syntax:
        return _check_syntax(options.policy, out)
    policy = _policy(options.policy) if options.policy else None
    report = _compared(options, policy, errors)
    print_check(report, _look(options), out)
    return EXIT_CHECK_FAILED if report.verdict == "fail" or (report.failed and options.fail_on_error) else EXIT_OK


def _measure(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    inputs, progress = inputs_of(options), ConsoleLog(errors)
    python = find_interpreter(options.python, os.environ)
    with _make_workdir() as workdir:
        desk = WorkingTree.discover(Path.cwd(), workdir)
        root = (desk.root if desk else Path.cwd()).resolve()
        head = desk.resolve("HEAD") if desk else None
        targets = [Target(config=name, base_config=None, reason="requested") for name in _names(options.files, root)]
        jobs = [Job(target.name, shape) for target in targets for shape in inputs.shapes]
        runner = Runner.with_python(python.path, inputs, workdir, progress)
        found = runner.measure_tree("the working tree", root, jobs)
    entries = tuple(
        Entry(target=target, shape=shape, head=found[Job(target.name, shape)], base=None)
        for target in targets
        for shape in inputs.shapes
    )
    where = "The files were measured as they lay in the working tree, committed or not."
    report = Report(
        repository=plain(root.name), head=head or _NO_COMMIT, entries=entries, notes=(where,), tool=__version__
    )
    if len(entries) == 1 and options.format == "text":  # stdout is the page's, byte for byte
        for sentence in [*condition_lines(report), *not_counted(report)]:
            progress.log(sentence)
    print_measured(report, _look(options), out)
    return EXIT_CHECK_FAILED if report.failed else EXIT_OK


def _look(options: argparse.Namespace) -> OutputFormat:
    return OutputFormat(options.format, colour=not options.no_color)


def _compared(options: argparse.Namespace, policy: Policy | None, errors: TextIO) -> Report:
    """The report of what is compared; without a policy, the base's applies."""
    inputs, wanted = inputs_of(options), parse_range(options.range)
    with _make_workdir() as workdir:
        desk = open_working_tree(Path.cwd(), workdir)
        repository = Repository.open(desk.root, workdir / "git")
        sides, tip = sides_of(desk, repository, wanted)
        history = History(repository, NoRemoteApi())
        effective = EffectivePolicy(policy, "applied") if policy else history.policy(sides, tip)
        decision = resolve_options(inputs, effective.policy)
        trees = history.trees(sides, workdir)
        choice = history.choose(sides, trees, decision.wanted)
        entries: tuple[Entry, ...] = ()
        if choice.targets:
            python = find_interpreter(options.python, os.environ)
            sides = replace(sides, notes=(*sides.notes, *_strays(python, desk.root)))
            runner = Runner.with_python(python.path, decision.inputs, workdir, ConsoleLog(errors))
            entries = runner.measure(decision.jobs(choice.targets), trees)
        return build_report(ReportSource(plain(desk.root.name)), sides, effective, choice, entries)


def _strays(python: Interpreter, root: Path) -> tuple[str, ...]:
    names = python.shared_source_dirs(root.resolve())
    if not names:
        return ()
    listed = ", ".join(code(name, 100) for name in names[:5])
    why = "an editable install, probably, so changes of the code there do not show"
    return (f"Both sides import what lies in {listed} from the working tree ({why}).",)


def _check_syntax(path: Path | None, out: TextIO) -> int:
    with _make_workdir() as workdir:
        file = path or open_working_tree(Path.cwd(), workdir).root / PATH
    try:
        policy = parse_policy(_content(file))
    except PolicyError as error:
        out.writelines(f"{file}: {sanitize(str(issue))}\n" for issue in error.issues)
        return EXIT_CHECK_FAILED
    out.write(f"{file}: well-formed; budgets: {len(policy.budgets)}, known exceptions: {len(policy.ignore)}.\n")
    return EXIT_OK


def _policy(file: Path) -> Policy:
    try:
        return parse_policy(_content(file))
    except PolicyError as error:
        raise ActionError(f"{file}: {error.issues[0]}.", "See them all: check --policy FILE --syntax.") from error


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise ActionError(f"the policy {file} cannot be read: {error.strerror}.") from error


def _names(configs: Sequence[Path], root: Path) -> list[str]:
    """Paths from the root, each once.

    Raises:
        ActionError: there is no such file, or it lies elsewhere.
    """
    names = []
    for config in configs:
        if not config.is_file():
            what = "is a folder" if config.is_dir() else "is not there"
            raise ActionError(f"config {config} {what}.", "Give the paths of config files, e.g. configs/resnet/*.py")
        path = Path(os.path.abspath(config))  # noqa: PTH100 - a link stays what it is called
        real = path.parent.resolve() / path.name
        if not real.is_relative_to(root):
            raise ActionError(f"config {config} is outside of {root}.", "Run this in the repository that holds it.")
        name = real.relative_to(root).as_posix()
        if name.encode("utf-8", "replace") != os.fsencode(name):
            raise ActionError(f"the name of config {plain(name)} is not UTF-8.", "Give the file another name.")
        names.append(name)
    return list(dict.fromkeys(names))


@contextmanager
def _make_workdir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="model-complexity-", ignore_cleanup_errors=True) as name:
        yield Path(name)
