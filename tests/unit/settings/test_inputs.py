"""Inputs and environment: defaults, forms, and errors that name the input."""

from __future__ import annotations

import pytest

from model_complexity.errors import ActionError
from model_complexity.settings.environment import Settings
from model_complexity.settings.inputs import Inputs

ENVIRONMENT = {
    "GITHUB_EVENT_NAME": "pull_request",
    "GITHUB_EVENT_PATH": "/github/workflow/event.json",
    "GITHUB_REPOSITORY": "octocat/zoo",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_WORKSPACE": "/github/workspace",
}


def test_inputs_have_their_defaults_when_not_given() -> None:
    inputs = Settings.from_environment(ENVIRONMENT).inputs
    assert inputs.shapes == ("auto",)
    assert (inputs.max_configs, inputs.timeout, inputs.key, inputs.device) == (20, 300, "default", "auto")
    assert (inputs.mode, inputs.jobs, inputs.deploy) == ("auto", 0, False)
    assert (inputs.fail_on_error, inputs.install, inputs.configs) == (False, "", "")


def test_settings_read_inputs_by_upper_case_names_with_hyphens() -> None:
    given = {
        "INPUT_GITHUB-TOKEN": "ghs_x",
        "INPUT_CONFIGS": "configs/a/**\n!configs/a/b.py",
        "INPUT_SHAPES": "224 384, 512",
        "INPUT_INSTALL": "pip install -e .",
        "INPUT_MAX-CONFIGS": "5",
        "INPUT_TIMEOUT": "60",
        "INPUT_KEY": "cuda",
        "INPUT_DEVICE": "cuda",
        "INPUT_FAIL-ON-ERROR": "TRUE",
        "INPUT_ARGS": "the runner's own",
    }
    inputs = Settings.from_environment(ENVIRONMENT | given).inputs
    assert inputs.github_token.get_secret_value() == "ghs_x"
    assert inputs.shapes == ((3, 224, 384), (3, 512, 512))
    assert (inputs.max_configs, inputs.timeout, inputs.key, inputs.device) == (5, 60, "cuda", "cuda")
    assert (inputs.fail_on_error, inputs.install, inputs.configs) == (
        True,
        "pip install -e .",
        "configs/a/**\n!configs/a/b.py",
    )
    assert "ghs_x" not in repr(inputs)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("shapes", "points=0x4", "input `shapes`: 'points=0x4' is out of range"),
        ("shapes", "224 0", "input `shapes`: '0' is not a side of an image"),
        ("max-configs", "0", "input `max-configs`: Input should be greater than or equal to 1"),
        ("max-configs", "5.0", "input `max-configs`: '5.0' is not a whole number"),
        ("timeout", "soon", "input `timeout`: 'soon' is not a whole number"),
        ("timeout", "-5", "input `timeout`: '-5' is not a whole number"),
        ("device", "gpu", "input `device`: Input should be 'auto', 'cpu' or 'cuda'"),
        ("mode", "fast", "input `mode`: Input should be 'auto', 'dry' or 'real'"),
        ("jobs", "257", "input `jobs`: Input should be less than or equal to 256"),
        ("fail-on-error", "yes", "input `fail-on-error`: 'yes' is neither true nor false"),
        ("key", "a b", "input `key`: `key` is invalid: 'a b'"),
        ("max-config", "5", "input `max-config`: there is no such input. Did you mean `max-configs`?"),
        ("verbose", "1", "input `verbose`: there is no such input. The inputs are: github-token, configs,"),
    ],
)
def test_parse_error_names_the_input(name: str, value: str, message: str) -> None:
    with pytest.raises(ActionError) as raised:
        Inputs.parse({name: value})
    assert str(raised.value).startswith(message)
    assert raised.value.exit_code == 2


def test_parse_error_names_configs_when_a_glob_is_malformed() -> None:
    with pytest.raises(ActionError, match=r"Input `configs`: the pattern '\.\./x'"):
        Inputs.parse({"configs": "../x"})


def test_blank_input_is_not_given() -> None:
    assert Inputs.parse({"key": " ", "timeout": ""}) == Inputs()


def test_settings_error_says_what_to_run_when_outside_a_workflow() -> None:
    with pytest.raises(ActionError, match=r"GITHUB_EVENT_NAME is missing or malformed\. .* model-complexity --help"):
        Settings.from_environment({})


def test_environment_has_the_addresses_of_run_and_repository() -> None:
    env = Settings.from_environment(ENVIRONMENT | {"GITHUB_RUN_ID": "42"}).env
    assert env.run_url == "https://github.com/octocat/zoo/actions/runs/42"
    assert env.remote_url == "https://github.com/octocat/zoo.git"
    assert Settings.from_environment(ENVIRONMENT).env.run_url is None
