"""The commands' arguments and help."""

from __future__ import annotations

import argparse
import re

import pytest

from model_complexity import cli
from model_complexity.commands import add_commands
from model_complexity.commands.arguments import inputs_of
from model_complexity.common.options import MeasureOptions
from model_complexity.settings.inputs import Inputs


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers(dest="command"))
    return parser.parse_args(arguments)


@pytest.mark.parametrize("command", [[], ["diff"], ["measure"], ["check"]])
def test_help_has_examples_and_exit_codes(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cli.main([*command, "--help"])
    text = capsys.readouterr().out
    assert raised.value.code == 0
    assert len(re.findall(r"^  model-complexity ", text, re.MULTILINE)) >= 2, "examples"
    assert re.search(r"^exit codes:\n  0  ", text, re.MULTILINE)
    assert [line for line in text.splitlines() if len(line) > 80] == []
    if command:
        assert "only run this on code that you trust" in text


def test_options_become_inputs_only_when_given() -> None:
    assert inputs_of(parsed("diff")) == Inputs()
    assert inputs_of(parsed("diff")).model_fields_set == frozenset()
    options = parsed(
        *("check", "a..b", "--shape", "224x384", "--shape", "points=4x4", "--configs", "zoo/**, !zoo/old.py"),
        *("--max-configs", "5", "--timeout", "6", "--jobs", "7", "--device", "cpu", "--mode", "dry", "--deploy"),
    )
    inputs = inputs_of(options)
    assert (inputs.shapes, inputs.configs) == (((3, 224, 384), "points=4x4"), "zoo/**, !zoo/old.py")
    assert (inputs.max_configs, inputs.timeout, inputs.jobs, inputs.device, inputs.mode) == (5, 6, 7, "cpu", "dry")
    assert inputs.deploy
    assert inputs_of(parsed("measure", "a.py", "b.py", "--jobs", "0")).model_fields_set == {"jobs"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "--shape", "big"], "argument --shape: 'big' is not a side of an image"),
        (["diff", "--max-configs", "0"], "argument --max-configs: Input should be greater than or equal to 1"),
        (["diff", "--configs", "../x"], "argument --configs: the pattern '../x' has a . or .. in it"),
        (["diff", "--format", "pdf"], "argument --format: invalid choice: 'pdf'"),
        (["measure"], "the following arguments are required: CONFIG"),
        (["dif"], "invalid choice: 'dif'"),
    ],
)
def test_parser_error_names_the_option(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        parsed(*arguments)
    assert raised.value.code == 2
    assert message in capsys.readouterr().err


def test_every_measuring_input_is_an_option_of_every_command() -> None:
    names = [name for name in MeasureOptions._fields if name in Inputs.model_fields]
    for arguments in (["diff"], ["check"], ["measure", "a.py"]):
        assert [name for name in names if name not in parsed(*arguments)] == []


def test_help_says_what_overrides_the_policy_only_where_it_applies(capsys: pytest.CaptureFixture[str]) -> None:
    for command, expected in (("diff", True), ("measure", False)):
        with pytest.raises(SystemExit):
            parsed(command, "--help")
        assert ("Overrides the policy" in capsys.readouterr().out) == expected
