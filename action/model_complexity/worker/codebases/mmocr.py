"""mmocr: ``_forward``, head and decoder included, without the search for outlines and texts in their output.

An autoregressive decoder runs for the largest number of steps, its ``max_seq_len``.
"""

from __future__ import annotations

import importlib
import math
from typing import Any, List, Mapping, Optional

import torch
from torch import nn

from model_complexity.common.shapes import AUTO, CHANNELS, InputSpec
from model_complexity.worker.codebases.base import (
    WITHOUT_POST_PROCESSING,
    Codebase,
    ModelInputs,
    UnsupportedInputError,
    make_inputs,
)
from model_complexity.worker.codebases.support.detectors import PREDICT, make_detector_inputs
from model_complexity.worker.codebases.support.metainfo import full_image_metainfo
from model_complexity.worker.config_reader import Size, data_preprocessor, transforms_of
from model_complexity.worker.config_sizes import pipeline_shape

FORWARD = "_forward"


def choose_entry_point(model: nn.Module) -> str:
    """Return ``_forward``, or ``predict`` of a detector of mmdet that mmocr wraps."""
    return PREDICT if hasattr(model, "wrapped_model") else FORWARD


def resolve(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return a padded line of text or a resized image for ``auto``, each side a multiple of the padding."""
    if requested != AUTO:
        return requested
    size = _line_size(config) or pipeline_shape(config)[-2:]
    divisor = data_preprocessor(config).get("pad_size_divisor") or 1
    return (_channels(config), *(math.ceil(side / divisor) * divisor for side in size))


def _channels(config: Mapping[str, Any]) -> int:
    """Return 1 for grayscale, else 3: the mean does not tell, as one may be used for all channels."""
    transforms = transforms_of(config.get("test_pipeline"))
    color_type = next((transform["color_type"] for transform in transforms if "color_type" in transform), "color")
    return 1 if color_type.startswith("grayscale") else CHANNELS


def _line_size(config: Mapping[str, Any]) -> Optional[Size]:
    """Return the size of a line of text, None if its width is not set."""
    height = width = 0
    for transform in transforms_of(config.get("test_pipeline")):
        if transform.get("type") == "RescaleToHeight":
            height, width = transform.get("height", 0), transform.get("max_width") or 0
        elif transform.get("type") == "PadToWidth":
            width = transform.get("width", width)
    return (height, width) if height and width else None


def make_text_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make an image that is all text, with its data sample; see ``make_inputs``."""
    wrapped = getattr(model, "wrapped_model", None)
    if wrapped is not None:
        return _make_wrapped_inputs(model, wrapped, requested, device)
    if isinstance(requested, str):
        return make_inputs(model, entry_point, requested, device)
    if hasattr(model, "kie_head"):
        raise UnsupportedInputError(
            "The model takes boxes and texts of another model, whose number depends on the image."
        )
    method, sample = getattr(model, entry_point), _data_sample((requested[-2], requested[-1]))
    setattr(model, entry_point, lambda inputs: method(inputs, [sample]))
    inputs = make_inputs(model, entry_point, requested, device)
    return inputs._replace(conditions=tuple(_conditions(model)))


def _make_wrapped_inputs(model: nn.Module, wrapped: nn.Module, requested: InputSpec, device: str) -> ModelInputs:
    inputs = make_detector_inputs(wrapped, requested, device)

    def run(image: torch.Tensor) -> Any:
        return wrapped(image)

    model.forward = run
    return inputs


def _data_sample(size: Size) -> Any:
    structures = importlib.import_module("mmocr.structures")
    return structures.TextRecogDataSample(metainfo={**full_image_metainfo(size), "valid_ratio": 1.0})


def _conditions(model: nn.Module) -> List[str]:
    decoder = getattr(model, "decoder", None)
    steps = None if type(decoder).__name__ in _PARALLEL_DECODERS else getattr(decoder, "max_seq_len", None)
    return [*([f"{steps:,} characters"] if steps else []), WITHOUT_POST_PROCESSING]


_PARALLEL_DECODERS = ("CRNNDecoder", "SVTRDecoder", "ABIFuser", "ABIVisionDecoder")
"""Decoders that predict all characters in one step."""


CODEBASE = Codebase(
    "mmocr",
    ("mmocr",),
    entry_point=choose_entry_point,
    resolve=resolve,
    make_inputs=make_text_inputs,
    optional_imports=("skimage", "lmdb", "imgaug"),
    install="""
        pip install --no-deps mmocr==1.0.1 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 pyclipper rapidfuzz requests
    """,
    probe_configs=("textrecog/sar/sar_resnet31_parallel-decoder_5e_st-sub_mj-sub_sa_real.py",),
)
