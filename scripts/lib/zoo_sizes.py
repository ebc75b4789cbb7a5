"""The sizes at which the authors of a config may have counted it: its own pipelines, the size its model is built for, 224."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Size = tuple[int, int]
"""Height and width."""
DEFAULT: Size = (224, 224)

_CROPS = {"CenterCrop", "EfficientNetCenterCrop", "RandomCrop", "RandomResizedCrop", "EfficientNetRandomCrop"}
_RESIZES = {"Resize", "ResizeEdge"}
_WRAPPERS = {"MultiView", "ApplyToList", "RandomChoice"}


def candidate_sizes(config: Mapping[str, Any]) -> tuple[Size, ...]:
    """The sizes to try for a config, most likely first, without repetition.

    Args:
        config: the resolved config as plain dictionaries.

    Returns:
        The size that its test pipeline ends with (of the train pipeline where there is none, as in pretraining), the size
        that its model is built for, the train pipeline's and 224, as far as the config says them.
    """
    test = pipeline_size(_pipeline(config, "test") or _pipeline(config, "val"))
    train = pipeline_size(_pipeline(config, "train"))
    found = [size for size in (test, _model_size(config), train) if size]
    if not test and train:
        found.insert(0, train)
    return tuple(dict.fromkeys([*found, DEFAULT]))


def pipeline_size(pipeline: Sequence[Any]) -> Size | None:
    """Height and width of what a pipeline of transforms makes, or None where it does not say.

    A crop decides over the resizing before it; a resize of the shorter edge alone is taken for a square.
    """
    size = None
    for transform in _transforms(pipeline):
        name = _name(transform)
        if name in _CROPS:
            size = _size(transform.get("crop_size", transform.get("scale")), height_first=True) or size
        elif name in _RESIZES or "img_scale" in transform:
            # mmcv writes scales width first
            size = _size(transform.get("scale", transform.get("img_scale")), height_first=False) or size
    return size


def _pipeline(config: Mapping[str, Any], kind: str) -> Sequence[Any]:
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
        if _name(transform) in _WRAPPERS:
            views = transform.get("transforms") or ()
            nested = views[0] if views and isinstance(views[0], (list, tuple)) else views
            yield from _transforms(nested)


def _model_size(config: Mapping[str, Any]) -> Size | None:
    part: Any = config.get("model")
    for key in ("backbone", "vision_encoder", "visual"):
        if isinstance(part, Mapping) and isinstance(part.get(key), Mapping):
            part = part[key]
            break
    return _size(part.get("img_size"), height_first=True) if isinstance(part, Mapping) else None


def _name(transform: Mapping[str, Any]) -> str:
    kind = transform.get("type")
    return str(getattr(kind, "__name__", kind)).rpartition(".")[2]


def _size(value: Any, *, height_first: bool) -> Size | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = (value, value)
    if not isinstance(value, (list, tuple)) or len(value) != 2 or not all(isinstance(v, (int, float)) for v in value):
        return None
    height, width = (int(value[0]), int(value[1])) if height_first else (int(value[1]), int(value[0]))
    return (height, width) if min(height, width) > 1 else None
