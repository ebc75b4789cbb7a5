"""Write outputs, the job summary and workflow commands, and sanitize untrusted output for the log.

Source of the formats: GitHub docs, actions/reference/workflow-commands-for-github-actions.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TextIO

from model_complexity.errors import ActionError

SUMMARY_LIMIT: Final = 1_048_576
"""The runner drops a step's job summary that has more bytes."""
MAX_LINE_LENGTH: Final = 1_000
"""Characters of one line of untrusted output."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}\Z")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")


class Outputs:
    """Write the step's outputs.

    Args:
        path: GITHUB_OUTPUT; None outside a workflow, where nothing is written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def set(self, name: str, value: str) -> None:
        """Write one output. The value may have several lines.

        Raises:
            ActionError: the runner's file cannot be written.
        """
        if not _NAME.match(name):
            raise ValueError(f"not an output name: {name!r}")
        delimiter = _delimiter(value)
        if self._path is not None:
            _append(self._path, f"{name}<<{delimiter}\n{value}\n{delimiter}\n")


def write_summary(path: Path | None, text: str) -> None:
    """Append to the job summary.

    Args:
        path: GITHUB_STEP_SUMMARY; None outside a workflow.
        text: Markdown, at most `SUMMARY_LIMIT` bytes of UTF-8.

    Raises:
        ActionError: the text is too long, or the runner's file cannot be written.
    """
    size = len(text.encode("utf-8", "replace")) + 1
    if size > SUMMARY_LIMIT:
        raise ActionError(
            f"The job summary has {size} bytes. GitHub's limit is {SUMMARY_LIMIT}.",
            "This is a bug in Model Complexity. Please report it. The report file is complete.",
        )
    if path is not None:
        _append(path, f"{text}\n")


def notice(
    stream: TextIO, message: str, *, title: str | None = None, file: str | None = None, line: int | None = None
) -> None:
    """Print a notice."""
    _annotate(stream, "notice", message, title=title, file=file, line=line)


def warning(
    stream: TextIO, message: str, *, title: str | None = None, file: str | None = None, line: int | None = None
) -> None:
    """Print a warning."""
    _annotate(stream, "warning", message, title=title, file=file, line=line)


def error(
    stream: TextIO, message: str, *, title: str | None = None, file: str | None = None, line: int | None = None
) -> None:
    """Print an error."""
    _annotate(stream, "error", message, title=title, file=file, line=line)


def group(stream: TextIO, title: str) -> None:
    """Open a group of log lines."""
    _command(stream, f"::group::{_data(_bounded(_visible(title)))}")


def endgroup(stream: TextIO) -> None:
    """Close the group."""
    _command(stream, "::endgroup::")


def add_mask(stream: TextIO, value: str) -> None:
    """Mask a value in the log. The runner masks each line."""
    for line in value.splitlines():
        if line.strip():
            _command(stream, f"::add-mask::{_data(line)}")


@contextmanager
def stop_commands(stream: TextIO) -> Iterator[None]:
    """Stop workflow commands while untrusted output is printed."""
    token = secrets.token_hex(16)
    _command(stream, f"::stop-commands::{token}")
    try:
        yield
    finally:
        _command(stream, f"::{token}::")


class WorkflowLog:
    """A progress log in the runner's log: groups, in which workflow commands are stopped."""

    def __init__(self, log: TextIO) -> None:
        self._log = log

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Open a group and close it."""
        group(self._log, title)
        try:
            with stop_commands(self._log):
                yield
        finally:
            endgroup(self._log)

    def log(self, line: str) -> None:
        """Print one sanitized line."""
        _command(self._log, sanitize(line))


def sanitize(line: str) -> str:
    """Return a line of untrusted output that is safe to print.

    Escape sequences, control, bidirectional and unpaired characters are removed, and the length is bounded. The runner finds
    no command in it: neither ``::x::`` at the start nor the old ``##[x]`` anywhere.
    """
    text = _visible(line)
    stripped = text.lstrip()
    if stripped.startswith("::"):
        text = f"{text[: len(text) - len(stripped)]}:\N{HORIZONTAL ELLIPSIS}{stripped[1:]}"
    return _bounded(text)


def _visible(line: str) -> str:
    text = _ANSI.sub("", line[: 4 * MAX_LINE_LENGTH]).expandtabs(4)
    text = "".join(character for character in text if not unicodedata.category(character).startswith(("C", "Zl", "Zp")))
    return text.replace("##[", "##\N{HORIZONTAL ELLIPSIS}[")


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_LINE_LENGTH else f"{text[: MAX_LINE_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"


def _annotate(
    stream: TextIO,
    level: Literal["notice", "warning", "error"],
    message: str,
    *,
    title: str | None,
    file: str | None,
    line: int | None,
) -> None:
    properties = {"title": title, "file": file, "line": None if line is None else str(line)}
    given = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value is not None)
    # the message may have untrusted file names, so each line is made visible; inside a command no line is a command
    lines = "\n".join(_bounded(_visible(row)) for row in message.split("\n"))
    _command(stream, f"::{level}{f' {given}' if given else ''}::{_data(lines)}")


def _command(stream: TextIO, text: str) -> None:
    stream.write(text + "\n")
    stream.flush()  # keeps the order with a child's output


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
        # file names may have bytes that are not UTF-8, which Python decodes as lone surrogates
        with path.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as cause:
        raise ActionError(
            f"Cannot write the runner's file: {cause.strerror}.",
            "Leave GITHUB_OUTPUT and GITHUB_STEP_SUMMARY as the runner sets them.",
        ) from cause
