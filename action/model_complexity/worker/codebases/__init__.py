"""The table of codebases: which method of a library's models is run, and with what input.

One file per codebase, with its row as ``CODEBASE``. To add one, add a file.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import Tuple

from model_complexity.worker.codebases.base import Codebase, ModelInputs, UnsupportedInputError, make_inputs
from model_complexity.worker.codebases.default import CODEBASE as DEFAULT
from model_complexity.worker.config_sizes import register_transforms

CODEBASES: Tuple[Codebase, ...] = tuple(
    row
    for module in pkgutil.iter_modules(__path__)
    for row in [getattr(importlib.import_module(f"{__name__}.{module.name}"), "CODEBASE", None)]
    if row is not None
)
importlib.import_module(f"{__name__}.support.compiled_operators")  # registers their handles
for _row in CODEBASES:
    register_transforms(_row.transforms)

__all__ = ["CODEBASES", "Codebase", "ModelInputs", "UnsupportedInputError", "codebase_of", "make_inputs"]


def codebase_of(scope: str) -> Codebase:
    """Return the row of a scope, the default for a library without a row."""
    return next((row for row in CODEBASES if scope in row.scopes), DEFAULT)
