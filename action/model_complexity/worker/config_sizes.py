"""Input sizes that a config states: those of its pipelines and the one that its model is built for. Else 224."""

from __future__ import annotations

from typing import Any, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from model_complexity.common.shapes import CHANNELS, Shape
from model_complexity.worker.config_reader import (
    MAX_CHANNELS,
    Size,
    channels_of,
    class_name,
    pipeline_of,
    section,
    size_of,
    transforms_of,
)

DEFAULT: Size = (224, 224)
_SIZES = ("scale", "img_scale", "size", "input_size")
_BACKBONES = ("backbone", "vision_encoder", "visual", "image_encoder")


class Transforms(NamedTuple):
    """Names of a library's transforms that decide the size of an image.

    Args:
        crops: have a ``crop_size``, ``scale`` or ``size``: a side, or height and width.
        resizes: have a size, width first, and may have ``keep_ratio``.
        fixed_resizes: have a ``height`` and a ``width``.
        wrappers: hold other ``transforms``.
    """

    crops: Tuple[str, ...] = ()
    resizes: Tuple[str, ...] = ()
    fixed_resizes: Tuple[str, ...] = ()
    wrappers: Tuple[str, ...] = ()


_crops: Set[str] = set()
_resizes: Set[str] = set()
_fixed_resizes: Set[str] = set()
_wrappers: Set[str] = set()


def register_transforms(transforms: Transforms) -> None:
    """Add a library's transforms: a config of one library may use those of another."""
    _crops.update(transforms.crops)
    _resizes.update(transforms.resizes)
    _fixed_resizes.update(transforms.fixed_resizes)
    _wrappers.update(transforms.wrappers)


def pipeline_shape(config: Mapping[str, Any]) -> Shape:
    """Return what ``auto`` means for a config.

    Args:
        config: the resolved config.

    Returns:
        (C, H, W): the first of ``candidate_sizes``; C of the backbone or the data preprocessor, else 3.
    """
    return (_channels(config), *candidate_sizes(config)[0])


def candidate_sizes(config: Mapping[str, Any]) -> Tuple[Size, ...]:
    """Return the sizes to try for a config, most likely first, without repetition.

    Args:
        config: the resolved config.

    Returns:
        The sizes that the config states: that of its test pipeline (of the train pipeline if there is none, as in
        pretraining), that of its model, that of the train pipeline; then 224.
    """
    test = pipeline_size(pipeline_of(config, "test") or pipeline_of(config, "val"))
    train = pipeline_size(pipeline_of(config, "train"))
    sizes = [size for size in (test, _model_size(config), train) if size]
    if not test and train:
        sizes.insert(0, train)
    return tuple(dict.fromkeys([*sizes, DEFAULT]))


def pipeline_size(pipeline: Sequence[Any]) -> Optional[Size]:
    """Return height and width of a pipeline's images, None if it does not state them.

    A crop overrides the resizes before it. A resize of the shorter edge alone gives a square. The ``input_size`` of what
    draws masks is one of patches.
    """
    size = None
    for transform in transforms_of(pipeline, _wrappers):
        name = class_name(transform)
        if name in _crops:
            value = next((transform[key] for key in ("crop_size", "scale", "size") if key in transform), None)
            size = size_of(value, height_first=True) or size
        elif name in _fixed_resizes:
            size = size_of((transform.get("height"), transform.get("width")), height_first=True) or size
        elif name in _resizes or "img_scale" in transform or ("input_size" in transform and "Mask" not in name):
            value = next((transform[key] for key in _SIZES if transform.get(key) is not None), None)
            resized = size_of(value, height_first=False)
            if resized and transform.get("keep_ratio"):
                # The image fits into the size either way round. Assume that it is wider than high.
                resized = (min(resized), max(resized))
            size = resized or size
    return size


def _channels(config: Mapping[str, Any]) -> int:
    channels = channels_of(_backbone(config), default=0)
    if channels:
        return channels
    for owner in (section(config, "model"), config):
        mean = section(owner, "data_preprocessor").get("mean")
        if isinstance(mean, (list, tuple)) and 1 <= len(mean) <= MAX_CHANNELS:
            return len(mean)
    return CHANNELS


def _backbone(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of the model that takes the image, the model itself if no part is known to."""
    model = section(config, "model")
    return next((model[key] for key in _BACKBONES if isinstance(model.get(key), Mapping)), model)


def _model_size(config: Mapping[str, Any]) -> Optional[Size]:
    return size_of(_backbone(config).get("img_size"), height_first=True)
