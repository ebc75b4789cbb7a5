"""Workflow inputs before action inputs before the policy before the defaults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from model_complexity.errors import ActionError
from model_complexity.github import Event
from model_complexity.policy import Policy, parse_policy
from model_complexity.report import Target
from model_complexity.settings.environment import Settings
from model_complexity.settings.precedence import ResolvedOptions, WorkflowInputs, resolve_options

AROUND = {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_EVENT_PATH": "/github/workflow/event.json",
    "GITHUB_REPOSITORY": "octocat/zoo",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_WORKSPACE": "/github/workspace",
}
EVENT = Event("pull_request", "octocat/zoo", "a" * 40, "octocat")
POLICY = parse_policy(b"""\
include: zoo/**
exclude: [old.py, zoo/legacy/**]
shapes: 32
shapes-for: [{configs: zoo/vit.py, shapes: [64, 96]}]
max-configs: 5
timeout: 6
jobs: 7
deploy: true
""")


def decided(policy: Policy = POLICY, event: Event = EVENT, **given: str) -> ResolvedOptions:
    inputs = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in given.items()}
    settings = Settings.from_environment(AROUND | inputs)
    return resolve_options(settings.inputs, policy, WorkflowInputs(event.configs, event.shapes))


def shapes(found: ResolvedOptions, path: str = "zoo/vit.py") -> tuple[Any, ...]:
    return found.shapes_of(Target(config=path, base_config=None, reason="added"))


def selected(found: ResolvedOptions) -> list[str]:
    paths = ["zoo/a.py", "zoo/legacy/a.py", "zoo/old.py", "configs/a.py", "configs/old.py"]
    return [path for path in paths if found.selection.patterns.selects(path)]


def caps(found: ResolvedOptions) -> tuple[int, int, int, bool]:
    inputs = found.inputs
    return found.selection.max_configs, inputs.timeout, inputs.jobs, inputs.deploy


def test_the_defaults() -> None:
    found = decided(Policy())
    assert (shapes(found), selected(found), caps(found)) == (
        ("auto",),
        ["configs/a.py", "configs/old.py"],
        (20, 300, 0, False),
    )


def test_the_policy_goes_before_the_defaults() -> None:
    found = decided()
    assert (shapes(found), shapes(found, "zoo/a.py")) == (((3, 64, 64), (3, 96, 96)), ((3, 32, 32),))
    assert (selected(found), caps(found)) == (["zoo/a.py"], (5, 6, 7, True))
    assert selected(decided(parse_policy(b"exclude: old.py"))) == ["configs/a.py"]


def test_inputs_that_were_given_go_before_the_policy_though_they_be_the_defaults() -> None:
    found = decided(shapes="auto", configs="configs/**", max_configs="20", timeout="300", jobs="0", deploy="false")
    assert (shapes(found), caps(found)) == (("auto",), (20, 300, 0, False))
    assert selected(found) == ["configs/a.py"], "what the policy excludes stays excluded"


def test_blank_inputs_were_not_given() -> None:
    found = decided(shapes="", configs=" ", max_configs="", timeout="", jobs="", deploy="")
    assert (caps(found), shapes(found, "zoo/a.py"), selected(found)) == ((5, 6, 7, True), ((3, 32, 32),), ["zoo/a.py"])


def test_what_the_workflow_was_told_by_hand_goes_before_everything() -> None:
    event = replace(EVENT, configs="zoo/legacy/*.py", shapes="128")
    found = decided(event=event, shapes="224", configs="configs/**")
    assert (shapes(found), selected(found)) == (((3, 128, 128),), ["zoo/legacy/a.py"])
    assert found.selection.explicit == "zoo/legacy/*.py"


def test_a_malformed_shape_of_the_workflow_is_named() -> None:
    with pytest.raises(ActionError, match="workflow input `shapes`: 'big' is not a side"):
        decided(event=replace(EVENT, shapes="big"))
