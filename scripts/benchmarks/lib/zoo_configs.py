"""The configs that a library ships."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def zoo_root(library: str) -> Path | None:
    """Return the folder that the library's config paths start from, None if it is not installed."""
    spec = importlib.util.find_spec(library)
    return Path(spec.submodule_search_locations[0], ".mim") if spec and spec.submodule_search_locations else None


def zoo_configs(root: Path) -> list[str]:
    """Return the paths of all configs, sorted."""
    files = (file for file in (root / "configs").rglob("*.py") if "_base_" not in file.parts)
    return sorted(file.relative_to(root).as_posix() for file in files)
