"""Golden files: whole texts to be read by eye. scripts/golden writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parents[1] / "unit" / "render" / "golden"


def golden(name: str, text: str) -> str:
    """Return the golden file's text, after writing it if GOLDEN=write."""
    file = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        file.write_text(text, encoding="utf-8")
    return file.read_text(encoding="utf-8")
