"""The image, built once as shipped, and its runner."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.e2e.engine import Engine, find_engine
from tests.e2e.runner import Runner

ROOT = Path(__file__).parents[2]
IMAGE = "localhost/model-complexity:e2e"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or ROOT / ".cache")


@pytest.fixture(scope="session")
def engine() -> Engine:
    """Return a working container engine; without one, the tests fail."""
    return find_engine(_CACHE / "model-complexity-e2e")


@pytest.fixture(scope="session")
def runner(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Build the image of this checkout."""
    engine.build(IMAGE, ROOT)
    return Runner(IMAGE, engine, tmp_path_factory.mktemp("runs"), ROOT / "action.yml")
