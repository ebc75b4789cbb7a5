"""discover -> measure(base, head) -> compare -> render -> publish: one run, from settings to exit code."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from model_complexity.discover import model_line
from model_complexity.errors import ActionError
from model_complexity.git import SourceTree, UnreadableFileError
from model_complexity.github import Client, Event, Ignored, PullRequest, parse_event
from model_complexity.github import workflow_commands as workflow
from model_complexity.publish.annotations import annotate, policy_annotations, report_annotations
from model_complexity.publish.outputs import OUTPUTS
from model_complexity.publish.publisher import Publisher
from model_complexity.render import CommentTemplate
from model_complexity.report import Entry, Report
from model_complexity.revisions import History
from model_complexity.run import ReportSource, build_report
from model_complexity.sandbox.runner import Runner
from model_complexity.settings.inputs import Settings
from model_complexity.settings.precedence import resolve_options

EXIT_OK = 0
EXIT_CHECK_FAILED = 1
"""A budget of the level ``fail`` is broken, or some configs failed and ``fail-on-error`` is set."""
_LARGEST_PAYLOAD = 25 * 2**20


@dataclass(frozen=True)
class Request:
    """What this run is about: the pull request is the event's, or the one whose number was given."""

    event: Event
    pull_request: PullRequest | None


def run(settings: Settings, log: TextIO) -> int:
    """Does the whole work of the action.

    Args:
        settings: inputs and surroundings.
        log: the runner's log, which also takes workflow commands.

    Returns:
        The exit code: 0 done, even if some configs could not be measured; 1 a budget of the level ``fail`` is broken, or some
        configs could not be measured and ``fail-on-error`` is set.

    Raises:
        ActionError: the action was misused or could not do its work (exit code 2).
    """
    env = settings.env
    outputs = workflow.Outputs(env.github_output)
    token = settings.inputs.github_token.get_secret_value()
    if token:
        workflow.add_mask(log, token)
    event = parse_event(
        env.github_event_name,
        _payload(env.github_event_path),
        repository=env.github_repository,
        sha=env.github_sha,
    )
    if isinstance(event, Ignored):
        workflow.notice(log, event.reason)
        for name, output in OUTPUTS.items():
            outputs.set(name, output.empty)
        return EXIT_OK
    if not token:
        raise ActionError("input `github-token` is empty.", "Leave it out to use the workflow's own token.")
    client = Client(env.github_api_url, token, env.github_repository, graphql_url=env.github_graphql_url)
    with client, _make_workdir() as workdir:
        request = _request(event, client)
        report, template = _run(settings, request, client, workdir, log)
        Publisher(settings, request.event, request.pull_request, client, log, template).publish(report)
    unmeasured = bool(report.failed) and settings.inputs.fail_on_error
    return EXIT_CHECK_FAILED if report.verdict == "fail" or unmeasured else EXIT_OK


def _payload(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return json.loads(file.read(_LARGEST_PAYLOAD))
    except (OSError, ValueError) as error:
        raise ActionError(
            f"the event's payload cannot be read: {error}.", "GITHUB_EVENT_PATH must name a JSON file."
        ) from error


@contextmanager
def _make_workdir() -> Iterator[Path]:
    """A folder for trees and the worker. Others may pass through it, and list or write nothing in it."""
    with tempfile.TemporaryDirectory(prefix="model-complexity-", ignore_cleanup_errors=True) as name:
        workdir = Path(name)
        workdir.chmod(0o711)
        yield workdir


def _request(event: Event, client: Client) -> Request:
    number = event.pull_request_number
    pull_request = event.pull_request if number is None else client.pull_request(number)
    if pull_request is None and event.configs is None:
        raise ActionError(
            "started by hand without configs and without a pull request: there is nothing to measure.",
            "Give the workflow inputs `configs` (paths or globs), `pr-number`, or both.",
        )
    return Request(event, pull_request)


def _run(
    settings: Settings, request: Request, client: Client, workdir: Path, log: TextIO
) -> tuple[Report, CommentTemplate | None]:
    history = History.open(settings.env, settings.inputs.github_token.get_secret_value(), workdir / "git", client)
    revisions = history.revisions(request.event, request.pull_request)
    event, pull_request = request.event, request.pull_request
    policy = history.policy(revisions, pull_request.base_sha if pull_request else None)
    options = resolve_options(settings.inputs, policy.policy, configs=event.configs, shapes=event.shapes)
    trees = history.trees(revisions, workdir)
    choice = history.choose(revisions, trees, options.wanted)
    warnings = [*_of_fetching(history), *policy.notes, *revisions.notes, *choice.notes]
    for note in warnings:
        workflow.warning(log, note)
    entries: tuple[Entry, ...] = ()
    if choice.targets:
        runner = Runner.prepare(settings.env, options.inputs, workdir, log)
        runner.install(trees.head)
        entries = runner.measure(options.jobs(choice.targets), trees)
    env, number = settings.env, pull_request.number if pull_request else None
    report = build_report(ReportSource(env.github_repository, number, env.run_url), revisions, policy, choice, entries)
    found = [
        *policy_annotations(policy.head_issues, "error"),
        *policy_annotations(policy.base_issues, "warning"),
        *report_annotations(report, failures_are_errors=settings.inputs.fail_on_error),
    ]
    annotate(log, found, _line_of(trees.head), warned=len(warnings))
    path = settings.inputs.comment_template
    return report, history.template(path, revisions, request.pull_request) if path else None


def _of_fetching(history: History) -> list[str]:
    problem = history.repository.fetch_problem
    return [workflow.sanitize(f"A commit could not be fetched: {problem}")] if problem else []


def _line_of(tree: Path) -> Callable[[str], int]:
    """Finds the line of a config's model at head."""
    files = SourceTree.at(tree)

    def line_of(path: str) -> int:
        try:
            content = files.read(path)
        except UnreadableFileError:
            return 1
        return 1 if content is None else model_line(path, content)

    return line_of
