"""mmyolo."""

from __future__ import annotations

from .codebase import Codebase

CODEBASE = Codebase("mmyolo", ("mmyolo",), unneeded=())
