"""Reading parts of a config whatever their types."""

from __future__ import annotations

from typing import Any

import pytest

from model_complexity.worker.config_reader import (
    channels_of,
    class_name,
    data_preprocessor,
    section,
    size_of,
    transforms_of,
)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model": {"backbone": {"depth": 18}}}, {"depth": 18}),
        ({"model": {"backbone": "ResNet"}}, {}),
        ({"model": None}, {}),
        ({"model": [{"backbone": {}}]}, {}),
        (None, {}),
    ],
)
def test_section_is_empty_when_the_path_holds_no_mapping(config: Any, expected: dict[str, Any]) -> None:
    assert section(config, "model", "backbone") == expected


@pytest.mark.parametrize(
    ("part", "name"),
    [({"type": "ResNet"}, "ResNet"), ({"type": "mmdet.ResNet"}, "ResNet"), ({"type": dict}, "dict"), (None, "None")],
)
def test_class_name_is_without_scope(part: Any, name: str) -> None:
    assert class_name(part) == name


def test_data_preprocessor_is_the_models_when_it_has_one() -> None:
    shared = {"mean": [0]}
    assert data_preprocessor({"data_preprocessor": shared, "model": {"type": "Net"}}) == shared
    assert data_preprocessor({"data_preprocessor": shared, "model": {"data_preprocessor": {"size": 8}}}) == {"size": 8}


@pytest.mark.parametrize(
    ("value", "strict", "shorter_edge"),
    [
        (32, (32, 32), (32, 32)),
        ((32, 48), (32, 48), (32, 48)),
        ((-1, 256), None, (256, 256)),
        ((256, float("inf")), None, (256, 256)),
        ((-1, 1), None, None),
        ((1, 2, 3), None, None),
        (20_000, None, None),
        ("large", None, None),
        (True, None, None),
        (None, None, None),
    ],
)
def test_size_of_is_height_and_width(
    value: Any, strict: tuple[int, int] | None, shorter_edge: tuple[int, int] | None
) -> None:
    assert size_of(value, height_first=True) == strict
    assert size_of(value, height_first=False) == (strict and strict[::-1])
    assert size_of(value, height_first=True, shorter_edge=True) == shorter_edge


def test_transforms_of_includes_those_nested_in_wrappers() -> None:
    crop, flip = {"type": "Crop"}, {"type": "Flip"}
    views = {"type": "Views", "transforms": [[crop], [flip]]}
    apply = {"type": "Apply", "transforms": [flip]}
    pipeline = [views, "no transform", apply]
    assert list(transforms_of(pipeline)) == [views, apply]
    assert list(transforms_of(pipeline, {"Views"})) == [views, crop, apply]
    assert list(transforms_of(pipeline, None)) == [views, crop, apply, flip]
    assert list(transforms_of(None)) == []


def test_channels_of_is_the_default_when_the_module_takes_features() -> None:
    assert channels_of({"in_channels": 1}) == channels_of({"in_chans": 1}) == 1
    assert channels_of({"in_channels": 256}) == channels_of({"in_channels": [3]}) == channels_of({}) == 3
    assert channels_of({}, default=17) == 17
