"""The one flow that the action and the commands share: revisions -> policy -> select -> measure -> report."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from model_complexity import __version__
from model_complexity.compare import evaluate, skipped_checks
from model_complexity.discover import Graph, Selection, select, select_explicit
from model_complexity.discover.select import SelectionRequest
from model_complexity.errors import ActionError
from model_complexity.git.changes import ChangedFile, from_api
from model_complexity.git.repository import Repository
from model_complexity.git.tree import UnreadableFileError
from model_complexity.policy import MAX_BYTES, PATH
from model_complexity.policy.effective import EffectivePolicy, PolicyFile, effective_policy
from model_complexity.report import Entry, Report
from model_complexity.revisions import FETCH_ADVICE, History, Revisions
from model_complexity.sandbox.runner import Runner, Trees
from model_complexity.settings.inputs import Inputs
from model_complexity.settings.precedence import NO_WORKFLOW_INPUTS, WorkflowInputs, resolve_options

EXIT_OK: Final = 0
EXIT_CHECK_FAILED: Final = 1
"""A budget of the level ``fail`` is exceeded, or a config failed where that fails the check."""

RunnerFactory = Callable[[Inputs], Runner]
"""Makes the runner. It is called only if there is something to measure."""


class ReportSource(NamedTuple):
    """Whose report it is."""

    repository: str
    run_url: str | None = None


class Comparison(NamedTuple):
    """A report, and the policy and head's files that it was made from."""

    report: Report
    policy: EffectivePolicy
    head_tree: Path


def compare(
    source: ReportSource,
    revisions: Revisions,
    history: History,
    inputs: Inputs,
    make_runner: RunnerFactory,
    *,
    workdir: Path,
    policy: EffectivePolicy | None = None,
    workflow: WorkflowInputs = NO_WORKFLOW_INPUTS,
    warn: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Measure the configs that differ between two revisions, and report on them.

    Args:
        source: whose report it is.
        revisions: the commits.
        history: where their files are.
        inputs: the action's inputs, or a command's options.
        make_runner: makes the runner for the resolved inputs.
        workdir: an empty folder for the trees.
        policy: overrides the repository's.
        workflow: the inputs of a manually started workflow.
        warn: is called with each note of the report at once.

    Raises:
        ActionError: the comparison is impossible; what cannot be measured is part of the report.
    """
    policy = policy or read_policy(history, revisions)
    options = resolve_options(inputs, policy.policy, workflow)
    trees = check_out(history.repository, revisions, workdir)
    selection = select_configs(history, revisions, trees, options.selection)
    for note in (*policy.notes, *revisions.notes, *selection.notes):
        warn(note)
    entries: tuple[Entry, ...] = ()
    if selection.targets:
        runner = make_runner(options.inputs)
        revisions = replace(revisions, notes=(*revisions.notes, *runner.notes))
        runner.install(trees.head)
        entries = runner.measure(options.requests(selection.targets), trees)
    return Comparison(build_report(source, revisions, policy, selection, entries), policy, trees.head)


def read_policy(history: History, revisions: Revisions) -> EffectivePolicy:
    """Find the policy that applies: of the base branch's tip, or of the measured commit if there is no base branch.

    Not the merge base's: a pull request that branched off before the policy was written is subject to it too.
    """
    head = read_file(history, revisions.head_checkout)
    if revisions.base_tip is None:
        return effective_policy(head, head, head)
    tip = read_file(history, revisions.base_tip)
    return effective_policy(tip, head, read_file(history, revisions.base) if revisions.base else tip)


def read_file(history: History, sha: str, path: str = PATH, limit: int = MAX_BYTES) -> PolicyFile:
    """Read a file at a commit, from the API if the commit is not in the repository."""
    try:
        if history.repository.has(sha):
            return PolicyFile(history.repository.read(sha, path, limit))
        return PolicyFile(history.remote.file(path, sha))
    except UnreadableFileError as error:
        return PolicyFile(None, f"the file {error}")
    except ActionError as error:
        return PolicyFile(None, f"the file is unavailable: {error.message}")


def check_out(repository: Repository, revisions: Revisions, workdir: Path) -> Trees:
    """Check both sides out below ``workdir``.

    Raises:
        ActionError: a tree cannot be written.
    """
    base = repository.checkout(revisions.base, workdir / "base") if revisions.base else None
    return Trees(repository.checkout(revisions.head_checkout, workdir / "head"), base)


def select_configs(history: History, revisions: Revisions, trees: Trees, request: SelectionRequest) -> Selection:
    """Select the configs that match an explicit request, or those that the pull request changes.

    Raises:
        ActionError: no config matches an explicit request, or GitHub does not list the changed files.
    """
    graph = Graph.of_tree(trees.head, request.patterns.matches)
    if request.explicit is not None:
        return select_explicit(request.explicit, graph, request.max_configs, trees.base)
    changed, notes = _changed_files(history, revisions)
    return replace(select(changed, graph, request.patterns, request.max_configs, trees.base), notes=notes)


def _changed_files(history: History, revisions: Revisions) -> tuple[tuple[ChangedFile, ...], tuple[str, ...]]:
    if revisions.base is not None and revisions.head_checkout == revisions.head:
        return history.repository.changed_files(revisions.base, revisions.head), ()
    if revisions.pull_request is None:
        return (), ()
    files, truncated = history.remote.changed_files(revisions.pull_request)
    note = f"GitHub lists only the first {len(files)} changed files, so configs may be missing. {FETCH_ADVICE}"
    return from_api(files), (note,) if truncated else ()


def build_report(
    source: ReportSource,
    revisions: Revisions,
    policy: EffectivePolicy,
    selection: Selection,
    entries: Sequence[Entry],
) -> Report:
    """Assemble the report, with budgets evaluated."""
    measured = {entry.target for entry in entries}  # a deleted config is not measured without a base
    return Report(
        repository=source.repository,
        pull_request=revisions.pull_request,
        head=revisions.head,
        base=revisions.base,
        entries=tuple(entries),
        not_measured=(*selection.not_measured, *(target for target in selection.targets if target not in measured)),
        warnings=selection.warnings,
        budgets=evaluate(entries, policy.policy),
        policy=policy.status,
        notes=(*policy.notes, *revisions.notes, *selection.notes, *skipped_checks(entries, policy.policy)),
        tool=__version__,
        run_url=source.run_url,
    )


@contextmanager
def make_workdir(mode: int = 0o700) -> Iterator[Path]:
    """Make a temporary folder for trees and the worker."""
    with tempfile.TemporaryDirectory(prefix="model-complexity-", ignore_cleanup_errors=True) as name:
        workdir = Path(name)
        workdir.chmod(mode)
        yield workdir
