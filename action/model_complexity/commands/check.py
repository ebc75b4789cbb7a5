"""``check``: whether a change stays within the policy's budgets, or whether the policy file is valid."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TextIO

from model_complexity.commands.diff import compare_range
from model_complexity.commands.output import OutputFormat, print_check
from model_complexity.commands.revisions import open_working_tree
from model_complexity.errors import ActionError
from model_complexity.github.workflow_commands import sanitize
from model_complexity.policy import MAX_BYTES, PATH, PolicyError, parse_policy
from model_complexity.policy.effective import EffectivePolicy
from model_complexity.run import EXIT_CHECK_FAILED, EXIT_OK, make_workdir


def check(options: argparse.Namespace, out: TextIO, errors: TextIO) -> int:
    """Print the budgets' state, and return the exit code."""
    if options.syntax:
        return _check_syntax(options.policy, out)
    policy = _read_policy(options.policy) if options.policy else None
    report = compare_range(options, policy, errors)
    print_check(report, OutputFormat.of(options), out)
    failed = bool(report.failed) and options.fail_on_error
    return EXIT_CHECK_FAILED if report.verdict == "fail" or failed else EXIT_OK


def _check_syntax(path: Path | None, out: TextIO) -> int:
    if path is None:
        with make_workdir() as workdir:
            path = open_working_tree(Path.cwd(), workdir).root / PATH
    try:
        policy = parse_policy(_read(path))
    except PolicyError as error:
        out.writelines(f"{path}: {sanitize(str(issue))}\n" for issue in error.issues)
        return EXIT_CHECK_FAILED
    out.write(f"{path} is valid. Budgets: {len(policy.budgets)}, known exceptions: {len(policy.ignore)}.\n")
    return EXIT_OK


def _read_policy(path: Path) -> EffectivePolicy:
    try:
        return EffectivePolicy(parse_policy(_read(path)), "applied")
    except PolicyError as error:
        advice = "Run check --policy FILE --syntax to list all errors."
        raise ActionError(f"{path}: {error.issues[0]}.", advice) from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ActionError(f"cannot read the policy {path}: {error.strerror}.") from error
