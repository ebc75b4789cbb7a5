"""The GitHub Action: an event comes in, `run.compare` measures, and the report is published."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TextIO

from model_complexity.discover import model_line
from model_complexity.errors import ActionError
from model_complexity.escape import code
from model_complexity.git.repository import Remote, Repository
from model_complexity.git.tree import SourceTree, UnreadableFileError
from model_complexity.github import Client, Event, Ignored, PullRequest, parse_event
from model_complexity.github import workflow_commands as workflow
from model_complexity.publish.annotations import annotate, policy_annotations, report_annotations
from model_complexity.publish.outputs import OUTPUTS
from model_complexity.publish.publisher import Publisher
from model_complexity.render import TEMPLATE_LIMIT, CommentTemplate
from model_complexity.report import Report
from model_complexity.revisions import History, Revisions, resolve_revisions
from model_complexity.run import (
    EXIT_CHECK_FAILED,
    EXIT_OK,
    Comparison,
    ReportSource,
    RunnerFactory,
    compare,
    make_workdir,
    read_file,
)
from model_complexity.sandbox.runner import Runner
from model_complexity.settings.environment import RunnerEnvironment, Settings
from model_complexity.settings.inputs import Inputs
from model_complexity.settings.precedence import WorkflowInputs

_LARGEST_PAYLOAD: Final = 25 * 2**20
_WORKDIR_MODE: Final = 0o711
"""The worker's users may enter the folder, and list or write nothing in it."""


def run(settings: Settings, log: TextIO) -> int:
    """Run the action.

    Args:
        settings: inputs and environment.
        log: the runner's log, which also takes workflow commands.

    Returns:
        The exit code: 0 done, even if some configs could not be measured; 1 a budget of the level ``fail`` is exceeded, or some
        configs could not be measured and ``fail-on-error`` is set.

    Raises:
        ActionError: the action was misused or could not do its work (exit code 2).
    """
    token = settings.inputs.github_token.get_secret_value()
    if token:
        workflow.add_mask(log, token)
    event = read_event(settings.env)
    if isinstance(event, Ignored):
        workflow.notice(log, event.reason)
        _set_empty_outputs(settings.env)
        return EXIT_OK
    if not token:
        raise ActionError("input `github-token` is empty.", "Omit it to use the workflow's own token.")
    env = settings.env
    client = Client(env.github_api_url, token, env.github_repository, graphql_url=env.github_graphql_url)
    with client, make_workdir(_WORKDIR_MODE) as workdir:
        report = _measure_and_publish(settings, event, client, workdir, log)
    failed = bool(report.failed) and settings.inputs.fail_on_error
    return EXIT_CHECK_FAILED if report.verdict == "fail" or failed else EXIT_OK


def _measure_and_publish(settings: Settings, event: Event, client: Client, workdir: Path, log: TextIO) -> Report:
    env, inputs = settings.env, settings.inputs
    pull_request = find_pull_request(event, client)
    history = History(open_repository(env, inputs, workdir), client)
    revisions = resolve_revisions(history, event, pull_request)
    warn = _Warnings(log)
    if history.repository.fetch_problem:
        warn(workflow.sanitize(f"A commit could not be fetched: {history.repository.fetch_problem}"))
    comparison = compare(
        ReportSource(env.github_repository, env.run_url),
        revisions,
        history,
        inputs,
        runner_factory(env, workdir, log),
        workdir=workdir,
        workflow=WorkflowInputs(event.configs, event.shapes),
        warn=warn,
    )
    _annotate(comparison, log, failures_are_errors=inputs.fail_on_error, warned=warn.count)
    template = read_template(inputs.comment_template, history, revisions) if inputs.comment_template else None
    Publisher(settings, event, pull_request, client, log, template).publish(comparison.report)
    return comparison.report


