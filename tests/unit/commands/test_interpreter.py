"""Finding the interpreter that measures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from model_complexity.commands.interpreter import NEEDED, VARIABLE, Interpreter, find_interpreter
from model_complexity.errors import ActionError

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_advice_has_the_pip_command_when_our_interpreter_has_no_torch() -> None:
    with pytest.raises(ActionError) as raised:
        find_interpreter(None, {})
    assert raised.value.message.endswith(", which runs this command, has no torch, fvcore, mmengine.")
    assert f"--python or {VARIABLE}" in raised.value.advice
    assert raised.value.advice.endswith("-m pip install 'torch' 'fvcore==0.1.5.post20221221' 'mmengine>=0.10,<0.11'")


def test_named_interpreter_is_not_replaced_when_it_has_no_torch() -> None:
    for option, environment in ((sys.executable, {}), (None, {VARIABLE: sys.executable})):
        with pytest.raises(ActionError) as raised:
            find_interpreter(option, environment, "/nowhere/python")
        assert raised.value.advice.startswith(f"Run: {sys.executable} -m pip install")


def test_find_interpreter_fails_for_what_is_no_interpreter() -> None:
    with pytest.raises(ActionError, match="there is no Python interpreter 'no-such-python'"):
        find_interpreter("no-such-python", {})
    with pytest.raises(ActionError, match=r"true is not a Python interpreter\. Check --python"):
        find_interpreter("true", {})


def test_pip_requirements_are_those_of_the_worker_extra() -> None:
    (line,) = (line for line in PYPROJECT.read_text().splitlines() if line.startswith("worker = "))
    for package in NEEDED.values():
        assert f'"{package}' in line


def test_shared_source_dirs_are_editable_installs_inside_the_checkout(tmp_path: Path) -> None:
    folders = (tmp_path, tmp_path / "src", tmp_path / "packages" / "zoo", tmp_path.parent / "elsewhere")
    assert Interpreter(Path(sys.executable), folders).shared_source_dirs(tmp_path) == ("packages/zoo",)
