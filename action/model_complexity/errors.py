"""The error that ends a run with exit code 2, with advice for the user."""

from __future__ import annotations


class ActionError(Exception):
    """The action was misused or failed.

    Args:
        message: what happened and where, on one line.
        advice: what to do, on one line.
    """

    exit_code = 2

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message} {self.advice}".strip()
