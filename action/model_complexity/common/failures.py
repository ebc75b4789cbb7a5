"""Failure kinds, and the form of a failure: kind, one-line message, one-line hint, detail.

A new kind is one entry of ``FAILURE_KINDS``. An exception names its kind in an attribute ``failure_kind``. A hint for some
errors of a kind is one row of ``common.error_hints``.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, NamedTuple, Sequence, Tuple

from model_complexity.common.error_hints import (
    BUILD_ERRORS,
    FORWARD_ERRORS,
    IMPORT_ERRORS,
    LOAD_ERRORS,
    NETWORK,
    REAL_RUN,
    ErrorHint,
)

NETWORK_IS_OFF = "the network is off"
"""Is in every message of a failure to fetch something while the network is off."""
STUB = "is a stub:"
"""Is in every message of a failure because compiled operators are missing."""
UNINITIALIZED = "which a dry run does not compute"
"""Is in every message of a dry failure that a real run may not have."""
_NETWORK = ErrorHint(NETWORK, NETWORK_IS_OFF)
_UNINITIALIZED = ErrorHint(REAL_RUN, UNINITIALIZED)
_STUB = ErrorHint("Install the library with its compiled operators in the action's `install` input.", STUB)

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
    error_hints: Tuple[ErrorHint, ...] = ()
    """Hints for some errors of this kind. The first that fits an error replaces ``hint``."""

    @property
    def hints(self) -> FrozenSet[str]:
        """All hints of the kind: a hint that comes from a config's process must be one of them."""
        return frozenset([self.hint, *(row.hint for row in self.error_hints)])

    def hint_for(self, types: Sequence[str], message: str) -> str:
        """Return the hint for an error, by the names of its class and base classes, and by its text."""
        return next((row.hint for row in self.error_hints if row.fits(types, message)), self.hint)


FAILURE_KINDS: Dict[str, FailureKind] = {
    "config_syntax": FailureKind("Correct the syntax. `python -m py_compile FILE` shows the place.", "load"),
    "config_load": FailureKind(
        "Load it by itself: `python -c \"from mmengine.config import Config; Config.fromfile('FILE')\"`.",
        "load",
        error_hints=(_NETWORK, *LOAD_ERRORS),
    ),
    "missing_dependency": FailureKind(
        "Add the package that provides it to the action's `install` input.",
        "build",
        error_hints=(_STUB, *IMPORT_ERRORS),
    ),
    "build": FailureKind(
        "Build the model by itself with the library's registry. The detail shows the line that raised.",
        "build",
        retry_real=True,
        error_hints=(_NETWORK, _UNINITIALIZED, *BUILD_ERRORS),
    ),
    "forward": FailureKind(
        "Call the model by itself with this input shape. The detail shows the line that raised.",
        "run",
        retry_real=True,
        error_hints=(_NETWORK, _UNINITIALIZED, *FORWARD_ERRORS),
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
    "zero_count": FailureKind(
        "No operator that ran has a count. Check the entry point, or report the config to Model Complexity."
    ),
}
"""Why a job gave no counts: a closed set, so that each kind can have its own advice.

A failure that ends a process is not shareable: a config's process may only pretend to build the same model as others."""


def failure(kind: str, message: str, detail: str = "", hint: str = "") -> Dict[str, str]:
    """Make a bounded failure of one of ``FAILURE_KINDS``, with the kind's own hint if none is given."""
    line = " ".join(message.split()) or kind
    return {
        "kind": kind,
        "message": line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…",
        "hint": hint or FAILURE_KINDS[kind].hint,
        "detail": detail[-DETAIL_LIMIT:],
    }


def worker_failure(kind: str, message: str) -> Dict[str, Any]:
    """Make the answer's body for a job that the worker itself gave up."""
    return {"failure": failure(kind, message)}
