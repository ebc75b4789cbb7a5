"""The image, built once as shipped, and what runs it."""

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
    """A working container engine; a machine that cannot have one fails the tests."""
    return find_engine(_CACHE / "model-complexity-e2e")


@pytest.fixture(scope="session")
def runner(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """Runs the image of this checkout as GitHub's runner does."""
    engine.build(IMAGE, ROOT)
    return Runner(IMAGE, engine, tmp_path_factory.mktemp("runs"), ROOT / "action.yml")
