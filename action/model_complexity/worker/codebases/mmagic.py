"""mmagic: ``forward_tensor`` of image editors, which is their generator. GANs and diffusion models need named inputs.

``auto`` is a patch of the train pipeline, before it is upscaled: test images have any size.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from torch import nn

from model_complexity.common.shapes import AUTO, CHANNELS, InputSpec
from model_complexity.worker.codebases.base import Codebase, ModelInputs, UnsupportedInputError, make_inputs
from model_complexity.worker.codebases.support.post_processing import class_names
from model_complexity.worker.config_reader import class_name, pipeline_of, section, transforms_of

FORWARD = "forward_tensor"
_CROPS = ("PairedRandomCrop", "FixedCrop", "Crop", "CropAroundCenter")


def choose_entry_point(model: nn.Module) -> str:
    """Return ``forward_tensor`` of an editor, else ``forward``."""
    return FORWARD if "BaseEditModel" in class_names(model) else "forward"


def resolve(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return the train pipeline's patch for ``auto``, divided by the model's scale, if the pipeline crops one."""
    patch = _patch(config) if requested == AUTO else None
    return requested if patch is None else (CHANNELS, patch, patch)


def _patch(config: Mapping[str, Any]) -> Optional[int]:
    size, scale = None, 1
    for transform in transforms_of(pipeline_of(config, "train")):
        if class_name(transform) == "SetValues":
            scale = section(transform, "dictionary").get("scale", scale)
        elif class_name(transform) in _CROPS:
            value = transform.get("gt_patch_size", transform.get("crop_size"))
            size = value[0] if isinstance(value, (list, tuple)) else value
    return size // scale if isinstance(size, int) and isinstance(scale, int) and size >= scale > 0 else None


def make_patch_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make an editor's image, or named inputs for other models."""
    if requested == AUTO or (entry_point != FORWARD and not isinstance(requested, str)):
        raise UnsupportedInputError(
            "The model's input is not one image of a known size. Name its inputs with all dimensions, "
            "such as `inputs=7x3x64x64` for 7 frames."
        )
    return make_inputs(model, entry_point, requested, device)


CODEBASE = Codebase(
    "mmagic",
    ("mmagic",),
    entry_point=choose_entry_point,
    resolve=resolve,
    make_inputs=make_patch_inputs,
    optional_imports=("lpips", "resize_right", "open_clip", "pandas"),
)
