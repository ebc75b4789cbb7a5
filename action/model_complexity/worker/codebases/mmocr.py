"""mmocr: ``_forward``, head and decoder and all; the search for outlines and texts in what they return is left out.

A decoder that reads letter by letter goes on for as many steps as it may: its ``max_seq_len``.
"""

from __future__ import annotations

import importlib
import math
from typing import Any, Iterator, List, Mapping, Optional, Tuple

import torch
from torch import nn

from model_complexity.common.shapes import AUTO, CHANNELS, InputSpec
from model_complexity.worker.codebases.base import (
    WITHOUT_POST_PROCESSING,
    Codebase,
    TraceInputs,
    UnsupportedInputError,
    make_inputs,
)
from model_complexity.worker.codebases.support.detectors import PREDICT, feed_detector
from model_complexity.worker.config_sizes import pipeline_shape

FORWARD = "_forward"


def forward(model: nn.Module) -> str:
    """``_forward``; of one of mmdet's detectors that mmocr wraps, ``predict``."""
    return PREDICT if hasattr(model, "wrapped_model") else FORWARD


def resolve(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """For ``auto`` a line of text as the pipeline pads it, or an image as it resizes it, to a multiple of the padding."""
    if asked != AUTO:
        return asked
    size = _line(config) or pipeline_shape(config)[-2:]
    divisor = _preprocessor(config).get("pad_size_divisor") or 1
    return (_channels(config), *(math.ceil(side / divisor) * divisor for side in size))


def _channels(config: Mapping[str, Any]) -> int:
    """Images are read in colour if nothing else is said; one mean may stand for all channels."""
    reads = [
        transform["color_type"] for transform in _transforms(config.get("test_pipeline")) if "color_type" in transform
    ]
    return 1 if reads and reads[0].startswith("grayscale") else CHANNELS


def _preprocessor(config: Mapping[str, Any]) -> Mapping[str, Any]:
    model = config.get("model")
    found = model.get("data_preprocessor") if isinstance(model, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _line(config: Mapping[str, Any]) -> Optional[Tuple[int, int]]:
    """Height and width of a line of text, where the width that it is padded to is said."""
    height = width = 0
    for transform in _transforms(config.get("test_pipeline")):
        if transform.get("type") == "RescaleToHeight":
            height, width = transform.get("height", 0), transform.get("max_width") or 0
        elif transform.get("type") == "PadToWidth":
            width = transform.get("width", width)
    return (height, width) if height and width else None


def _transforms(pipeline: Any) -> Iterator[Mapping[str, Any]]:
    yield from (transform for transform in pipeline or () if isinstance(transform, Mapping))


def feed_sample(model: nn.Module, entry_point: str, asked: InputSpec, device: str) -> TraceInputs:
    """Like ``make_inputs``, with a data sample that says that the whole image is text."""
    inner = getattr(model, "wrapped_model", None)
    if inner is not None:
        return _feed_inner(model, inner, asked, device)
    if isinstance(asked, str):
        return make_inputs(model, entry_point, asked, device)
    if hasattr(model, "kie_head"):
        raise UnsupportedInputError(
            "the model reads boxes and texts that were found before, and how many hangs on the image"
        )
    called, sample = getattr(model, entry_point), _sample(asked[-2], asked[-1])
    setattr(model, entry_point, lambda inputs: called(inputs, [sample]))
    fed = make_inputs(model, entry_point, asked, device)
    return fed._replace(conditions=tuple(_conditions(model)))


def _feed_inner(model: nn.Module, inner: nn.Module, asked: InputSpec, device: str) -> TraceInputs:
    fed = feed_detector(inner, asked, device)

    def run(image: torch.Tensor) -> Any:
        return inner(image)

    model.forward = run
    return fed


def _sample(height: int, width: int) -> Any:
    structures = importlib.import_module("mmocr.structures")
    size = (height, width)
    known = {"img_shape": size, "ori_shape": size, "pad_shape": size, "batch_input_shape": size}
    return structures.TextRecogDataSample(metainfo={**known, "valid_ratio": 1.0, "scale_factor": (1.0, 1.0)})


def _conditions(model: nn.Module) -> List[str]:
    decoder = getattr(model, "decoder", None)
    steps = None if type(decoder).__name__ in _AT_ONCE else getattr(decoder, "max_seq_len", None)
    return [*([f"{steps:,} characters"] if steps else []), WITHOUT_POST_PROCESSING]


_AT_ONCE = ("CRNNDecoder", "SVTRDecoder", "ABIFuser", "ABIVisionDecoder")
"""Decoders that read all letters in one step."""


CODEBASE = Codebase(
    "mmocr",
    ("mmocr",),
    entry_point=forward,
    resolve=resolve,
    make_inputs=feed_sample,
    optional_imports=("skimage", "lmdb", "imgaug"),
    install="""
        pip install --no-deps mmocr==1.0.1 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 pyclipper rapidfuzz requests
    """,
    probe_configs=("textrecog/sar/sar_resnet31_parallel-decoder_5e_st-sub_mj-sub_sa_real.py",),
)