def read_event(env: RunnerEnvironment) -> Event | Ignored:
    """Read the event that started the workflow.

    Raises:
        ActionError: the payload is unreadable, or the event is unsupported.
    """
    try:
        with env.github_event_path.open("rb") as file:
            payload: Any = json.loads(file.read(_LARGEST_PAYLOAD))
    except (OSError, ValueError) as error:
        raise ActionError(
            f"cannot read the event's payload: {error}.", "GITHUB_EVENT_PATH must name a JSON file."
        ) from error
    return parse_event(env.github_event_name, payload, repository=env.github_repository, sha=env.github_sha)


def _set_empty_outputs(env: RunnerEnvironment) -> None:
    outputs = workflow.Outputs(env.github_output)
    for name, output in OUTPUTS.items():
        outputs.set(name, output.empty)


def find_pull_request(event: Event, client: Client) -> PullRequest | None:
    """Return the pull request of the event, or the one whose number a manual run was given.

    Raises:
        ActionError: there is nothing to measure, or no such pull request.
    """
    number = event.pull_request_number
    pull_request = event.pull_request if number is None else client.pull_request(number)
    if pull_request is None and event.configs is None and event.base_sha is None:
        raise ActionError("The event names nothing to measure.", "Set `configs`, `pr-number`, or both.")
    return pull_request


def open_repository(env: RunnerEnvironment, inputs: Inputs, workdir: Path) -> Repository:
    """Open the runner's checkout.

    Raises:
        ActionError: there is no git repository in the workspace.
    """
    remote = Remote(env.remote_url, inputs.github_token.get_secret_value())
    return Repository.open(env.github_workspace, workdir / "git", remote)


def runner_factory(env: RunnerEnvironment, workdir: Path, log: TextIO) -> RunnerFactory:
    """Return what makes the runner, with the container's users, and keeps the worker out of /github first."""

    def make_runner(inputs: Inputs) -> Runner:
        if env.model_complexity_worker_user:
            restrict_to_owner(env.github_workspace.parent)
        return Runner.create(
            env.model_complexity_python,
            inputs.measure_options(),
            workdir,
            workflow.WorkflowLog(log),
            install_command=inputs.install,
            users=(env.model_complexity_worker_user, env.model_complexity_install_user),
        )

    return make_runner


def restrict_to_owner(folder: Path) -> None:
    """Keep other users out of everything below ``folder``.

    In the container that is /github: the checkout with the credentials that actions/checkout left in it, the event, and the
    runner's command files, most of them readable by everyone.

    Raises:
        ActionError: its mode cannot be changed.
    """
    try:
        folder.chmod(0o700)
    except OSError as error:
        raise ActionError(
            f"cannot deny the worker access to {folder}: {error.strerror}.", "Run the action in its container."
        ) from error


def read_template(path: str, history: History, revisions: Revisions) -> CommentTemplate:
    """Read the comment template from the revision that the policy is read from: a pull request cannot change it."""
    sha = revisions.base_tip or revisions.head_checkout
    file = read_file(history, sha, path, TEMPLATE_LIMIT)
    if file.content is None:
        problem = code(file.error) if file.error else f"there is no such file at {code(sha[:9])}"
        return CommentTemplate(path, None, problem)
    return CommentTemplate(path, file.content.decode("utf-8", "replace"))


class _Warnings:
    """Prints warnings, and counts them: the runner shows only so many per step."""

    def __init__(self, log: TextIO) -> None:
        self._log = log
        self.count = 0

    def __call__(self, text: str) -> None:
        workflow.warning(self._log, text)
        self.count += 1


def _annotate(comparison: Comparison, log: TextIO, *, failures_are_errors: bool, warned: int) -> None:
    annotations = [
        *policy_annotations(comparison.policy.head_issues, "error"),
        *policy_annotations(comparison.policy.base_issues, "warning"),
        *report_annotations(comparison.report, failures_are_errors=failures_are_errors),
    ]
    annotate(log, annotations, _find_model_line(comparison.head_tree), warned=warned)


def _find_model_line(tree: Path) -> Callable[[str], int]:
    """Return a function that finds the line of a config's model."""
    files = SourceTree.at(tree)

    def find(path: str) -> int:
        try:
            content = files.read(path)
        except UnreadableFileError:
            return 1
        return 1 if content is None else model_line(path, content)

    return find
