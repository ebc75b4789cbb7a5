"""mmdet: ``predict`` without post-processing, at the size of the test pipeline's images, padded like its batches."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any, Iterator, Mapping, Tuple

from mmengine.config import Config
from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec
from model_complexity.worker.codebases.base import Codebase, ModelInputs, extract_feat_or_forward, make_inputs
from model_complexity.worker.codebases.support.detectors import PREDICT, is_detector, make_detector_inputs
from model_complexity.worker.codebases.support.post_processing import class_names
from model_complexity.worker.codebases.support.text_prompts import stub_text_encoder
from model_complexity.worker.codebases.support.trackers import is_tracker, make_tracker_inputs
from model_complexity.worker.config_sizes import Transforms, pipeline_shape
from model_complexity.worker.patch import patch_attribute


def resolve_padded(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return the config's size for ``auto``, each side padded to a multiple of ``pad_size_divisor``.

    A ``Resize`` to (1333, 800) with ``keep_ratio`` makes an image that fits into it. We use the largest, 800 x 1333, which is
    padded to 800 x 1344. Published metrics of mmdet are often at 800 x 1280, the default of its tools before 3.0.
    """
    if requested != AUTO:
        return requested
    channels, *sides = pipeline_shape(config)
    divisor, part = 1, config.get("model")
    while isinstance(part, Mapping):
        divisor = part.get("pad_size_divisor", divisor)
        part = part.get("data_preprocessor")  # semi-supervised models nest another one in theirs
    return (channels, *(-(-side // divisor) * divisor for side in sides))


def choose_entry_point(model: nn.Module) -> str:
    """Return ``predict`` of a detector or a tracker, ``forward`` for re-identification, the default for a backbone alone."""
    if is_detector(model) or is_tracker(model):
        return PREDICT
    return "forward" if "BaseReID" in class_names(model) else extract_feat_or_forward(model)


def make_image_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make an image with its data sample; see ``make_inputs``."""
    if entry_point != PREDICT:
        return make_inputs(model, entry_point, requested, device)
    if is_tracker(model):
        return make_tracker_inputs(model, requested, device)
    return make_detector_inputs(model, requested, device)


@contextlib.contextmanager
def stub_optional_dependencies() -> Iterator[None]:
    """Build a model without the packages that only training or post-processing needs: see ``_EXTRAS``.

    Raises:
        ModuleNotFoundError: a package is missing that mmdet reports with another error.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(stub_text_encoder())
        for name, attribute, value in _EXTRAS:
            module = sys.modules.get(name)
            if module is not None and not getattr(module, attribute, True):
                stack.enter_context(patch_attribute(module, attribute, value))
        for name in _LOAD:
            if name in sys.modules:
                stack.enter_context(patch_attribute(sys.modules[name], "load_checkpoint", lambda *_, **__: None))
        if _DISTILL in sys.modules:  # like all of these, missing in some versions and if another library is measured
            stack.enter_context(patch_attribute(sys.modules[_DISTILL], "Config", _TeacherConfig))
        try:
            yield
        except RuntimeError as error:
            missing = _MISSING.search(str(error))
            if missing is None:
                raise
            raise ModuleNotFoundError(f"No module named {missing[1]!r}", name=missing[1]) from error


class _TeacherConfig:
    """Replaces mmengine's ``Config`` where a student reads its teacher's."""

    @staticmethod
    def fromfile(name: Any) -> Config:
        """Read a config of the repository, else one that mmdet ships."""
        shipped = Path(sys.modules["mmdet"].__file__ or "").parent / ".mim" / name
        return Config.fromfile(str(shipped if shipped.is_file() and not Path(name).is_file() else name))


_DISTILL = "mmdet.models.detectors.kd_one_stage"
_LOAD = (_DISTILL, "mmdet.models.detectors.lad", "mmdet.models.task_modules.tracking.aflink")
"""Modules that load weights while they build something."""
_LAYERS = ("deformable_detr_layers", "detr_layers", "grounding_dino_layers")
_EXTRAS: Tuple[Tuple[str, str, Any], ...] = (
    # fairscale saves memory in training. The others measure colours in training, and match and smooth tracks.
    *((f"mmdet.models.layers.transformer.{name}", "checkpoint_wrapper", lambda layer: layer) for name in _LAYERS),
    ("mmdet.models.data_preprocessors.data_preprocessor", "skimage", "stub"),
    ("mmdet.models.task_modules.tracking.interpolation", "HAS_SKIKIT_LEARN", "stub"),
    ("mmdet.models.trackers.byte_tracker", "lap", "stub"),
    ("mmdet.models.trackers.ocsort_tracker", "lap", "stub"),
    ("mmdet.models.trackers.sort_tracker", "motmetrics", "stub"),
    ("mmdet.models.trackers.strongsort_tracker", "motmetrics", "stub"),
)
"""Module of mmdet, its attribute that is a package or tells whether there is one, value if there is none."""
_MISSING = re.compile(r"(?:mim|pip) install (mmpretrain|[a-z][\w-]*(?<!openmim))\b")
"""mmdet's RuntimeError for an optional package that a model needs."""


CODEBASE = Codebase(
    "mmdet",
    ("mmdet",),
    entry_point=choose_entry_point,
    resolve=resolve_padded,
    make_inputs=make_image_inputs,
    build_context=stub_optional_dependencies,
    transforms=Transforms(
        resizes=("FixScaleResize",), fixed_resizes=("FixShapeResize",), wrappers=("ProposalBroadcaster",)
    ),
    asserted_names=(("MMDetection", "mmdet"),),
    install="""
        pip install --no-deps torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 requests transformers==4.36.2
    """,
    probe_configs=(
        "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
        "convnext/mask-rcnn_convnext-t-p4-w7_fpn_amp-ms-crop-3x_coco.py",
        "glip/glip_atss_swin-t_a_fpn_dyhead_16xb2_ms-2x_funtune_coco.py",
    ),
)
