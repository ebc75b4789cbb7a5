"""Failure kinds, and the form of a failure: kind, one-line message, one-line hint, detail.

A new kind is one entry of ``FAILURE_KINDS``. An exception names its kind in an attribute ``failure_kind``.
"""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

MESSAGE_LIMIT = 300
DETAIL_LIMIT = 6_000


class FailureKind(NamedTuple):
    """What to do about a failure, and what else may be tried first."""

    hint: str
    """Tells the author of the config what to do."""
    verb: str = ""
    """Completes "fails to …". Without it, the config "cannot be measured"."""
    retry_isolated: bool = False
    """A job that ran next to others gets another attempt alone: they may have caused the failure."""
    retry_real: bool = False
    """A dry run is followed by a real one, which may not fail."""
    shareable: bool = True
    """Equal jobs fail in the same way."""


FAILURE_KINDS: Dict[str, FailureKind] = {
    "config_syntax": FailureKind("Correct the syntax. `python -m py_compile FILE` shows the place.", "load"),
    "config_load": FailureKind(
        "Load it by itself: `python -c \"from mmengine.config import Config; Config.fromfile('FILE')\"`.", "load"
    ),
    "missing_dependency": FailureKind("Add the package that provides it to the action's `install` input.", "build"),
    "build": FailureKind(
        "Build the model by itself with the library's registry. The detail shows the line that raised.",
        "build",
        retry_real=True,
    ),
    "forward": FailureKind(
        "Check that the model takes this input shape. Set another one with the `shapes` input.",
        "run",
        retry_real=True,
    ),
    "timeout": FailureKind(
        "Raise the limit with the `timeout` input, or set a smaller shape.", retry_isolated=True, shareable=False
    ),
    "out_of_memory": FailureKind(
        "Set a smaller shape, or use a runner with more memory.", retry_isolated=True, shareable=False
    ),
    "crash": FailureKind(
        "Run it by itself to see the crash. Compiled extensions and calls to os._exit are the usual causes.",
        retry_isolated=True,
        shareable=False,
    ),
    "unsupported_input": FailureKind(
        "Name the model's inputs with their dimensions in the `shapes` input, e.g. `points=40000x4`.", "run"
    ),
    "zero_count": FailureKind("No operator of the model is counted. Report the config to Model Complexity."),
}
"""Why a job gave no counts: a closed set, so that each kind can have its own advice.

A failure that ends a process is not shareable: a config's process may only pretend to build the same model as others."""

NETWORK_IS_OFF = "the network is off"
"""Is in every message of a failure to fetch something while the network is off."""
STUB = "is a stub:"
"""Is in every message of a failure because compiled operators are missing."""
UNINITIALIZED = "which a dry run does not compute"
"""Is in every message of a dry failure that a real run may not have."""


def failure(kind: str, message: str, detail: str = "") -> Dict[str, str]:
    """Make a bounded failure of one of ``FAILURE_KINDS``."""
    line = " ".join(message.split()) or kind
    return {
        "kind": kind,
        "message": line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…",
        "hint": FAILURE_KINDS[kind].hint,
        "detail": detail[-DETAIL_LIMIT:],
    }


def worker_failure(kind: str, message: str) -> Dict[str, Any]:
    """Make the answer's body for a job that the worker itself gave up."""
    return {"failure": failure(kind, message)}
