"""The table of codebases: which method of a library's models is traced, and with what input.

One file a codebase, with its row as ``CODEBASE``; a new one is a new file here, and nothing else.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Tuple

from model_complexity.worker.codebases.base import Codebase, TraceInputs, UnsupportedInputError, make_inputs
from model_complexity.worker.codebases.default import CODEBASE as PLAIN

CODEBASES: Tuple[Codebase, ...] = tuple(
    row
    for found in pkgutil.iter_modules(__path__)
    for row in [getattr(importlib.import_module(f"{__name__}.{found.name}"), "CODEBASE", None)]
    if row is not None
)
importlib.import_module(f"{__name__}.support.compiled_operators")  # registers their handles

__all__ = ["CODEBASES", "Codebase", "TraceInputs", "UnsupportedInputError", "codebase_of", "make_inputs"]


def codebase_of(scope: str) -> Codebase:
    """The row of a scope; that of plain modules for a library that has none of its own."""
    return next((row for row in CODEBASES if scope in row.scopes), PLAIN)
