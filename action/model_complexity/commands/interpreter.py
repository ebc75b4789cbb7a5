"""Finds the Python interpreter that measures: the one that is named, or ours if it has torch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from model_complexity.errors import ActionError

VARIABLE: Final = "MODEL_COMPLEXITY_PYTHON"
NEEDED: Final = {
    "torch": "torch",
    "fvcore": "fvcore==0.1.5.post20221221",
    "mmengine": "mmengine>=0.10,<0.11",
    "tabulate": "tabulate",
}
"""Module that must be importable: its requirement for pip."""
_PROBE = """
import importlib.util, json, os, sys
missing = [name for name in sys.argv[1:] if not importlib.util.find_spec(name)]
finders = [vars(module).get("MAPPING", {}) for name, module in list(sys.modules.items()) if name.startswith("__editable__")]
editable = [os.path.dirname(path) for mapping in finders for path in mapping.values()]
ours = tuple({os.path.realpath(folder) + os.sep for folder in (sys.prefix, sys.base_prefix)})
paths = [os.path.realpath(path) for path in sys.path + editable if path]
print(json.dumps([sys.version_info[:2], missing, [path for path in paths if not path.startswith(ours)]]))
"""
_MIN_VERSION = (3, 9)
_TIMEOUT = 60.0


class Interpreter(NamedTuple):
    """An interpreter, and the folders outside of it that it imports from (editable installs)."""

    path: Path
    folders: tuple[Path, ...]

    def shared_source_dirs(self, root: Path) -> tuple[str, ...]:
        """Return folders of a checkout that both sides import from. Each side has its own root and ``src``."""
        inside = (path.relative_to(root).as_posix() for path in self.folders if path.is_relative_to(root))
        return tuple(dict.fromkeys(name for name in inside if name not in (".", "src")))


def find_interpreter(option: str | None, environment: Mapping[str, str], ours: str = sys.executable) -> Interpreter:
    """Find the interpreter of the worker environment, and check its modules without importing them.

    Args:
        option: ``--python``: a path, or a command's name.
        environment: its ``MODEL_COMPLEXITY_PYTHON`` comes second.
        ours: the interpreter that runs this; it comes last.

    Raises:
        ActionError: there is none, or it lacks a module; the advice has the command for pip.
    """
    named = option or environment.get(VARIABLE, "")
    path = shutil.which(named or ours)
    if path is None:
        raise ActionError(
            f"there is no Python interpreter {named!r}.", f"Check --python and the environment variable {VARIABLE}."
        )
    python = os.path.abspath(path)  # noqa: PTH100 - resolving links would leave a virtual environment
    version, missing, folders = _probe(python)
    if tuple(version) < _MIN_VERSION:
        raise ActionError(f"{python} is Python {'.'.join(map(str, version))}.", "Use Python 3.9 or later.")
    if missing:
        raise ActionError(
            _missing_message(python, missing, named=bool(named)), _missing_advice(python, missing, named=bool(named))
        )
    return Interpreter(Path(python), tuple(map(Path, folders)))


def _probe(python: str) -> tuple[list[int], list[str], list[str]]:
    # -s as in the worker, which does not see what `pip install --user` installed.
    command = [python, "-s", "-c", _PROBE, *NEEDED]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_TIMEOUT, env=environment, cwd="/"
        )
        version, missing, folders = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ActionError(f"{python} is not a Python interpreter.", f"Check --python and {VARIABLE}.") from error
    return version, missing, folders


def _missing_message(python: str, missing: Sequence[str], *, named: bool) -> str:
    which = "" if named else ", which runs this command,"
    return f"the Python that measures, {python}{which} has no {', '.join(missing)}."


def _missing_advice(python: str, missing: Sequence[str], *, named: bool) -> str:
    packages = " ".join(f"'{NEEDED[name]}'" for name in missing)
    install = f"{python} -m pip install {packages}"
    if named:
        return f"Run: {install}"
    return f"Name the Python that runs your models with --python or {VARIABLE}, or run: {install}"
