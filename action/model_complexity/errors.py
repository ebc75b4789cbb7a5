"""The action's own failures: each carries the advice that the user sees, and ends the run with exit code 2."""

from __future__ import annotations


class ActionError(Exception):
    """The action was misused or could not do its work.

    Args:
        message: what happened and where, on one line.
        advice: what to do next, on one line.
    """

    exit_code = 2

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()
