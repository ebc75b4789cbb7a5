"""The input sizes that a config itself speaks of: its own pipelines, the size its model is built for, 224."""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Sequence, Tuple

from model_complexity.common.shapes import CHANNELS, LARGEST_SIDE, Shape

Size = Tuple[int, int]
"""Height and width."""
DEFAULT: Size = (224, 224)

_CROPS = {"CenterCrop", "EfficientNetCenterCrop", "RandomCrop", "RandomResizedCrop", "EfficientNetRandomCrop"}
_CROPS |= {"RandomResizedCropAndInterpolationWithTwoPic"}  # BEiT's
_RESIZES = {"Resize", "FixScaleResize", "ResizeEdge", "Pad"}
_SIZES = ("scale", "img_scale", "size", "input_size")
_WRAPPERS = {"MultiView", "ApplyToList", "RandomChoice", "TestTimeAug", "MultiScaleFlipAug"}
_WRAPPERS |= {"ProposalBroadcaster", "TransformBroadcaster"}  # mmdet's, of images with proposals and of videos
_BACKBONES = ("backbone", "vision_encoder", "visual", "image_encoder")
_MOST_CHANNELS = 64
"""More than any image has: such an ``in_channels`` is that of features."""


def pipeline_shape(config: Mapping[str, Any]) -> Shape:
    """What ``auto`` means for a config.

    Args:
        config: the resolved config.

    Returns:
        (C, H, W): the first of ``candidate_sizes``; C as the backbone or the data preprocessor has it, else 3.
    """
    return (_channels(config), *candidate_sizes(config)[0])


def candidate_sizes(config: Mapping[str, Any]) -> Tuple[Size, ...]:
    """The sizes to try for a config, most likely first, without repetition.

    Args:
        config: the resolved config.

    Returns:
        The size that its test pipeline ends with (of the train pipeline where there is none, as in pretraining), the size
        that its model is built for, the train pipeline's and 224, as far as the config says them.
    """
    test = pipeline_size(pipeline_of(config, "test") or pipeline_of(config, "val"))
    train = pipeline_size(pipeline_of(config, "train"))
    found = [size for size in (test, _model_size(config), train) if size]
    if not test and train:
        found.insert(0, train)
    return tuple(dict.fromkeys([*found, DEFAULT]))


def pipeline_size(pipeline: Sequence[Any]) -> Optional[Size]:
    """Height and width of what a pipeline of transforms makes, or None where it does not say.

    A crop decides over the resizing before it; a resize of the shorter edge alone is taken for a square. The ``input_size``
    of what draws masks is one of patches.
    """
    size = None
    for transform in _transforms(pipeline):
        name = class_name(transform)
        if name in _CROPS:
            given = next((transform[key] for key in ("crop_size", "scale", "size") if key in transform), None)
            size = _size(given, height_first=True) or size
        elif name == "FixShapeResize":
            size = _size((transform.get("height"), transform.get("width")), height_first=True) or size
        elif name in _RESIZES or "img_scale" in transform or ("input_size" in transform and "Mask" not in name):
            # mmcv writes sizes width first
            given = next((transform[key] for key in _SIZES if transform.get(key) is not None), None)
            found = _size(given, height_first=False)
            # what keeps its ratio fits into the size either way round: an image is taken to be wider than high
            size = (min(found), max(found)) if found and transform.get("keep_ratio") else found or size
    return size


def _channels(config: Mapping[str, Any]) -> int:
    backbone = _backbone(config)
    given = backbone.get("in_channels", backbone.get("in_chans")) if backbone else None
    if isinstance(given, int) and 1 <= given <= _MOST_CHANNELS:
        return given
    model = config.get("model")
    for owner in (model if isinstance(model, Mapping) else {}, config):
        preprocessor = owner.get("data_preprocessor")
        mean = preprocessor.get("mean") if isinstance(preprocessor, Mapping) else None
        if isinstance(mean, (list, tuple)) and 1 <= len(mean) <= _MOST_CHANNELS:
            return len(mean)
    return CHANNELS


def pipeline_of(config: Mapping[str, Any], kind: str) -> Sequence[Any]:
    """The transforms of the data loader for ``test``, ``val`` or ``train``, below the data sets that wrap others."""
    part: Any = config.get(f"{kind}_dataloader")
    while isinstance(part, Mapping):
        if isinstance(part.get("pipeline"), (list, tuple)):
            pipeline: Sequence[Any] = part["pipeline"]
            return pipeline
        part = part.get("dataset")
    return config.get(f"{kind}_pipeline") or ()


def _transforms(pipeline: Any) -> Iterator[Mapping[str, Any]]:
    """The transforms in order, with those inside of wrappers; of several views, the first one's."""
    for transform in pipeline if isinstance(pipeline, (list, tuple)) else ():
        if not isinstance(transform, Mapping):
            continue
        yield transform
        if class_name(transform) in _WRAPPERS:
            views = transform.get("transforms") or ()
            nested = views[0] if views and isinstance(views[0], (list, tuple)) else views
            yield from _transforms(nested)


def _backbone(config: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    model = config.get("model")
    if not isinstance(model, Mapping):
        return None
    found: List[Mapping[str, Any]] = [model[key] for key in _BACKBONES if isinstance(model.get(key), Mapping)]
    return found[0] if found else model


def _model_size(config: Mapping[str, Any]) -> Optional[Size]:
    backbone = _backbone(config)
    return _size(backbone.get("img_size"), height_first=True) if backbone else None


def class_name(part: Mapping[str, Any]) -> str:
    """The name of a part's class, which may be given by name, with its library's scope before it, or itself."""
    kind = part.get("type")
    return str(getattr(kind, "__name__", kind)).rpartition(".")[2]


def _size(value: Any, *, height_first: bool) -> Optional[Size]:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = (value, value)
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        return None
    height, width = (int(value[0]), int(value[1])) if height_first else (int(value[1]), int(value[0]))
    return (height, width) if min(height, width) > 1 and max(height, width) <= LARGEST_SIDE else None
