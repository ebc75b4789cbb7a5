"""The runner's side: outputs, the job summary, workflow commands, and hostile output made safe for the log.

Source of the formats: GitHub docs, actions/reference/workflow-commands-for-github-actions.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from model_complexity.errors import ActionError

SUMMARY_LIMIT = 1_048_576
"""Bytes of one step's job summary: the runner drops a longer one."""
LINE_LIMIT = 1_000
"""Characters of one line of somebody else's output."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}\Z")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")


class Outputs:
    """Writes the step's outputs.

    Args:
        path: GITHUB_OUTPUT, or None outside a workflow, where outputs go nowhere.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def set(self, name: str, value: str) -> None:
        """Write one output; the value may have any number of lines.

        Raises:
            ActionError: the runner's file cannot be written.
        """
        if not _NAME.match(name):
            raise ValueError(f"not the name of an output: {name!r}")
        delimiter = _delimiter(value)
        if self._path is not None:
            _append(self._path, f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def write_summary(path: Path | None, text: str) -> None:
    """Append to the job summary.

    Args:
        path: GITHUB_STEP_SUMMARY, or None outside a workflow.
        text: Markdown, at most `SUMMARY_LIMIT` bytes of UTF-8.

    Raises:
        ActionError: the text is too long, or the runner's file cannot be written.
    """
    size = len(text.encode("utf-8", "replace")) + 1
    if size > SUMMARY_LIMIT:
        raise ActionError(
            f"The job summary has {size} bytes; GitHub takes {SUMMARY_LIMIT}.",
            "This is a mistake in Model Complexity: please report it. The report file is complete.",
        )
    if path is not None:
        _append(path, f"{text}\n")


def notice(
    stream: TextIO, message: str, *, title: str | None = None, file: str | None = None, line: int | None = None
) -> None:
    """An annotation that informs."""
    _annotate(stream, "notice", message, title=title, file=file, line=line)


def warning(
    stream: TextIO, message: str, *, title: str | None = None, file: str | None = None, line: int | None = None
) -> None:
    """An annotation that warns."""
    _annotate(stream, "warning", message, title=title, file=file, line=line)


def error(
    stream: TextIO, message: str, *, title: str | None = None, file: str | None = None, line: int | None = None
) -> None:
    """An annotation that says what failed."""
    _annotate(stream, "error", message, title=title, file=file, line=line)


def group(stream: TextIO, title: str) -> None:
    """Open a foldable part of the log."""
    _command(stream, f"::group::{_data(_bounded(_visible(title)))}")


def endgroup(stream: TextIO) -> None:
    """Close it."""
    _command(stream, "::endgroup::")


def add_mask(stream: TextIO, value: str) -> None:
    """Have the runner hide a value in the log; it masks line by line."""
    for line in value.splitlines():
        if line.strip():
            _command(stream, f"::add-mask::{_data(line)}")


@contextmanager
def stop_commands(stream: TextIO) -> Iterator[None]:
    """While this is open the runner obeys no command in the log: somebody else's output is printed here."""
    token = secrets.token_hex(16)
    _command(stream, f"::stop-commands::{token}")
    try:
        yield
    finally:
        _command(stream, f"::{token}::")


class WorkflowLog:
    """Tells in the runner's log how far the work is: foldable parts, in which the runner obeys nothing."""

    def __init__(self, log: TextIO) -> None:
        self._log = log

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Open a part and close it."""
        group(self._log, title)
        try:
            with stop_commands(self._log):
                yield
        finally:
            endgroup(self._log)

    def log(self, line: str) -> None:
        """One line, made safe."""
        _command(self._log, sanitize(line))


def sanitize(line: str) -> str:
    """One line of somebody else's output, made safe to print.

    Escape sequences, control, bidirectional and unpaired characters are gone, the length is bounded, and the runner
    sees no command in it: neither ``::x::`` at the start nor the old ``##[x]`` anywhere.
    """
    text = _visible(line)
    stripped = text.lstrip()
    if stripped.startswith("::"):
        text = f"{text[: len(text) - len(stripped)]}:\N{HORIZONTAL ELLIPSIS}{stripped[1:]}"
    return _bounded(text)


def _visible(line: str) -> str:
    text = _ANSI.sub("", line[: 4 * LINE_LIMIT]).expandtabs(4)
    text = "".join(character for character in text if not unicodedata.category(character).startswith(("C", "Zl", "Zp")))
    return text.replace("##[", "##\N{HORIZONTAL ELLIPSIS}[")


def _bounded(text: str) -> str:
    return text if len(text) <= LINE_LIMIT else f"{text[: LINE_LIMIT - 1]}\N{HORIZONTAL ELLIPSIS}"


def _annotate(
    stream: TextIO,
    kind: Literal["notice", "warning", "error"],
    message: str,
    *,
    title: str | None,
    file: str | None,
    line: int | None,
) -> None:
    properties = {"title": title, "file": file, "line": None if line is None else str(line)}
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value is not None)
    # names of files are in it, so its lines are made safe one by one; nothing in them is a command to the runner there
    lines = "\n".join(_bounded(_visible(part)) for part in message.split("\n"))
    _command(stream, f"::{kind}{f' {given}' if given else ''}::{_data(lines)}")


def _command(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()  # the order against a child's output matters


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(_bounded(_visible(text))).replace(":", "%3A").replace(",", "%2C")


def _delimiter(value: str) -> str:
    while (delimiter := f"model_complexity_{secrets.token_hex(16)}") in value:
        continue
    return delimiter


def _append(path: Path, text: str) -> None:
    try:
        # names of files may hold bytes that are not UTF-8, which Python hands on as lone surrogates
        with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as problem:
        raise ActionError(
            f"The runner's file cannot be written: {problem.strerror}.",
            "GITHUB_OUTPUT and GITHUB_STEP_SUMMARY name files that the runner makes; do not set them by hand.",
        ) from problem
