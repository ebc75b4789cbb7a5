"""Precedence: workflow inputs, action inputs, policy, defaults."""

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

ENVIRONMENT = {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_EVENT_PATH": "/github/workflow/event.json",
    "GITHUB_REPOSITORY": "octocat/zoo",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_WORKSPACE": "/github/workspace",
}
EVENT = Event("octocat/zoo", "a" * 40)
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


def resolved(policy: Policy = POLICY, event: Event = EVENT, **given: str) -> ResolvedOptions:
    inputs = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in given.items()}
    settings = Settings.from_environment(ENVIRONMENT | inputs)
    return resolve_options(settings.inputs, policy, WorkflowInputs(event.configs, event.shapes))


def shapes(options: ResolvedOptions, path: str = "zoo/vit.py") -> tuple[Any, ...]:
    return options.shapes_of(Target(config=path, base_config=None, reason="added"))


def selected(options: ResolvedOptions) -> list[str]:
    paths = ["zoo/a.py", "zoo/legacy/a.py", "zoo/old.py", "configs/a.py", "configs/old.py"]
    return [path for path in paths if options.selection.patterns.selects(path)]


def caps(options: ResolvedOptions) -> tuple[int, int, int, bool]:
    inputs = options.inputs
    return options.selection.max_configs, inputs.timeout, inputs.jobs, inputs.deploy


def test_defaults_apply_when_nothing_is_given() -> None:
    options = resolved(Policy())
    assert (shapes(options), selected(options), caps(options)) == (
        ("auto",),
        ["configs/a.py", "configs/old.py"],
        (20, 300, 0, False),
    )


def test_policy_overrides_defaults() -> None:
    options = resolved()
    assert (shapes(options), shapes(options, "zoo/a.py")) == (((3, 64, 64), (3, 96, 96)), ((3, 32, 32),))
    assert (selected(options), caps(options)) == (["zoo/a.py"], (5, 6, 7, True))
    assert selected(resolved(parse_policy(b"exclude: old.py"))) == ["configs/a.py"]


def test_explicit_input_overrides_policy_even_if_equal_to_default() -> None:
    options = resolved(shapes="auto", configs="configs/**", max_configs="20", timeout="300", jobs="0", deploy="false")
    assert (shapes(options), caps(options)) == (("auto",), (20, 300, 0, False))
    assert selected(options) == ["configs/a.py"], "what the policy excludes stays excluded"


def test_blank_input_does_not_override_policy() -> None:
    options = resolved(shapes="", configs=" ", max_configs="", timeout="", jobs="", deploy="")
    assert (caps(options), shapes(options, "zoo/a.py"), selected(options)) == (
        (5, 6, 7, True),
        ((3, 32, 32),),
        ["zoo/a.py"],
    )


def test_workflow_inputs_override_everything() -> None:
    event = replace(EVENT, configs="zoo/legacy/*.py", shapes="128")
    options = resolved(event=event, shapes="224", configs="configs/**")
    assert (shapes(options), selected(options)) == (((3, 128, 128),), ["zoo/legacy/a.py"])
    assert options.selection.explicit == "zoo/legacy/*.py"


def test_error_names_the_workflow_input_when_a_shape_is_malformed() -> None:
    with pytest.raises(ActionError, match="workflow input `shapes`: 'big' is not a side"):
        resolved(event=replace(EVENT, shapes="big"))
