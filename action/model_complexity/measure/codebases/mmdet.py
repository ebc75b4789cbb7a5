"""mmdet."""

from __future__ import annotations

from .codebase import Codebase

CODEBASE = Codebase("mmdet", ("mmdet",), unneeded=())
