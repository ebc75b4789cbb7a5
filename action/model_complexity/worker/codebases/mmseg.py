"""mmseg: ``encode_decode`` without post-processing, at the size of the crops that a config trains on."""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Tuple

from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec
from model_complexity.worker.codebases.base import Codebase, TraceInputs, extract_feat_or_forward, make_inputs
from model_complexity.worker.codebases.support.segmentors import ENCODE_DECODE, feed_segmentor, is_segmentor
from model_complexity.worker.config_sizes import pipeline_shape

_Size = Tuple[int, int]


def cropped(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """What was asked for; for ``auto`` the size of the config's crops, 512 x 1024 for most of Cityscapes.

    By it a config is named, papers give their FLOPs, and models are built (position bias, masks of PSANet). It is the
    ``crop_size`` of inference by sliding windows, else the ``size`` that the data preprocessor pads to, else the config's own
    ``crop_size``, else as for other libraries. A test by whole images takes them as they are, often larger: ask for
    1024x2048 to have Cityscapes' own.
    """
    if asked != AUTO:
        return asked
    channels, *sides = pipeline_shape(config)
    size = next(_crops(config), tuple(sides))
    divisor = _padding(config).get("size_divisor") or 1
    return (channels, *(-(-side // divisor) * divisor for side in size))


def _crops(config: Mapping[str, Any]) -> Iterator[_Size]:
    model, test = _part(config, "model"), _part(_part(config, "model"), "test_cfg")
    slides = str(test.get("mode")).startswith("slide")
    preprocessor = _part(model, "data_preprocessor") or _part(config, "data_preprocessor")
    for given in (test.get("crop_size") if slides else None, preprocessor.get("size"), config.get("crop_size")):
        sides = (given, given) if isinstance(given, int) else given
        if isinstance(sides, (list, tuple)) and len(sides) == 2 and all(isinstance(side, int) for side in sides):
            yield (sides[0], sides[1])


def _padding(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the data preprocessor pads images to when testing."""
    preprocessor = _part(_part(config, "model"), "data_preprocessor") or _part(config, "data_preprocessor")
    return _part(preprocessor, "test_cfg")


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}


def entry_point(model: nn.Module) -> str:
    """``encode_decode`` of a segmentor; a backbone alone has what any module has."""
    return ENCODE_DECODE if is_segmentor(model) else extract_feat_or_forward(model)


def feed_image(model: nn.Module, name: str, asked: InputSpec, device: str) -> TraceInputs:
    """An image, with its data sample for a segmentor; see ``make_inputs``."""
    return feed_segmentor(model, asked, device) if name == ENCODE_DECODE else make_inputs(model, name, asked, device)


CODEBASE = Codebase(
    "mmseg",
    ("mmseg",),
    entry_point=entry_point,
    resolve=cropped,
    make_inputs=feed_image,
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
