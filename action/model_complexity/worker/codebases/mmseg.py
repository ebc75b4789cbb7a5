"""mmseg: ``encode_decode`` without post-processing, at the size of the crops that a config trains on."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec
from model_complexity.worker.codebases.base import Codebase, ModelInputs, extract_feat_or_forward, make_inputs
from model_complexity.worker.codebases.support.segmentors import ENCODE_DECODE, is_segmentor, make_segmentor_inputs
from model_complexity.worker.config_reader import Size, data_preprocessor, section, size_of
from model_complexity.worker.config_sizes import pipeline_shape


def resolve_cropped(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return the size of the config's crops for ``auto``, 512 x 1024 for most of Cityscapes.

    Configs are named by it, papers report FLOPs at it, and models are built for it (position bias, masks of PSANet). It is the
    ``crop_size`` of inference by sliding windows, else the ``size`` that the data preprocessor pads to, else the config's
    ``crop_size``, else as for other libraries. A test by whole images does not resize them: request 1024x2048 for the images
    of Cityscapes.
    """
    if requested != AUTO:
        return requested
    channels, *sides = pipeline_shape(config)
    size = next(_crops(config), tuple(sides))
    divisor = section(data_preprocessor(config), "test_cfg").get("size_divisor") or 1
    return (channels, *(-(-side // divisor) * divisor for side in size))


def _crops(config: Mapping[str, Any]) -> Iterator[Size]:
    test_cfg = section(config, "model", "test_cfg")
    slides = str(test_cfg.get("mode")).startswith("slide")
    values = (
        test_cfg.get("crop_size") if slides else None,
        data_preprocessor(config).get("size"),
        config.get("crop_size"),
    )
    yield from (size for value in values for size in [size_of(value, height_first=True)] if size)


def choose_entry_point(model: nn.Module) -> str:
    """Return ``encode_decode`` of a segmentor, the default for a backbone alone."""
    return ENCODE_DECODE if is_segmentor(model) else extract_feat_or_forward(model)


def make_image_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make an image, with its data sample for a segmentor; see ``make_inputs``."""
    if entry_point == ENCODE_DECODE:
        return make_segmentor_inputs(model, requested, device)
    return make_inputs(model, entry_point, requested, device)


CODEBASE = Codebase(
    "mmseg",
    ("mmseg",),
    entry_point=choose_entry_point,
    resolve=resolve_cropped,
    make_inputs=make_image_inputs,
    asserted_names=(("MMSegmentation", "mmseg"),),
    install="""
        pip install --no-deps torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmsegmentation==1.2.2 mmdet==3.3.0 mmpretrain==1.2.0 ftfy regex requests
    """,
    probe_configs=(
        "segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py",
        "mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py",
    ),
)
