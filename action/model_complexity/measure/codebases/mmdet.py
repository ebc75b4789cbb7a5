"""mmdet: ``predict`` without post-processing, at the size that the test pipeline makes of an image, padded as its batches are."""

from __future__ import annotations

from typing import Any, Mapping

from torch import nn

from ..shapes import AUTO, Asked
from ..sizes import own_shape
from .codebase import Codebase, Fed, extract_feat_or_forward, feed
from .detectors import PREDICT, feed_detector, is_detector


def padded(config: Mapping[str, Any], asked: Asked) -> Asked:
    """What was asked for; for ``auto`` the config's own size, each side up to a multiple of ``pad_size_divisor``.

    A ``Resize`` to (1333, 800) with ``keep_ratio`` gives an image that fits into it; taken is the largest, 800 x 1333, which
    is padded to 800 x 1344. Published figures of mmdet are often at 800 x 1280, the default of its tools before 3.0.
    """
    if asked != AUTO:
        return asked
    channels, *sides = own_shape(config)
    model = config.get("model")
    preprocessor = (model.get("data_preprocessor") if isinstance(model, Mapping) else None) or {}
    divisor = preprocessor.get("pad_size_divisor", 1)
    return (channels, *(-(-side // divisor) * divisor for side in sides))


def method(model: nn.Module) -> str:
    """``predict`` of a detector; a backbone alone has what any module has."""
    return PREDICT if is_detector(model) else extract_feat_or_forward(model)


def feed_image(model: nn.Module, name: str, asked: Asked, device: str) -> Fed:
    """An image with its data sample for a detector; see ``feed``."""
    return feed_detector(model, asked, device) if name == PREDICT else feed(model, name, asked, device)


CODEBASE = Codebase("mmdet", ("mmdet",), method=method, resolve=padded, feed=feed_image)
