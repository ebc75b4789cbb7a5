"""Which Python measures: the one that is asked for, or ours where torch is there."""

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
"""What must import, and how pip is asked for it."""
_LOOK = """
import importlib.util, json, os, sys
missing = [name for name in sys.argv[1:] if not importlib.util.find_spec(name)]
finders = [vars(module).get("MAPPING", {}) for name, module in list(sys.modules.items()) if name.startswith("__editable__")]
editable = [os.path.dirname(path) for mapping in finders for path in mapping.values()]
ours = tuple({os.path.realpath(folder) + os.sep for folder in (sys.prefix, sys.base_prefix)})
paths = [os.path.realpath(path) for path in sys.path + editable if path]
print(json.dumps([sys.version_info[:2], missing, [path for path in paths if not path.startswith(ours)]]))
"""
_OLDEST = (3, 9)
_SECONDS = 60.0


class Interpreter(NamedTuple):
    """The Python that measures, and the folders outside of it from which it imports (editable installs)."""

    path: Path
    folders: tuple[Path, ...]

    def shared_source_dirs(self, root: Path) -> tuple[str, ...]:
        """Folders of a checkout that it imports from whichever side is measured; root and ``src`` are each side's own."""
        inside = (path.relative_to(root).as_posix() for path in self.folders if path.is_relative_to(root))
        return tuple(dict.fromkeys(name for name in inside if name not in (".", "src")))


def find_interpreter(asked: str | None, environment: Mapping[str, str], ours: str = sys.executable) -> Interpreter:
    """Finds the interpreter of the worker environment and looks whether it can measure. Nothing is imported there.

    Args:
        asked: the option ``--python``: a path, or a command's name.
        environment: may hold ``MODEL_COMPLEXITY_PYTHON``, which comes second.
        ours: the interpreter that runs this, which comes last.

    Raises:
        ActionError: there is none, or something is missing in it; the advice has the line for pip.
    """
    named = asked or environment.get(VARIABLE, "")
    found = shutil.which(named or ours)
    if found is None:
        raise ActionError(
            f"there is no Python interpreter {named!r}.", f"See --python and the environment variable {VARIABLE}."
        )
    python = os.path.abspath(found)  # noqa: PTH100 - resolving links would leave a virtual environment
    version, missing, folders = _look(python)
    if tuple(version) < _OLDEST:
        raise ActionError(f"{python} is Python {'.'.join(map(str, version))}; measuring needs 3.9 or later.")
    if missing:
        raise ActionError(_without(python, missing, named=bool(named)), _remedy(python, missing, named=bool(named)))
    return Interpreter(Path(python), tuple(map(Path, folders)))


def _look(python: str) -> tuple[list[int], list[str], list[str]]:
    # -s as in the worker, which does not see what `pip install --user` has put in the home folder.
    command = [python, "-s", "-c", _LOOK, *NEEDED]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_SECONDS, env=environment, cwd="/"
        )
        version, missing, folders = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise ActionError(f"{python} does not run as a Python interpreter.", f"See --python and {VARIABLE}.") from error
    return version, missing, folders


def _without(python: str, missing: Sequence[str], *, named: bool) -> str:
    which = "" if named else ", which runs this command,"
    return f"the Python that measures, {python}{which} has no {', '.join(missing)}."


def _remedy(python: str, missing: Sequence[str], *, named: bool) -> str:
    packages = " ".join(f"'{NEEDED[name]}'" for name in missing)
    install = f"{python} -m pip install {packages}"
    if named:
        return f"Install: {install}"
    return f"Name the Python that runs your models, with --python or {VARIABLE}; or install: {install}"
