"""What the workflow was started by: GitHub's event payload, read into an `Event`. Pure; a payload is bounded data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from model_complexity.errors import ActionError

PULL_REQUEST_ACTIONS = ("opened", "synchronize", "reopened", "ready_for_review")
DEPENDABOT = "dependabot[bot]"
PULL_REQUEST_INPUTS = ("pr-number", "pr_number", "pr")
INPUT_LIMIT = 65_535
"""Characters in one input: GitHub allows 65,535 for all of them (docs: actions/reference/events-that-trigger-workflows)."""
TEXT_LIMIT = 500

_SHA = re.compile(r"([0-9a-f]{40}|[0-9a-f]{64})\Z")
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}\Z")
_NUMBER = re.compile(r"[1-9][0-9]{0,9}\Z", re.ASCII)
_REFUSED = (
    "It would run a fork's code beside this repository's secrets. "
    "Use `on: pull_request`: it runs the same code with nothing to steal."
)
_SUPPORTED = "Supported events: `pull_request` and `workflow_dispatch`."


@dataclass(frozen=True)
class PullRequest:
    """One pull request, from the payload or from the API: both have the same form.

    ``head_repository`` is None when the fork was deleted; ``base_sha`` is the tip of the base branch, not the merge base.
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
    """Why this run exists and what it was asked for.

    ``sha`` is the commit that the workflow runs on (for a pull request, GitHub's trial merge, not the head).
    ``pull_request_number`` is set when the number was given by hand: the pull request is still to be looked up.
    """

    name: str
    repository: str
    sha: str
    actor: str
    pull_request: PullRequest | None = None
    pull_request_number: int | None = None
    configs: str | None = None
    shapes: str | None = None

    @property
    def token_is_read_only(self) -> bool:
        """Whether GitHub gives this run a read-only token: for pull requests from forks and from Dependabot.

        Source: GitHub docs, code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions.
        """
        from_fork = self.pull_request is not None and self.pull_request.is_fork
        return self.name == "pull_request" and (from_fork or self.actor == DEPENDABOT)


@dataclass(frozen=True)
class Ignored:
    """An event that asks for nothing, and why, as one plain sentence."""

    reason: str


def parse_event(name: str, payload: object, *, repository: str, sha: str) -> Event | Ignored:
    """Read a webhook payload.

    Args:
        name: GITHUB_EVENT_NAME.
        payload: the decoded JSON of GITHUB_EVENT_PATH.
        repository: GITHUB_REPOSITORY, ``owner/name``.
        sha: GITHUB_SHA.

    Raises:
        ActionError: the event is not supported, or the payload is not what GitHub sends.

    Source: GitHub docs, webhooks/webhook-events-and-payloads and actions/reference/events-that-trigger-workflows.
    """
    if name == "pull_request_target":
        raise ActionError("The event `pull_request_target` is refused.", _REFUSED)
    if name not in {"pull_request", "workflow_dispatch"}:
        raise ActionError(f"The event `{name[:TEXT_LIMIT]}` is not supported.", _SUPPORTED)
    data = _mapping(payload, "the event")
    event = Event(
        name=name,
        repository=repository_name(repository, "GITHUB_REPOSITORY"),
        sha=commit(sha, "GITHUB_SHA"),
        actor=_actor(data),
    )
    return _pull_request_event(event, data) if name == "pull_request" else _dispatch_event(event, data)


def parse_pull_request(data: object, *, repository: str) -> PullRequest:
    """Read a pull request in the form that the payload and the REST API share.

    Raises:
        ActionError: a field is missing or is not what GitHub sends.

    Source: GitHub docs, rest/pulls/pulls (get a pull request).
    """
    pull = _mapping(data, "pull_request")
    head, base = _mapping(pull.get("head"), "pull_request.head"), _mapping(pull.get("base"), "pull_request.base")
    head_repository = _head_repository(head.get("repo"))
    state = pull.get("state")
    if state not in {"open", "closed"}:
        raise _malformed("pull_request.state", state)
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
    """The value, which must be a full lower-case commit id.

    Raises:
        ActionError: it is not; the message names the field.
    """
    if not isinstance(value, str) or not _SHA.match(value):
        raise _malformed(field, value)
    return value


def repository_name(value: object, field: str) -> str:
    """The value, which must read ``owner/name``.

    Raises:
        ActionError: it does not; the message names the field.
    """
    if not isinstance(value, str) or not _REPOSITORY.match(value) or value.split("/")[1] in {".", ".."}:
        raise _malformed(field, value)
    return value


def _pull_request_event(event: Event, data: Mapping[str, object]) -> Event | Ignored:
    action = _text(data.get("action"), "action")
    if action not in PULL_REQUEST_ACTIONS:
        actions = ", ".join(f"`{name}`" for name in PULL_REQUEST_ACTIONS)
        return Ignored(f"A pull request was {action.replace('_', ' ')}: only {actions} are measured.")
    pull_request = parse_pull_request(data.get("pull_request"), repository=event.repository)
    return Event(event.name, event.repository, event.sha, event.actor, pull_request=pull_request)


def _dispatch_event(event: Event, data: Mapping[str, object]) -> Event:
    # GitHub sends null, not {}, for a workflow that declares no inputs
    inputs = {} if data.get("inputs") is None else _mapping(data["inputs"], "inputs")
    return Event(
        event.name,
        event.repository,
        event.sha,
        event.actor,
        pull_request_number=_requested_number(inputs),
        configs=_input(inputs, "configs"),
        shapes=_input(inputs, "shapes"),
    )


def _requested_number(inputs: Mapping[str, object]) -> int | None:
    for name in PULL_REQUEST_INPUTS:
        text = _input(inputs, name)
        if text is None:
            continue
        if not _NUMBER.match(text.removeprefix("#")):
            message = f"The workflow input `{name}` is not the number of a pull request: {text[:80]!r}."
            raise ActionError(message, "Give a number, for example 42.")
        return int(text.removeprefix("#"))
    return None


def _input(inputs: Mapping[str, object], name: str) -> str | None:
    value = inputs.get(name)
    if isinstance(value, int) and not isinstance(value, bool):  # an input of `type: number`
        value = str(value)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > INPUT_LIMIT:
        raise _malformed(f"inputs.{name}", value)
    return value.strip() or None


def _actor(data: Mapping[str, object]) -> str:
    return _text(_mapping(data.get("sender"), "sender").get("login"), "sender.login")


def _head_repository(value: object) -> str | None:
    if value is None:
        return None
    return repository_name(
        _mapping(value, "pull_request.head.repo").get("full_name"), "pull_request.head.repo.full_name"
    )


def _mapping(value: object, field: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise _malformed(field, value)
    return value


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= TEXT_LIMIT or not value.isprintable():
        raise _malformed(field, value)
    return value


def _positive(value: object, field: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value < 10**10:
        raise _malformed(field, value)
    return value


def _malformed(field: str, value: object) -> ActionError:
    found = repr(value[:80]) if isinstance(value, str) else type(value).__name__
    return ActionError(
        f"GitHub's data is not as documented: `{field}` is {found}.",
        "Run the action from a workflow, or pass the event file that GitHub wrote, unchanged.",
    )
