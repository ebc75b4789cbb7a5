"""discover -> measure(base, head) -> compare -> render -> publish: one run, from settings to exit code."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from model_complexity import __version__
from model_complexity.bench import Bench
from model_complexity.errors import ActionError
from model_complexity.github import Client, Event, Ignored, PullRequest, parse_event, workflow
from model_complexity.history import History, Wanted
from model_complexity.measure.shapes import Asked, parse_shapes
from model_complexity.publishing import Publisher
from model_complexity.report import Entry, Report
from model_complexity.settings import Settings

DONE = 0
SOME_FAILED = 1
_LARGEST_PAYLOAD = 25 * 2**20


@dataclass(frozen=True)
class Request:
    """What this run was asked for, after the event had its say over the inputs."""

    event: Event
    pull_request: PullRequest | None
    wanted: Wanted
    shapes: tuple[Asked, ...]


def run(settings: Settings, log: TextIO) -> int:
    """Does the whole work of the action.

    Args:
        settings: inputs and surroundings.
        log: the runner's log, which also takes workflow commands.

    Returns:
        The exit code: 0 done, even if some configs could not be measured; 1 some could not and ``fail-on-error`` is set.

    Raises:
        ActionError: the action was misused or could not do its work (exit code 2).
    """
    around = settings.around
    outputs = workflow.Outputs(around.github_output)
    token = settings.inputs.github_token.get_secret_value()
    if token:
        workflow.add_mask(log, token)
    event = parse_event(
        around.github_event_name,
        _payload(around.github_event_path),
        repository=around.github_repository,
        sha=around.github_sha,
    )
    if isinstance(event, Ignored):
        workflow.notice(log, event.reason)
        for name, value in {"configs": "0", "failed": "0", "report": "", "comment-url": ""}.items():
            outputs.set(name, value)
        return DONE
    if not token:
        raise ActionError("input `github-token` is empty.", "Leave it out to use the workflow's own token.")
    client = Client(around.github_api_url, token, around.github_repository, graphql_url=around.github_graphql_url)
    with client, _room() as room:
        request = _request(settings, event, client)
        report = _measured(settings, request, client, room, log)
        Publisher(settings, request.event, request.pull_request, client, log).publish(report)
    failed = bool(report.failed)
    return SOME_FAILED if failed and settings.inputs.fail_on_error else DONE


def _payload(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return json.loads(file.read(_LARGEST_PAYLOAD))
    except (OSError, ValueError) as error:
        raise ActionError(
            f"the event's payload cannot be read: {error}.", "GITHUB_EVENT_PATH must name a JSON file."
        ) from error


@contextmanager
def _room() -> Iterator[Path]:
    """A folder for trees and the worker. Others may pass through it, and list or write nothing in it."""
    with tempfile.TemporaryDirectory(prefix="model-complexity-", ignore_cleanup_errors=True) as name:
        room = Path(name)
        room.chmod(0o711)
        yield room


def _request(settings: Settings, event: Event, client: Client) -> Request:
    number = event.pull_request_number
    pull_request = event.pull_request if number is None else client.pull_request(number)
    if pull_request is None and event.configs is None:
        raise ActionError(
            "started by hand without configs and without a pull request: there is nothing to measure.",
            "Give the workflow inputs `configs` (paths or globs), `pr-number`, or both.",
        )
    try:
        shapes = parse_shapes(event.shapes) if event.shapes else settings.inputs.shapes
    except ValueError as error:
        raise ActionError(f"workflow input `shapes`: {error}.") from error
    inputs = settings.inputs
    wanted = Wanted(event.configs or inputs.configs, by_hand=event.configs is not None, cap=inputs.max_configs)
    return Request(event, pull_request, wanted, shapes)


def _measured(settings: Settings, request: Request, client: Client, room: Path, log: TextIO) -> Report:
    history = History.open(settings.around, settings.inputs.github_token.get_secret_value(), room / "git", client)
    sides = history.sides(request.event, request.pull_request)
    if history.repository.fetch_problem:
        workflow.warning(log, workflow.neutral(f"A commit could not be fetched: {history.repository.fetch_problem}"))
    trees = history.trees(sides, room)
    choice = history.choose(sides, trees, request.wanted)
    for note in (*sides.notes, *choice.notes):
        workflow.warning(log, note)
    for problem in choice.problems:
        workflow.warning(log, f"{problem.config}: {problem.message}", file=problem.config)
    entries: tuple[Entry, ...] = ()
    if choice.targets:
        bench = Bench.prepare(settings, room, log)
        bench.install(trees.head)
        entries = bench.measure(choice.targets, request.shapes, trees)
    measured = {entry.target for entry in entries}  # a deleted config is not, where there is no base to measure
    return Report(
        repository=settings.around.github_repository,
        pull_request=request.pull_request.number if request.pull_request else None,
        head=sides.head,
        base=sides.base,
        entries=entries,
        not_measured=(*choice.not_measured, *(target for target in choice.targets if target not in measured)),
        problems=choice.problems,
        notes=(*sides.notes, *choice.notes),
        tool=__version__,
        run_url=settings.around.run_url,
    )
