"""The ``metainfo`` of data samples, which OpenMMLab's heads read."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import torch


def image_size(image: torch.Tensor) -> Tuple[int, int]:
    """Return height and width."""
    return (image.shape[-2], image.shape[-1])


def full_image_metainfo(size: Tuple[int, int]) -> Dict[str, Any]:
    """Return the metainfo of an image that fills its batch: not padded, not rescaled, not flipped."""
    shapes = dict.fromkeys(("img_shape", "pad_shape", "batch_input_shape", "ori_shape"), size)
    return {**shapes, "scale_factor": (1.0, 1.0), "flip": False, "img_id": 0, "img_path": ""}
