"""Parse GitHub's payloads into events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from model_complexity.errors import ActionError
from model_complexity.github.event import EVENTS, Event, Ignored, PullRequest, parse_event

HEAD, BASE, MERGE = "a" * 40, "b" * 40, "c" * 40
REPOSITORY = "open-mmlab/mmpretrain"


def payload(
    action: str = "opened", head_repository: str | None = REPOSITORY, sender: str = "octocat"
) -> dict[str, Any]:
    return {
        "action": action,
        "sender": {"login": sender},
        "pull_request": {
            "number": 7,
            "state": "open",
            "head": {"sha": HEAD, "repo": head_repository and {"full_name": head_repository}},
            "base": {"sha": BASE, "ref": "main"},
        },
    }


def dispatch(inputs: object) -> dict[str, Any]:
    return {"sender": {"login": "octocat"}, "inputs": inputs, "ref": "refs/heads/main"}


def parse(name: str, data: object) -> Event | Ignored:
    return parse_event(name, data, repository=REPOSITORY, sha=MERGE)


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "ready_for_review"])
def test_pull_request_payload_is_parsed_when_it_brings_new_code(action: str) -> None:
    pull_request = PullRequest(7, HEAD, BASE, "main", REPOSITORY, is_fork=False, state="open")
    assert parse("pull_request", payload(action)) == Event(REPOSITORY, MERGE, pull_request=pull_request)


def test_other_pull_request_action_is_ignored_with_a_reason() -> None:
    assert parse("pull_request", payload("review_requested")) == Ignored(
        "Nothing to measure for the pull request action `review_requested`. "
        "Measured actions: `opened`, `synchronize`, `reopened`, `ready_for_review`."
    )


@pytest.mark.parametrize(
    ("head_repository", "sender", "is_fork", "read_only"),
    [
        (REPOSITORY, "octocat", False, False),
        ("Open-MMLab/MMPretrain", "octocat", False, False),
        ("someone/mmpretrain", "octocat", True, True),
        (None, "octocat", True, True),
        (REPOSITORY, "dependabot[bot]", False, True),
    ],
)
def test_token_is_read_only_when_the_pull_request_is_from_a_fork_or_dependabot(
    head_repository: str | None, sender: str, is_fork: bool, read_only: bool
) -> None:
    event = parse("pull_request", payload(head_repository=head_repository, sender=sender))
    assert isinstance(event, Event)
    assert event.pull_request is not None
    assert (event.pull_request.head_repository, event.pull_request.is_fork) == (head_repository, is_fork)
    assert event.token_is_read_only is read_only


@pytest.mark.parametrize(
    ("inputs", "number", "configs", "shapes"),
    [
        (None, None, None, None),
        ({}, None, None, None),
        ({"configs": " configs/a.py\n", "shapes": "224, 384"}, None, "configs/a.py", "224, 384"),
        ({"configs": "", "pr-number": "12"}, 12, None, None),
        ({"pr": "#12"}, 12, None, None),
        ({"pr_number": 12, "pr": None}, 12, None, None),
    ],
)
def test_manual_run_keeps_the_workflow_inputs(
    inputs: object, number: int | None, configs: str | None, shapes: str | None
) -> None:
    assert parse("workflow_dispatch", dispatch(inputs)) == Event(
        REPOSITORY,
        MERGE,
        pull_request_number=number,
        configs=configs,
        shapes=shapes,
    )


@pytest.mark.parametrize("text", ["twelve", "0", "-3", "12; rm -rf /", "\N{ARABIC-INDIC DIGIT ONE}", "99999999999"])
def test_pull_request_number_is_refused_when_it_is_no_number(text: str) -> None:
    with pytest.raises(ActionError) as caught:
        parse("workflow_dispatch", dispatch({"pr-number": text}))
    assert caught.value.message == f"The workflow input `pr-number` is not a pull request number: {text!r}."


def test_pull_request_target_is_refused_with_the_reason() -> None:
    with pytest.raises(ActionError) as caught:
        parse("pull_request_target", payload())
    assert str(caught.value) == (
        "The event `pull_request_target` is refused: it runs a fork's code with this repository's secrets. "
        "Use `on: pull_request`."
    )


def test_unknown_event_is_refused_with_the_supported_ones() -> None:
    with pytest.raises(ActionError) as caught:
        parse("push", {})
    supported = " or ".join(f"`{name}`" for name in EVENTS)
    assert str(caught.value) == f"The event `push` is not supported. Use {supported}."


def test_new_event_needs_one_entry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EVENTS, "push", lambda event, data: replace(event, configs=str(data["ref"])))  # type: ignore[arg-type]
    assert parse("push", {"ref": "main"}) == Event(REPOSITORY, MERGE, configs="main")


def changed(path: str, value: object) -> dict[str, Any]:
    data = payload()
    parent: Any = data
    *parents, key = path.split(".")
    for name in parents:
        parent = parent[name]
    parent[key] = value
    return data


@pytest.mark.parametrize(
    ("field", "value", "actual"),
    [
        ("action", 3, "int"),
        ("sender", None, "NoneType"),
        ("sender.login", "a\nb", r"'a\nb'"),
        ("pull_request", [], "list"),
        ("pull_request.number", True, "bool"),
        ("pull_request.number", "7", "'7'"),
        ("pull_request.state", "merged", "'merged'"),
        ("pull_request.head.sha", "--upload-pack=x", "'--upload-pack=x'"),
        ("pull_request.head.sha", HEAD + "\n", repr(HEAD + "\n")),
        ("pull_request.base.sha", HEAD[:39], repr(HEAD[:39])),
        ("pull_request.base.ref", "x" * 501, repr("x" * 80)),
        ("pull_request.head.repo.full_name", "../..", "'../..'"),
        ("pull_request.head.repo.full_name", "o/r/../..", "'o/r/../..'"),
    ],
)
def test_invalid_payload_is_refused_with_the_field(field: str, value: object, actual: str) -> None:
    with pytest.raises(ActionError) as caught:
        parse("pull_request", changed(field, value))
    assert caught.value.message == f"GitHub's data is invalid: `{field}` is {actual}."


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_payload_is_refused_when_it_is_no_object(data: object) -> None:
    with pytest.raises(ActionError, match=r"`the event` is "):
        parse("workflow_dispatch", data)


def test_workflow_input_is_refused_beyond_its_length_limit() -> None:
    with pytest.raises(ActionError, match=r"`inputs\.configs` is 'aaa"):
        parse("workflow_dispatch", dispatch({"configs": "a" * 65_536}))
