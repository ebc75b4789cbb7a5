"""Which interpreter measures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from model_complexity.commands.interpreter import NEEDED, VARIABLE, Interpreter, find_interpreter
from model_complexity.errors import ActionError

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_ours_has_no_torch_and_the_advice_has_the_line_for_pip() -> None:
    with pytest.raises(ActionError) as raised:
        find_interpreter(None, {})
    assert raised.value.message.endswith(", which runs this command, has no torch, fvcore, mmengine.")
    assert f"--python or {VARIABLE}" in raised.value.advice
    assert raised.value.advice.endswith("-m pip install 'torch' 'fvcore==0.1.5.post20221221' 'mmengine>=0.10,<0.11'")


def test_one_that_was_named_is_not_replaced_by_another() -> None:
    for asked, environment in ((sys.executable, {}), (None, {VARIABLE: sys.executable})):
        with pytest.raises(ActionError) as raised:
            find_interpreter(asked, environment, "/nowhere/python")
        assert raised.value.advice.startswith(f"Install: {sys.executable} -m pip install")


def test_what_is_no_interpreter() -> None:
    with pytest.raises(ActionError, match="there is no Python interpreter 'no-such-python'"):
        find_interpreter("no-such-python", {})
    with pytest.raises(ActionError, match=r"true does not run as a Python interpreter\. See --python"):
        find_interpreter("true", {})


def test_what_is_asked_of_pip_is_what_the_project_names() -> None:
    (line,) = (line for line in PYPROJECT.read_text().splitlines() if line.startswith("worker = "))
    for package in NEEDED.values():
        assert f'"{package}' in line


def test_folders_of_the_checkout_that_both_sides_would_share(tmp_path: Path) -> None:
    folders = (tmp_path, tmp_path / "src", tmp_path / "packages" / "zoo", tmp_path.parent / "elsewhere")
    assert Interpreter(Path(sys.executable), folders).shared_source_dirs(tmp_path) == ("packages/zoo",)
