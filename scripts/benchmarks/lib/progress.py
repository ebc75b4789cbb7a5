"""A line of progress on stderr."""

from __future__ import annotations

import sys
import threading
import time


class Progress:
    """``measured 12/462 (0:31) configs/…`` on stderr: one rewritten line on a terminal, else every 25th."""

    def __init__(self, verb: str, total: int) -> None:
        self.verb, self.total, self.done = verb, total, 0
        self.started = time.monotonic()
        self.live = sys.stderr.isatty()
        self.lock = threading.Lock()

    def step(self, name: str) -> None:
        """Count one more as done."""
        with self.lock:
            self.done += 1
            if self.live or self.done % 25 == 0 or self.done == self.total:
                seconds = int(time.monotonic() - self.started)
                text = f"{self.verb} {self.done}/{self.total} ({seconds // 60}:{seconds % 60:02d}) {name}"
                print(
                    f"\r\x1b[K{text}" if self.live else text, end="" if self.live else "\n", file=sys.stderr, flush=True
                )

    def end(self) -> None:
        """End the line."""
        if self.live:
            print(file=sys.stderr)
