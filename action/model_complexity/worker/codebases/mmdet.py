"""mmdet: ``predict`` without post-processing, at the size that the test pipeline makes of an image, padded as its batches are."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import Any, Iterator, Mapping, Tuple

from mmengine.config import Config
from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec
from model_complexity.worker.codebases.base import Codebase, TraceInputs, extract_feat_or_forward, make_inputs
from model_complexity.worker.codebases.support.detectors import PREDICT, feed_detector, is_detector
from model_complexity.worker.codebases.support.post_processing import class_names
from model_complexity.worker.codebases.support.text_prompts import stub_text_encoder
from model_complexity.worker.codebases.support.trackers import feed_tracker, is_tracker
from model_complexity.worker.config_sizes import Transforms, pipeline_shape
from model_complexity.worker.patch import patch_attribute


def padded(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """What was asked for; for ``auto`` the config's own size, each side up to a multiple of ``pad_size_divisor``.

    A ``Resize`` to (1333, 800) with ``keep_ratio`` gives an image that fits into it; taken is the largest, 800 x 1333, which
    is padded to 800 x 1344. Published figures of mmdet are often at 800 x 1280, the default of its tools before 3.0.
    """
    if asked != AUTO:
        return asked
    channels, *sides = pipeline_shape(config)
    divisor, part = 1, config.get("model")
    while isinstance(part, Mapping):
        divisor = part.get("pad_size_divisor", divisor)
        part = part.get("data_preprocessor")  # of semi-supervised models, that has another one in it
    return (channels, *(-(-side // divisor) * divisor for side in sides))


def entry_point(model: nn.Module) -> str:
    """``predict`` of a detector or a tracker, ``forward`` of what re-identifies; a backbone alone has what any module has."""
    if is_detector(model) or is_tracker(model):
        return PREDICT
    return "forward" if "BaseReID" in class_names(model) else extract_feat_or_forward(model)


def feed_image(model: nn.Module, name: str, asked: InputSpec, device: str) -> TraceInputs:
    """An image with its data sample; see ``make_inputs``."""
    if name != PREDICT:
        return make_inputs(model, name, asked, device)
    return feed_tracker(model, asked, device) if is_tracker(model) else feed_detector(model, asked, device)


@contextlib.contextmanager
def stub_optional_dependencies() -> Iterator[None]:
    """Within it, a model is built without what it needs to be trained, or after its network has run: see ``_EXTRAS``.

    Raises:
        ModuleNotFoundError: a package is missing of which mmdet itself says so with another error.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(stub_text_encoder())
        for name, needed, value in _EXTRAS:
            module = sys.modules.get(name)
            if module is not None and not getattr(module, needed, True):
                stack.enter_context(patch_attribute(module, needed, value))
        for name in _LOAD:
            if name in sys.modules:
                stack.enter_context(patch_attribute(sys.modules[name], "load_checkpoint", lambda *_, **__: None))
        if _DISTILL in sys.modules:  # as of all of these, not in every version, and not where the library is another
            stack.enter_context(patch_attribute(sys.modules[_DISTILL], "Config", _Configs))
        try:
            yield
        except RuntimeError as error:
            said = _MISSING.search(str(error))
            if said is None:
                raise
            raise ModuleNotFoundError(f"No module named {said[1]!r}", name=said[1]) from error


class _Configs:
    """In the place of mmengine's ``Config`` where a student reads its teacher's."""

    @staticmethod
    def fromfile(name: Any) -> Config:
        """Reads a config that lies where the worker runs (the repository's root), or that mmdet ships."""
        shipped = Path(sys.modules["mmdet"].__file__ or "").parent / ".mim" / name
        return Config.fromfile(str(shipped if shipped.is_file() and not Path(name).is_file() else name))


_DISTILL = "mmdet.models.detectors.kd_one_stage"
_LOAD = (_DISTILL, "mmdet.models.detectors.lad", "mmdet.models.task_modules.tracking.aflink")
"""Modules that fetch weights while they build something."""
_LAYERS = ("deformable_detr_layers", "detr_layers", "grounding_dino_layers")
_EXTRAS: Tuple[Tuple[str, str, Any], ...] = (
    # fairscale saves memory in training; the others measure colours in training, and match and smooth tracks
    *((f"mmdet.models.layers.transformer.{name}", "checkpoint_wrapper", lambda layer: layer) for name in _LAYERS),
    ("mmdet.models.data_preprocessors.data_preprocessor", "skimage", "unneeded"),
    ("mmdet.models.task_modules.tracking.interpolation", "HAS_SKIKIT_LEARN", "unneeded"),
    ("mmdet.models.trackers.byte_tracker", "lap", "unneeded"),
    ("mmdet.models.trackers.ocsort_tracker", "lap", "unneeded"),
    ("mmdet.models.trackers.sort_tracker", "motmetrics", "unneeded"),
    ("mmdet.models.trackers.strongsort_tracker", "motmetrics", "unneeded"),
)
"""Names of modules of mmdet that hold a package, or whether there is one, and what they hold where there is none."""
_MISSING = re.compile(r"(?:mim|pip) install (mmpretrain|[a-z][\w-]*(?<!openmim))\b")
"""What mmdet says, in a RuntimeError, of a package that it does without until a model wants it."""


CODEBASE = Codebase(
    "mmdet",
    ("mmdet",),
    entry_point=entry_point,
    resolve=padded,
    make_inputs=feed_image,
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
