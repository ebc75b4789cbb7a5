"""Tests of the OpenMMLab codebases beside mmpretrain: run by scripts/test with the openmmlab environment's Python."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model_complexity.measure.job import run_job
from model_complexity.measure.shapes import Asked

Measure = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def measure() -> Measure:
    """Measures a config that a library ships, named as on its command line: ``measure("mmdet", "yolox/yolox_s.py")``."""
    return _measure


def _measure(library: str, config: str, shape: Asked = "auto", method: str = "dry") -> dict[str, Any]:
    spec = importlib.util.find_spec(library)
    assert spec, f"{library} is not installed here: run these tests by scripts/test"
    assert spec.origin
    file = Path(spec.origin).parent / ".mim" / "configs" / config
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's
        answer = run_job(file, shape, method=method)
    assert answer
    assert "measurement" in answer, answer
    found: dict[str, Any] = answer["measurement"]
    return {**found, "by_module": {row["name"]: row for row in found["modules"]}}
