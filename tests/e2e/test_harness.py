"""The test harness itself, without a container engine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.e2e.conftest import ROOT
from tests.e2e.engine import containers_conf, local_paths, parse_pip_settings, pip_conf
from tests.e2e.runner import input_environment, parse_file_command


def test_file_command_is_parsed_as_the_runner_does() -> None:
    text = "one=1\ntwo<<END\na=b\n\nc<<d\nEND\n\nthree=x=y<<z\nempty=\nnone<<E\nE\none=again\n"

    assert parse_file_command(text) == {
        "one": "again",
        "two": "a=b\n\nc<<d",
        "three": "x=y<<z",
        "empty": "",
        "none": "",
    }


@pytest.mark.parametrize("text", ["plain\n", "=value\n", "<<END\nEND\n", "name<<END\nvalue\n", "name<<\nvalue\n\n"])
def test_file_command_is_an_error_when_the_runner_refuses_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"name=value|never ends|needs an end"):
        parse_file_command(text)


def test_input_environment_has_the_actions_defaults(tmp_path: Path) -> None:
    action = tmp_path / "action.yml"
    action.write_text(
        "inputs:\n  github-token: {default: '${{ github.token }}'}\n  max-configs: {default: 20}\n  a name: {}\n  install:\n"
    )

    assert input_environment(action, {"a name": "x"}, "secret") == {
        "INPUT_GITHUB-TOKEN": "secret",
        "INPUT_MAX-CONFIGS": "20",
        "INPUT_A_NAME": "x",
        "INPUT_INSTALL": "",
    }
    with pytest.raises(ValueError, match=r"no input .*max_configs"):
        input_environment(action, {"max_configs": "3"}, "secret")


def test_pip_settings_reach_the_build(tmp_path: Path) -> None:
    (tmp_path / "mirror" / "simple").mkdir(parents=True)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    listing = (
        f"global.extra-index-url='file://{tmp_path}/mirror/simple https://index.example/simple'\n"
        "global.timeout='5'\n"
        "global.find-links='/nowhere'\n"
        f":env:.find-links='{wheels}'\n"
    )

    settings = parse_pip_settings(listing)

    assert pip_conf(settings) == (
        f"[global]\nextra-index-url = file://{tmp_path}/mirror/simple https://index.example/simple\nfind-links = {wheels}\n"
    )
    assert local_paths(settings) == [tmp_path / "mirror", wheels]
    assert f'volumes = ["{wheels}:{wheels}:ro"]' in containers_conf([f"{wheels}:{wheels}:ro"])


def test_dockerfile_and_setup_pin_the_same_torch() -> None:
    dockerfile = set(re.findall(r"^ARG TORCH=(\S+)\+", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    setup = set(re.findall(r"^TORCH=(\S+)$", (ROOT / "scripts" / "setup").read_text(), re.MULTILINE))

    assert len(dockerfile) == 1
    assert dockerfile == setup
