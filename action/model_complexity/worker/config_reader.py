"""Read the parts of a resolved mmengine config, whatever their types."""

from __future__ import annotations

from typing import Any, Container, Iterator, Mapping, Optional, Sequence, Tuple

from model_complexity.common.shapes import CHANNELS, LARGEST_SIDE

Size = Tuple[int, int]
"""Height and width."""
MAX_CHANNELS = 64
"""More than any image has: a larger ``in_channels`` is that of features."""
_EMPTY: Mapping[str, Any] = {}


def section(config: Any, *path: str) -> Mapping[str, Any]:
    """Return the mapping at a path of keys, an empty one if there is none."""
    for key in path:
        config = config.get(key) if hasattr(config, "get") else None  # mmengine's Config is no Mapping
    return config if isinstance(config, Mapping) else _EMPTY


def class_name(part: Any) -> str:
    """Return the name of a part's class, which may be given as a class, or by name with its library's scope."""
    kind = section(part).get("type")
    return str(getattr(kind, "__name__", kind)).rpartition(".")[2]


def data_preprocessor(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the data preprocessor of the model, else that of the config."""
    return section(config, "model", "data_preprocessor") or section(config, "data_preprocessor")


def pipeline_of(config: Mapping[str, Any], split: str) -> Sequence[Any]:
    """Return the transforms of a data loader: ``test``, ``val`` or ``train``, also of a data set that others wrap."""
    part: Any = config.get(f"{split}_dataloader")
    while isinstance(part, Mapping):
        if isinstance(part.get("pipeline"), (list, tuple)):
            pipeline: Sequence[Any] = part["pipeline"]
            return pipeline
        part = part.get("dataset")
    return config.get(f"{split}_pipeline") or ()


def transforms_of(pipeline: Any, wrappers: Optional[Container[str]] = ()) -> Iterator[Mapping[str, Any]]:
    """Yield the transforms of a pipeline in order, with those nested in wrappers; of several views, the first one's.

    Args:
        pipeline: anything but a list or a tuple has no transforms.
        wrappers: names of the transforms whose nested ones are yielded; None for all.
    """
    for transform in pipeline if isinstance(pipeline, (list, tuple)) else ():
        if not isinstance(transform, Mapping):
            continue
        yield transform
        if wrappers is None or class_name(transform) in wrappers:
            views = transform.get("transforms") or ()
            nested = views[0] if views and isinstance(views[0], (list, tuple)) else views
            yield from transforms_of(nested, wrappers)


def size_of(value: Any, *, height_first: bool, shorter_edge: bool = False) -> Optional[Size]:
    """Parse a side or a pair of sides; None if it is neither.

    Args:
        value: a number or a pair.
        height_first: whether a pair is (height, width).
        shorter_edge: whether a pair may have one side out of range, (-1, 256): it means a square of the other.
    """
    pair = (value, value) if isinstance(value, (int, float)) else value if isinstance(value, (list, tuple)) else ()
    sides = [int(side) for side in pair if isinstance(side, (int, float)) and 2 <= side <= LARGEST_SIDE]
    if len(pair) != 2 or len(sides) < (1 if shorter_edge else 2):
        return None
    return (sides[0], sides[-1]) if height_first else (sides[-1], sides[0])


def channels_of(part: Mapping[str, Any], default: int = CHANNELS) -> int:
    """Return the channels of the images that a module takes, the default if it takes features."""
    channels = part.get("in_channels", part.get("in_chans"))
    return channels if isinstance(channels, int) and 1 <= channels <= MAX_CHANNELS else default
