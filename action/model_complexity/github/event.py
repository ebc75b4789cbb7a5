"""Parse the event that started the workflow. Pure: GitHub's payload in, `Event` out.

To add an event, write its parser and add the parser to `EVENTS`. No other module looks at an event's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from model_complexity.errors import ActionError

PULL_REQUEST_ACTIONS: Final = ("opened", "synchronize", "reopened", "ready_for_review")
DEPENDABOT: Final = "dependabot[bot]"
PULL_REQUEST_INPUTS: Final = ("pr-number", "pr_number", "pr")
MAX_INPUT_LENGTH: Final = 65_535
"""GitHub allows this many characters for all inputs (docs: actions/reference/events-that-trigger-workflows)."""
MAX_TEXT_LENGTH: Final = 500

_SHA = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}\Z", re.ASCII)


@dataclass(frozen=True)
class PullRequest:
    """One pull request, from the payload or from the API: both have the same form.

    ``head_repository`` is None when the fork was deleted. ``base_sha`` is the tip of the base branch, not the merge base.
    """

    number: int
    head_sha: str
    base_sha: str
    base_ref: str
    head_repository: str | None
    is_fork: bool
    state: Literal["open", "closed"]


@dataclass(frozen=True)
class Event:
    """What the workflow runs for: a pull request (head and base), one commit, or one commit and its base.

    Args:
        repository: GITHUB_REPOSITORY, ``owner/name``.
        sha: GITHUB_SHA. For a pull request this is GitHub's merge commit, not the head.
        pull_request: the pull request of the payload.
        pull_request_number: the number that a manual run names. The caller looks the pull request up.
        configs: the configs that a manual run names, as the input `configs` writes them.
        shapes: the shapes that a manual run names, as the input `shapes` writes them.
        token_is_read_only: whether GITHUB_TOKEN may not write.
        base_sha: the commit that `sha` is compared with if there is no pull request.
    """

    repository: str
    sha: str
    pull_request: PullRequest | None = None
    pull_request_number: int | None = None
    configs: str | None = None
    shapes: str | None = None
    token_is_read_only: bool = False
    base_sha: str | None = None


@dataclass(frozen=True)
class Ignored:
    """An event without anything to measure, and the reason, as one plain sentence."""

    reason: str


EventParser = Callable[[Event, Mapping[str, object]], Event | Ignored]
"""Takes an event that has only the repository and the commit, and the payload; returns the complete event."""


def parse_event(name: str, payload: object, *, repository: str, sha: str) -> Event | Ignored:
    """Parse a webhook payload.

    Args:
        name: GITHUB_EVENT_NAME.
        payload: the decoded JSON of GITHUB_EVENT_PATH.
        repository: GITHUB_REPOSITORY, ``owner/name``.
        sha: GITHUB_SHA.

    Raises:
        ActionError: the event is unsupported, or the payload is invalid.

    Source: GitHub docs, webhooks/webhook-events-and-payloads and actions/reference/events-that-trigger-workflows.
    """
    if name == "pull_request_target":  # the event that people confuse with `pull_request`
        message = "The event `pull_request_target` is refused: it runs a fork's code with this repository's secrets."
        raise ActionError(message, "Use `on: pull_request`.")
    if name not in EVENTS:
        supported = " or ".join(f"`{event}`" for event in EVENTS)
        raise ActionError(f"The event `{name[:MAX_TEXT_LENGTH]}` is not supported.", f"Use {supported}.")
    data = _mapping(payload, "the event")
    event = Event(repository=repository_name(repository, "GITHUB_REPOSITORY"), sha=commit(sha, "GITHUB_SHA"))
    return EVENTS[name](event, data)


def parse_pull_request(data: object, *, repository: str) -> PullRequest:
    """Parse a pull request in the form that the payload and the REST API share.

    Raises:
        ActionError: a field is missing or invalid.

    Source: GitHub docs, rest/pulls/pulls (get a pull request).
    """
    pull = _mapping(data, "pull_request")
    head, base = _mapping(pull.get("head"), "pull_request.head"), _mapping(pull.get("base"), "pull_request.base")
    head_repository = _head_repository(head.get("repo"))
    state = pull.get("state")
    if state not in {"open", "closed"}:
        raise _invalid("pull_request.state", state)
    return PullRequest(
        number=_positive(pull.get("number"), "pull_request.number"),
        head_sha=commit(head.get("sha"), "pull_request.head.sha"),
        base_sha=commit(base.get("sha"), "pull_request.base.sha"),
        base_ref=_text(base.get("ref"), "pull_request.base.ref"),
        head_repository=head_repository,
        is_fork=head_repository is None or head_repository.lower() != repository.lower(),
        state="open" if state == "open" else "closed",
    )


def commit(value: object, field: str) -> str:
    """Return the value if it is a full lower-case commit id.

    Raises:
        ActionError: it is not; the message names the field.
    """
    if not isinstance(value, str) or not _SHA.match(value):
        raise _invalid(field, value)
    return value


def repository_name(value: object, field: str) -> str:
    """Return the value if it reads ``owner/name``.

    Raises:
        ActionError: it does not; the message names the field.
    """
    if not isinstance(value, str) or not _REPOSITORY.match(value) or value.split("/")[1] in {".", ".."}:
        raise _invalid(field, value)
    return value


def _parse_pull_request_event(event: Event, data: Mapping[str, object]) -> Event | Ignored:
    actor = _text(_mapping(data.get("sender"), "sender").get("login"), "sender.login")
    action = _text(data.get("action"), "action")
    if action not in PULL_REQUEST_ACTIONS:
        actions = ", ".join(f"`{name}`" for name in PULL_REQUEST_ACTIONS)
        return Ignored(f"Nothing to measure for the pull request action `{action}`. Measured actions: {actions}.")
    pull_request = parse_pull_request(data.get("pull_request"), repository=event.repository)
    # Source: GitHub docs, code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions
    read_only = pull_request.is_fork or actor == DEPENDABOT
    return replace(event, pull_request=pull_request, token_is_read_only=read_only)


def _parse_workflow_dispatch(event: Event, data: Mapping[str, object]) -> Event:
    # GitHub sends null, not {}, for a workflow that declares no inputs
    inputs = {} if data.get("inputs") is None else _mapping(data["inputs"], "inputs")
    return replace(
        event,
        pull_request_number=_pull_request_number(inputs),
        configs=_input(inputs, "configs"),
        shapes=_input(inputs, "shapes"),
    )


EVENTS: Final[Mapping[str, EventParser]] = {
    "pull_request": _parse_pull_request_event,
    "workflow_dispatch": _parse_workflow_dispatch,
}
"""The supported events, by GITHUB_EVENT_NAME."""


def _pull_request_number(inputs: Mapping[str, object]) -> int | None:
    for name in PULL_REQUEST_INPUTS:
        text = _input(inputs, name)
        if text is None:
            continue
        if not _NUMBER.match(text.removeprefix("#")):
            message = f"The workflow input `{name}` is not a pull request number: {text[:80]!r}."
            raise ActionError(message, "Pass a number, for example 42.")
        return int(text.removeprefix("#"))
    return None


def _input(inputs: Mapping[str, object], name: str) -> str | None:
    value = inputs.get(name)
    if isinstance(value, int) and not isinstance(value, bool):  # an input of `type: number`
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > MAX_INPUT_LENGTH:
        raise _invalid(f"inputs.{name}", value)
    return value.strip() or None


def _head_repository(value: object) -> str | None:
    if value is None:
        return None
    return repository_name(
        _mapping(value, "pull_request.head.repo").get("full_name"), "pull_request.head.repo.full_name"
    )


def _mapping(value: object, field: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _invalid(field, value)
    return value


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT_LENGTH or not value.isprintable():
        raise _invalid(field, value)
    return value


def _positive(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**10:
        raise _invalid(field, value)
    return value


def _invalid(field: str, value: object) -> ActionError:
    actual = repr(value[:80]) if isinstance(value, str) else type(value).__name__
    return ActionError(
        f"GitHub's data is invalid: `{field}` is {actual}.",
        "Run the action from a workflow, with GitHub's own event file.",
    )
