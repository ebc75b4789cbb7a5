"""Follows what one worker does with its jobs, to know which of them run when it is lost."""

from __future__ import annotations

from collections.abc import Iterable

from model_complexity.report import Answer
from model_complexity.sandbox.protocol import AttemptEnded, AttemptStarted, Reply

MAX_ATTEMPTS = 8
"""Attempts at one job: more than the worker makes. A worker that only starts attempts must not keep the host waiting."""


class JobStates:
    """The states of a worker's jobs, by its own lines, which are untrusted.

    A job has any number of attempts, one after the other, and then one answer.

    Args:
        jobs: their numbers.
        max_running: how many may run at the same time; 0 for any number.
    """

    def __init__(self, jobs: Iterable[int], max_running: int) -> None:
        self._attempts = dict.fromkeys(jobs, 0)
        self._max_running = max_running or len(self._attempts)
        self._running: dict[int, None] = {}
        self.answered = 0

    @property
    def running(self) -> tuple[int, ...]:
        """The jobs whose code runs, in the order in which they started."""
        return tuple(self._running)

    def follow(self, reply: Reply) -> bool:
        """Take a line of the worker; return whether it makes sense."""
        if reply.job not in self._attempts:
            return False
        is_running = reply.job in self._running
        if isinstance(reply, AttemptStarted):
            if is_running or len(self._running) == self._max_running or self._attempts[reply.job] == MAX_ATTEMPTS:
                return False
            self._attempts[reply.job] += 1
            self._running[reply.job] = None
        elif isinstance(reply, AttemptEnded):
            if not is_running:
                return False
            del self._running[reply.job]
        elif isinstance(reply, Answer):
            if is_running or not self._attempts[reply.job]:
                return False
            del self._attempts[reply.job]
            self.answered += 1
        return True
