"""Models that are registered with mmengine itself, and those of libraries without a row."""

from __future__ import annotations

from model_complexity.worker.codebases.base import Codebase

CODEBASE = Codebase("plain modules", ("mmengine",))
