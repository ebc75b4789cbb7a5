"""Parse GitHub's own example payloads, from npm's @octokit/webhooks-examples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_complexity.github import Event, Ignored, parse_event
from model_complexity.github.event import PULL_REQUEST_ACTIONS

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "tests" / "node_modules" / "@octokit" / "webhooks-examples" / "api.github.com" / "index.json"
SHA = "b" * 40


def examples(name: str) -> list[dict[str, Any]]:
    assert EXAMPLES.is_file(), "GitHub's example payloads are missing: npm ci --ignore-scripts --prefix tests"
    (found_examples,) = (hook["examples"] for hook in json.loads(EXAMPLES.read_text()) if hook["name"] == name)
    return list(found_examples)


def test_every_pull_request_example_is_parsed() -> None:
    seen = set()
    for payload in examples("pull_request"):
        event = parse_event("pull_request", payload, repository="Codertocat/Hello-World", sha=SHA)
        if payload["action"] not in PULL_REQUEST_ACTIONS:
            assert isinstance(event, Ignored)
            continue
        assert isinstance(event, Event)
        assert event.pull_request
        assert event.pull_request.head_sha == payload["pull_request"]["head"]["sha"]
        assert event.pull_request.base_sha == payload["pull_request"]["base"]["sha"]
        assert (event.pull_request.number, event.pull_request.is_fork) == (payload["number"], False)
        seen.add(payload["action"])
    assert seen == set(PULL_REQUEST_ACTIONS)


def test_pull_request_is_from_a_fork_when_the_head_repository_differs_or_is_deleted() -> None:
    payload = next(example for example in examples("pull_request") if example["action"] == "synchronize")
    head = payload["pull_request"]["head"]
    for repo, name in ((head["repo"] | {"full_name": "stranger/Hello-World"}, "stranger/Hello-World"), (None, None)):
        head["repo"] = repo
        event = parse_event("pull_request", payload, repository="Codertocat/Hello-World", sha=SHA)
        assert isinstance(event, Event)
        assert event.pull_request
        assert (event.pull_request.head_repository, event.pull_request.is_fork) == (name, True)
        assert event.token_is_read_only


@pytest.mark.parametrize("inputs", [None, {}, {"configs": "configs/a.py", "shapes": "224 384", "pr-number": "12"}])
def test_every_workflow_dispatch_example_is_parsed(inputs: dict[str, str] | None) -> None:
    for payload in examples("workflow_dispatch"):
        dispatched = payload if inputs == {} else payload | {"inputs": inputs}
        event = parse_event("workflow_dispatch", dispatched, repository="Codertocat/Hello-World", sha=SHA)
        assert isinstance(event, Event)
        expected = ("configs/a.py", "224 384", 12) if inputs else (None, None, None)
        assert (event.configs, event.shapes, event.pull_request_number) == expected
