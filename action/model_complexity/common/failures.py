"""Failure kinds, and the form of a failure: kind, one-line message, one-line hint, detail."""

from __future__ import annotations

from typing import Any, Dict

MESSAGE_LIMIT = 300
DETAIL_LIMIT = 6_000

HINTS = {
    "config_syntax": "Correct the syntax; `python -m py_compile FILE` shows the place.",
    "config_load": "Load it by itself: `python -c \"from mmengine.config import Config; Config.fromfile('FILE')\"`.",
    "missing_dependency": "Add the package that provides it to the action's `install` input.",
    "build": "Build the model by itself with the library's registry; the detail shows the line that raised.",
    "forward": "Check that the model takes this input shape; ask for another one with the `shapes` input.",
    "timeout": "Give it more time with the `timeout` input, or ask for a smaller shape.",
    "out_of_memory": "Ask for a smaller shape, or use a runner with more memory.",
    "crash": "Run it by itself to see the crash; compiled extensions and calls to os._exit are the usual causes.",
    "unsupported_input": "Name the model's inputs with their dimensions in the `shapes` input, e.g. `points=40000x4`.",
    "zero_count": "None of the model's operators is counted, so no figure is given rather than a wrong one.",
}

NETWORK_IS_OFF = "the network is off"
"""In every message of a failure for want of something that would have to be fetched."""
STUB = "is a stub:"
"""In every message of a failure for want of compiled operators."""
UNSOUND = "that a dry run does not compute"
"""In every message of a dry failure that a real run may not have."""


def failure(kind: str, message: str, detail: str = "") -> Dict[str, str]:
    """A failure of one of ``report.FailureKind``, bounded."""
    line = " ".join(message.split()) or kind
    return {
        "kind": kind,
        "message": line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…",
        "hint": HINTS[kind],
        "detail": detail[-DETAIL_LIMIT:],
    }


def worker_failure(kind: str, message: str, **detail: Any) -> Dict[str, Any]:
    """An answer's body for a job that the worker itself had to give up."""
    return {"failure": failure(kind, message, str(detail.get("detail", "")))}
