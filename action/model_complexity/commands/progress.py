"""How far a command is, on stderr: stdout is for the report alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from model_complexity.github.workflow_commands import neutral


class Progress:
    """Tells somebody at a desk. What the measured code prints comes through here too, and is made safe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def part(self, title: str) -> Iterator[None]:
        """A part of the work."""
        self.tell(f"{title} …")
        yield

    def tell(self, line: str) -> None:
        """One line."""
        self._stream.write(neutral(line) + "\n")
        self._stream.flush()
