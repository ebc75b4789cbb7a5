"""The sizes that a config states."""

from __future__ import annotations

from typing import Any

import pytest

from model_complexity.worker.config_sizes import Transforms, candidate_sizes, pipeline_size, register_transforms

register_transforms(
    Transforms(
        crops=("CenterCrop", "EfficientNetCenterCrop", "RandomCrop", "RandomResizedCrop"),
        resizes=("Resize", "ResizeEdge"),
        fixed_resizes=("FixShapeResize",),
        wrappers=("MultiView",),
    )
)


class EfficientNetCenterCrop:
    """A transform named by its class, as configs in mmengine's new style do."""


@pytest.mark.parametrize(
    ("pipeline", "size"),
    [
        ([], None),
        ([{"type": "LoadImageFromFile"}, {"type": "PackInputs"}], None),
        ([{"type": "Resize", "scale": 384}, {"type": "PackInputs"}], (384, 384)),
        ([{"type": "Resize", "scale": (320, 256)}], (256, 320)),  # mmcv: width first
        ([{"type": "ResizeEdge", "scale": 256, "edge": "short"}], (256, 256)),
        ([{"type": "ResizeEdge", "scale": 256}, {"type": "CenterCrop", "crop_size": 224}], (224, 224)),
        ([{"type": "ResizeEdge", "scale": 256}, {"type": "CenterCrop", "crop_size": (192, 160)}], (192, 160)),
        ([{"type": "mmpretrain.CenterCrop", "crop_size": 64}], (64, 64)),
        ([{"type": EfficientNetCenterCrop, "crop_size": 380}], (380, 380)),
        ([{"type": "RandomResizedCrop", "scale": 160}], (160, 160)),
        ([{"type": "FixShapeResize", "width": 320, "height": 256}], (256, 320)),
        ([{"type": "UnregisteredResize", "scale": 160}], None),
        ([{"type": "MultiScaleFlipAug", "img_scale": (1333, 800)}], (800, 1333)),
        (
            [
                {
                    "type": "MultiView",
                    "num_views": [2, 6],
                    "transforms": [
                        [{"type": "RandomResizedCrop", "scale": 224}],
                        [{"type": "RandomResizedCrop", "scale": 96}],
                    ],
                }
            ],
            (224, 224),
        ),
        ([{"type": "RandomApply", "transforms": [{"type": "CenterCrop", "crop_size": 9}]}], None),
        ([{"type": "Resize", "scale": "dynamic"}, {"type": "Resize", "scale": (1, 2, 3)}, "no transform"], None),
        ([{"type": "RandomResize", "scale": 5}, {"type": "Resize", "scale": True}], None),
    ],
)
def test_pipeline_size_is_that_of_the_last_crop_or_resize(pipeline: list[Any], size: tuple[int, int] | None) -> None:
    assert pipeline_size(pipeline) == size


def _loader(*transforms: dict[str, Any]) -> dict[str, Any]:
    return {"dataset": {"type": "ImageNet", "pipeline": list(transforms)}}


def test_candidate_sizes_are_those_of_test_pipeline_model_train_pipeline_and_224() -> None:
    config = {
        "model": {"backbone": {"img_size": 256}},
        "test_dataloader": _loader({"type": "Resize", "scale": 384}),
        "train_dataloader": {"dataset": _loader({"type": "RandomResizedCrop", "scale": 192})},
    }
    assert candidate_sizes(config) == ((384, 384), (256, 256), (192, 192), (224, 224))


def test_candidate_sizes_start_with_the_train_size_when_no_test_pipeline_is_set() -> None:
    model = {"backbone": {"type": "VisionTransformer", "img_size": [518, 518]}}
    train = _loader({"type": "RandomCrop", "crop_size": 32, "padding": 4})
    assert candidate_sizes({"model": model, "train_dataloader": train}) == ((32, 32), (518, 518), (224, 224))
    assert candidate_sizes({"model": model}) == ((518, 518), (224, 224))
    assert candidate_sizes({"model": {"type": "Lenet"}}) == ((224, 224),)


def test_candidate_sizes_use_test_pipeline_when_no_dataloader_is_set() -> None:
    config = {
        "test_dataloader": None,
        "val_dataloader": None,
        "test_pipeline": [{"type": "CenterCrop", "crop_size": 99}],
    }
    assert candidate_sizes(config)[0] == (99, 99)
