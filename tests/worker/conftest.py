"""Tests of the worker: run by scripts/test with the worker environment's Python, where torch and mmpretrain are."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def zoo() -> Path:
    """The configs that mmpretrain ships."""
    spec = importlib.util.find_spec("mmpretrain")
    assert spec, "mmpretrain is not installed here: run these tests by scripts/test"
    assert spec.origin
    return Path(spec.origin).parent / ".mim" / "configs"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty repository, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
