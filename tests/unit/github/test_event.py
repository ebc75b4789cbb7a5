"""Payloads in, events out."""

from __future__ import annotations

from typing import Any

import pytest

from model_complexity.errors import ActionError
from model_complexity.github.event import Event, Ignored, PullRequest, parse_event

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


def read(name: str, data: object) -> Event | Ignored:
    return parse_event(name, data, repository=REPOSITORY, sha=MERGE)


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "ready_for_review"])
def test_a_pull_request_that_has_new_code_is_an_event(action: str) -> None:
    pull_request = PullRequest(7, HEAD, BASE, "main", REPOSITORY, is_fork=False, state="open")
    assert read("pull_request", payload(action)) == Event(
        "pull_request", REPOSITORY, MERGE, "octocat", pull_request=pull_request
    )


def test_other_actions_are_ignored_with_a_plain_reason() -> None:
    expected = "A pull request was review requested: only `opened`, `synchronize`, `reopened`, `ready_for_review` are measured."
    assert read("pull_request", payload("review_requested")) == Ignored(expected)


@pytest.mark.parametrize(
    ("head_repository", "sender", "fork", "lacking"),
    [
        (REPOSITORY, "octocat", False, False),
        ("Open-MMLab/MMPretrain", "octocat", False, False),
        ("someone/mmpretrain", "octocat", True, True),
        (None, "octocat", True, True),
        (REPOSITORY, "dependabot[bot]", False, True),
    ],
)
def test_forks_and_dependabot_may_lack_permission(
    head_repository: str | None, sender: str, fork: bool, lacking: bool
) -> None:
    event = read("pull_request", payload(head_repository=head_repository, sender=sender))
    assert isinstance(event, Event)
    assert event.pull_request is not None
    assert (event.pull_request.head_repository, event.pull_request.is_fork) == (head_repository, fork)
    assert event.token_is_read_only is lacking


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
def test_a_dispatch_carries_its_inputs(
    inputs: object, number: int | None, configs: str | None, shapes: str | None
) -> None:
    assert read("workflow_dispatch", dispatch(inputs)) == Event(
        "workflow_dispatch",
        REPOSITORY,
        MERGE,
        "octocat",
        pull_request_number=number,
        configs=configs,
        shapes=shapes,
    )


@pytest.mark.parametrize("text", ["twelve", "0", "-3", "12; rm -rf /", "\N{ARABIC-INDIC DIGIT ONE}", "99999999999"])
def test_a_number_that_is_none_is_named(text: str) -> None:
    with pytest.raises(ActionError) as caught:
        read("workflow_dispatch", dispatch({"pr-number": text}))
    assert caught.value.message == f"The workflow input `pr-number` is not the number of a pull request: {text!r}."


def test_pull_request_target_is_refused_and_says_why() -> None:
    with pytest.raises(ActionError) as caught:
        read("pull_request_target", payload())
    assert str(caught.value) == (
        "The event `pull_request_target` is refused. It would run a fork's code beside this repository's secrets. "
        "Use `on: pull_request`: it runs the same code with nothing to steal."
    )


def test_an_unknown_event_names_the_known_ones() -> None:
    with pytest.raises(ActionError) as caught:
        read("push", {})
    assert str(caught.value) == (
        "The event `push` is not supported. Supported events: `pull_request` and `workflow_dispatch`."
    )


def changed(path: str, value: object) -> dict[str, Any]:
    data = payload()
    place: Any = data
    *parts, last = path.split(".")
    for part in parts:
        place = place[part]
    place[last] = value
    return data


@pytest.mark.parametrize(
    ("field", "value", "found"),
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
def test_a_payload_that_is_not_githubs_is_refused_by_field(field: str, value: object, found: str) -> None:
    with pytest.raises(ActionError) as caught:
        read("pull_request", changed(field, value))
    assert caught.value.message == f"GitHub's data is not as documented: `{field}` is {found}."


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_a_payload_that_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(ActionError, match=r"`the event` is "):
        read("workflow_dispatch", data)


def test_an_input_has_a_bound() -> None:
    with pytest.raises(ActionError, match=r"`inputs\.configs` is 'aaa"):
        read("workflow_dispatch", dispatch({"configs": "a" * 65_536}))
