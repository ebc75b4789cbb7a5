"""mmseg's segmentors and depth estimators, traced through their decode heads by ``encode_decode``, which is what they test by.

Left out is ``predict_by_feat``, where heads resize their logits to the image (and SAN merges its masks into classes). Auxiliary
heads, which only training uses, do not run; their params are the model's all the same. That is what mmseg's own
``get_flops.py`` counts, which traces ``_forward``, save that it takes auxiliary heads away first; but that lacks what some
models do with an image when they test (PointRend's subdivision, SAN's texts), and the heads of MaskFormer and Mask2Former
cannot be called by it. Those merge their masks at the size of the image in ``predict`` itself, as their logits; the published
figures of Mask2Former are with it.

Source: mmseg 1.2.2, ``tools/analysis_tools/get_flops.py``, ``mmseg/models/segmentors``, ``mmseg/models/decode_heads``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List

import torch
from torch import nn
from torch.utils._pytree import tree_flatten

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import WITHOUT_POST_PROCESSING, TraceInputs, make_inputs
from model_complexity.worker.codebases.support.named_calls import route_through_call

ENCODE_DECODE = "encode_decode"
_OF_QUERIES = ("mmseg.models.decode_heads.mask2former_head", "mmseg.models.decode_heads.maskformer_head")
"""Where ``predict`` merges the masks of queries into the logits of classes."""


def is_segmentor(model: nn.Module) -> bool:
    """Whether the model is one of mmseg's, or is made like those."""
    return callable(getattr(model, ENCODE_DECODE, None))


def feed_segmentor(model: nn.Module, asked: InputSpec, device: str) -> TraceInputs:
    """Makes ``model(image)`` run ``encode_decode`` without post-processing; see ``make_inputs``."""
    conditions = tuple(_conditions(model))
    encode_decode = model.encode_decode
    made: List[Any] = []
    for head in _heads(model):
        head.register_forward_hook(lambda module, given, outputs: made.append(outputs))

    def decode_one(inputs: torch.Tensor) -> List[torch.Tensor]:
        # What a head makes and does not use when it predicts (DANet's) is work all the same; the trace holds what is returned.
        decoded = encode_decode(inputs, [_about(inputs)])
        return [value for value in tree_flatten([decoded, made])[0] if isinstance(value, torch.Tensor)]

    model.encode_decode = decode_one
    return make_inputs(model, ENCODE_DECODE, asked, device)._replace(conditions=conditions)


def _about(image: torch.Tensor) -> Dict[str, Any]:
    """The ``metainfo`` of an image that fills its batch: nothing is padded, nothing was rescaled."""
    size = (int(image.shape[-2]), int(image.shape[-1]))
    shapes = dict.fromkeys(("img_shape", "pad_shape", "batch_input_shape", "ori_shape"), size)
    return {**shapes, "scale_factor": (1.0, 1.0), "padding_size": [0, 0, 0, 0], "img_path": "", "flip": False}


def _conditions(model: nn.Module) -> Iterator[str]:
    """Leaves out what does not belong to an image, and says so."""
    mode = str(_setting(model, "mode"))
    if mode.startswith("slide"):
        yield "one sliding window, not flipped" if mode == "slide_flip" else "one sliding window"
    texts = _texts_beforehand(getattr(model, "text_encoder", None))
    if texts:
        yield f"{texts:,} class names encoded beforehand"
    if getattr(model, "auxiliary_head", None) is not None:
        yield "without running auxiliary heads"
    yield from dict.fromkeys(condition for head in _heads(model) for condition in _without_post_processing(head))


def _setting(model: nn.Module, name: str) -> Any:
    settings = getattr(model, "test_cfg", None)
    return settings.get(name) if isinstance(settings, dict) else None


def _heads(model: nn.Module) -> List[nn.Module]:
    head = getattr(model, "decode_head", None)
    return list(head) if isinstance(head, nn.ModuleList) else [head] if isinstance(head, nn.Module) else []


def _without_post_processing(head: nn.Module) -> Iterator[str]:
    route_through_call(head)
    if getattr(getattr(type(head), "predict", None), "__module__", "") in _OF_QUERIES:
        yield "masks merged at the image's size"
    elif callable(getattr(head, "predict_by_feat", None)):
        head.predict_by_feat = _as_it_is
        yield WITHOUT_POST_PROCESSING


def _as_it_is(outputs: Any, *_: Any, **__: Any) -> Any:
    return outputs


def _texts_beforehand(encoder: Any) -> int:
    """Gives a text encoder that keeps what it made of the classes' names (``cache_feature``) something to keep.

    It encodes them for the first image only. How many classes there are it says itself, without a file of the data set.

    Returns:
        The number of classes; 0 where there is nothing to be kept.
    """
    if not getattr(encoder, "cache_feature", False) or not callable(getattr(encoder, "template_encode", None)):
        return 0
    encode = encoder.template_encode
    told: List[str] = []

    def remember(names: Any) -> torch.Tensor:
        told.extend(names)
        width = encoder.text_projection.shape[1]
        return torch.zeros((len(names), width), device=encoder.text_projection.device)

    encoder.template_encode = remember
    try:
        encoder()
    finally:
        encoder.template_encode = encode
    return len(told)
