"""Write the files of a run into the workspace, for later steps."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from model_complexity.errors import ActionError
from model_complexity.render import render_html
from model_complexity.report import Report

FOLDER: Final = "model-complexity"
REPORT: Final = "report.json"
COMMENT: Final = "comment.md"
PAGE: Final = "report.html"


def write_files(workspace: Path, key: str, report: Report, comment: str) -> str:
    """Write ``model-complexity/KEY/report.json``, ``comment.md`` and ``report.html``.

    The workspace is the pull request's checkout, so a link or file in the way is removed and never followed.

    Returns:
        The path of report.json, relative to the workspace: later steps see the workspace under another absolute path.

    Raises:
        ActionError: a file cannot be written.
    """
    folder = workspace / FOLDER / key
    texts = {REPORT: report.model_dump_json(indent=1), COMMENT: comment, PAGE: render_html(report)}
    try:
        for path in (workspace / FOLDER, folder):
            _make_folder(path)
        for name, text in texts.items():
            _replace_file(folder / name, text)
    except OSError as error:
        raise ActionError(
            f"Cannot write {FOLDER}/{key} in the workspace: {error.strerror}.",
            "Check that the workspace exists and has free space.",
        ) from error
    return f"{FOLDER}/{key}/{REPORT}"


def _make_folder(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(exist_ok=True)


def _replace_file(path: Path, text: str) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text + "\n")
