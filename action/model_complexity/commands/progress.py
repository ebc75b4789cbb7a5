"""A command's progress on stderr: stdout is for the report alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from model_complexity.github.workflow_commands import sanitize


class ConsoleLog:
    """Logs to a terminal. Output of the measured code is logged too, so every line is sanitized."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Log the title of a step."""
        self.log(f"{title} …")
        yield

    def log(self, line: str) -> None:
        """Log one line."""
        self._stream.write(sanitize(line) + "\n")
        self._stream.flush()
