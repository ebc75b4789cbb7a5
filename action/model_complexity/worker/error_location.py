"""Find the line of the repository's own code that an exception comes from."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any, Iterator, List, Optional

OUR_CODE = str(Path(__file__).resolve().parent.parent.parent)
"""The folder that our package is in."""
_MAX_PATH = 120
_INSTALLED = ("site-packages", "dist-packages")
_CONFIG_READER = "mmengine.config.config"


def exception_chain(error: Optional[BaseException]) -> Iterator[BaseException]:
    """Yield an exception, its cause (or what it was raised in the handling of), and so on."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def repository_line(error: BaseException, tree: str) -> str:
    """Return ``file:line`` of the last frame in the repository, blank if there is none.

    An exception that a library raised anew, as a registry does with that of a constructor, has the deeper frame in its cause.

    Args:
        error: the exception.
        tree: the folder of the repository.
    """
    line = ""
    for each in exception_chain(error):
        lines = _lines(each, tree.rstrip("/"))
        line = next((found for found in reversed(lines) if found), line)
        if lines and lines[-1]:
            break
    return line


def _lines(error: BaseException, tree: str) -> List[str]:
    """Return ``file:line`` of each frame, blank for those that are not of the repository. Our own are left out."""
    lines, caller = [], None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if not frame.f_code.co_filename.startswith(OUR_CODE + os.sep):
            config = str(Path(tree) / _config_read_by(caller, frame))
            file = _relative(frame.f_code.co_filename, tree) or _relative(config, tree)
            lines.append(f"{_bounded(file)}:{number}" if file else "")
        caller = frame
    return lines


def _config_read_by(caller: Any, frame: Any) -> str:
    """Return the path of a config that mmengine executes from a copy, or under another name; else blank."""
    reads = caller is not None and caller.f_globals.get("__name__") == _CONFIG_READER
    name = caller.f_locals.get("filename") if reads and frame.f_code.co_name == "<module>" else None
    return name if isinstance(name, str) else ""


def _relative(file: str, tree: str) -> str:
    """Return a file's path in the repository; blank for another file, and for one of an environment in the repository."""
    path = os.path.normpath(file)
    if not path.startswith(tree + os.sep):  # made-up names, such as <string>, are relative
        return ""
    relative = path[len(tree) + 1 :]
    environments = [folder for folder in (sys.prefix, sys.base_prefix) if folder.startswith(tree + os.sep)]
    is_installed = any(part in _INSTALLED for part in Path(relative).parts)
    return "" if is_installed or any(path.startswith(folder + os.sep) for folder in environments) else relative


def _bounded(path: str) -> str:
    return path if len(path) <= _MAX_PATH else "…" + path[1 - _MAX_PATH :]
