"""mmseg's segmentors and depth estimators, run through their decode heads by ``encode_decode``, as they are tested.

Left out is ``predict_by_feat``, where heads resize their logits to the image (and SAN merges its masks into classes). Auxiliary
heads, which only training uses, do not run; their params are part of the model. That is what mmseg's own ``get_flops.py``
counts, which traces ``_forward``, except that it removes auxiliary heads first. But that lacks what some models compute in a
test (PointRend's subdivision, SAN's texts), and cannot call the heads of MaskFormer and Mask2Former. Those merge their masks at
the size of the image in ``predict`` itself, as their logits; the published metrics of Mask2Former include it.

Source: mmseg 1.2.2, ``tools/analysis_tools/get_flops.py``, ``mmseg/models/segmentors``, ``mmseg/models/decode_heads``.
"""

from __future__ import annotations

from typing import Any, Iterator, List

import torch
from torch import nn

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import WITHOUT_POST_PROCESSING, ModelInputs, make_inputs
from model_complexity.worker.codebases.support.metainfo import full_image_metainfo, image_size
from model_complexity.worker.config_reader import section

ENCODE_DECODE = "encode_decode"
_MASK_CLASSIFICATION = ("mmseg.models.decode_heads.mask2former_head", "mmseg.models.decode_heads.maskformer_head")
"""Modules whose ``predict`` merges the masks of queries into the logits of classes."""


def is_segmentor(model: nn.Module) -> bool:
    """Return whether the model has the interface of mmseg's segmentors."""
    return callable(getattr(model, ENCODE_DECODE, None))


def make_segmentor_inputs(model: nn.Module, requested: InputSpec, device: str) -> ModelInputs:
    """Make an image, and ``model(image)`` run ``encode_decode`` without post-processing."""
    conditions = tuple(_conditions(model))
    encode_decode = model.encode_decode

    def encode_decode_image(inputs: torch.Tensor) -> Any:
        return encode_decode(inputs, [{**full_image_metainfo(image_size(inputs)), "padding_size": [0, 0, 0, 0]}])

    model.encode_decode = encode_decode_image
    return make_inputs(model, ENCODE_DECODE, requested, device)._replace(conditions=conditions)


def _conditions(model: nn.Module) -> Iterator[str]:
    """Leave out what is not part of an image's cost, and yield what that is."""
    mode = str(section(getattr(model, "test_cfg", None)).get("mode"))
    if mode.startswith("slide"):
        yield "one sliding window, not flipped" if mode == "slide_flip" else "one sliding window"
    texts = _skip_cached_texts(getattr(model, "text_encoder", None))
    if texts:
        yield f"{texts:,} class names encoded beforehand"
    if getattr(model, "auxiliary_head", None) is not None:
        yield "without running auxiliary heads"
    yield from dict.fromkeys(condition for head in _heads(model) for condition in _skip_post_processing(head))


def _heads(model: nn.Module) -> List[nn.Module]:
    head = getattr(model, "decode_head", None)
    return list(head) if isinstance(head, nn.ModuleList) else [head] if isinstance(head, nn.Module) else []


def _skip_post_processing(head: nn.Module) -> Iterator[str]:
    if getattr(getattr(type(head), "predict", None), "__module__", "") in _MASK_CLASSIFICATION:
        yield "masks merged at the image's size"
    elif callable(getattr(head, "predict_by_feat", None)):
        head.predict_by_feat = _identity
        yield WITHOUT_POST_PROCESSING


def _identity(outputs: Any, *_: Any, **__: Any) -> Any:
    return outputs


def _skip_cached_texts(encoder: Any) -> int:
    """Fill the cache of a text encoder that encodes the class names for the first image only (``cache_feature``).

    Returns:
        The number of classes, which the encoder knows without a file of the data set; 0 if there is no cache.
    """
    if not getattr(encoder, "cache_feature", False) or not callable(getattr(encoder, "template_encode", None)):
        return 0
    template_encode = encoder.template_encode
    classes: List[str] = []

    def encode_zeros(names: Any) -> torch.Tensor:
        classes.extend(names)
        width = encoder.text_projection.shape[1]
        return torch.zeros((len(names), width), device=encoder.text_projection.device)

    encoder.template_encode = encode_zeros
    try:
        encoder()
    finally:
        encoder.template_encode = template_encode
    return len(classes)
