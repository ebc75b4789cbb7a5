"""How far a command is, on stderr: stdout is for the report alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from model_complexity.github.workflow_commands import sanitize


class ConsoleLog:
    """Tells somebody at a desk. What the measured code prints comes through here too, and is made safe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """A part of the work."""
        self.log(f"{title} …")
        yield

    def log(self, line: str) -> None:
        """One line."""
        self._stream.write(sanitize(line) + "\n")
        self._stream.flush()
