"""mmagic: what its editors of images do, ``forward_tensor``: the generator. Of GANs and diffusion, name the inputs.

``auto`` is a patch as it is trained on, before it is enlarged: images are tested at whatever size they have.
"""

from __future__ import annotations

from typing import Any, Mapping, Optional

from torch import nn

from model_complexity.common.shapes import AUTO, CHANNELS, InputSpec
from model_complexity.worker.codebases.base import Codebase, TraceInputs, UnsupportedInputError, make_inputs
from model_complexity.worker.codebases.support.post_processing import class_names
from model_complexity.worker.config_reader import class_name, pipeline_of

FORWARD = "forward_tensor"
_CROPS = ("PairedRandomCrop", "FixedCrop", "Crop", "CropAroundCenter")


def entry_point(model: nn.Module) -> str:
    """``forward_tensor`` of an editor, else ``forward``."""
    return FORWARD if "BaseEditModel" in class_names(model) else "forward"


def resolve(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """For ``auto`` the patch that the train pipeline cuts, by what the model enlarges; ``auto`` where it cuts none."""
    patch = _patch(config) if asked == AUTO else None
    return asked if patch is None else (CHANNELS, patch, patch)


def _patch(config: Mapping[str, Any]) -> Optional[int]:
    size, scale = None, 1
    for step in pipeline_of(config, "train"):
        if not isinstance(step, Mapping):
            continue
        if class_name(step) == "SetValues":
            scale = (step.get("dictionary") or {}).get("scale", scale)
        elif class_name(step) in _CROPS:
            given = step.get("gt_patch_size", step.get("crop_size"))
            size = given[0] if isinstance(given, (list, tuple)) else given
    return size // scale if isinstance(size, int) and isinstance(scale, int) and size >= scale > 0 else None


def feed_patch(model: nn.Module, name: str, asked: InputSpec, device: str) -> TraceInputs:
    """Like ``make_inputs``, for editors; of other models, inputs by name."""
    if asked == AUTO or (name != FORWARD and not isinstance(asked, str)):
        raise UnsupportedInputError(
            "no image that the model works on is known; name its inputs with all dimensions, "
            "such as `inputs=7x3x64x64` for 7 frames"
        )
    return make_inputs(model, name, asked, device)


CODEBASE = Codebase(
    "mmagic",
    ("mmagic",),
    entry_point=entry_point,
    resolve=resolve,
    make_inputs=feed_patch,
    optional_imports=("lpips", "resize_right", "open_clip", "pandas"),
)
