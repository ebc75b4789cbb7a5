"""mmseg."""

from __future__ import annotations

from .codebase import Codebase

CODEBASE = Codebase("mmseg", ("mmseg",), unneeded=())
