"""The options' way to the worker."""

from __future__ import annotations

import json

import pytest

from model_complexity.common.options import MeasureOptions


def test_options_survive_json() -> None:
    options = MeasureOptions(60, "cpu", "dry", 3, deploy=True, memory_bytes=1 << 30)
    assert MeasureOptions.from_json(json.loads(json.dumps(options.to_json()))) == options


def test_from_json_takes_defaults_for_missing_options() -> None:
    assert MeasureOptions.from_json({"jobs": 2}) == MeasureOptions(jobs=2)


def test_from_json_fails_for_an_unknown_option() -> None:
    with pytest.raises(TypeError, match="speed"):
        MeasureOptions.from_json({"speed": 2})
