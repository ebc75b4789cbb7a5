"""mmaction2."""

from __future__ import annotations

from .codebase import Codebase

CODEBASE = Codebase("mmaction2", ("mmaction",), unneeded=("mmaction.models.localizers.drn", "decord"))
