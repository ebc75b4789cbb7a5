"""mmpose."""

from __future__ import annotations

from .codebase import Codebase

CODEBASE = Codebase("mmpose", ("mmpose",), unneeded=("xtcocotools", "chumpy"))
