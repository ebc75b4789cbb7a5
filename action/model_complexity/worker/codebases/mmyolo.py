"""mmyolo: mmdet's detectors with heads of its own; traced as those are (see ``detectors``), in the form that the config builds.

Its own ``get_flops.py`` switches to the deployed form first (RepVGG blocks fused, batch norms not), so the figures of YOLOv6,
YOLOv7 and PPYOLOE in its model zoo are of that one, which ``deploy: true`` gives too. Those of P6 models hold for 640 x 640.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

import torch
from torch import nn

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import Codebase, TraceInputs
from model_complexity.worker.codebases.mmdet import entry_point, feed_image, padded
from model_complexity.worker.codebases.support.detectors import PREDICT
from model_complexity.worker.codebases.support.post_processing import max_instances


def feed_yolo(model: nn.Module, name: str, asked: InputSpec, device: str) -> TraceInputs:
    """An image with its data sample, and masks where the head makes some after it has found its boxes; see ``make_inputs``."""
    fed = feed_image(model, name, asked, device)
    head = getattr(model, "bbox_head", None)
    if name != PREDICT or not isinstance(head, nn.Module):
        return fed
    masks = next((_MASKS[kind.__name__] for kind in type(head).__mro__ if kind.__name__ in _MASKS), None)
    if masks is None:
        return fed
    number, keep = max_instances(head), head.predict_by_feat

    def keep_with_masks(*outputs: Any, **more: Any) -> Any:
        return keep(*outputs, masks(head, number, *outputs), **more)

    head.predict_by_feat = keep_with_masks
    return fed._replace(conditions=(f"{number:,} masks", *fed.conditions))


def _of_rtmdet(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Convolutions with kernels of each instance over the mask features, the fourth output."""
    features = outputs[3]
    kernels = features.new_ones((number, head.head_module.num_gen_params))
    masks: torch.Tensor = head._mask_predict_by_feat(features[0], kernels, kernels[:, :4])
    return masks


def _of_yolov5(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Sums of the prototypes, the fifth output, weighted by each instance's coefficients."""
    prototypes = outputs[4]
    coefficients, boxes = prototypes.new_ones((number, prototypes.shape[1])), prototypes.new_ones((number, 4))
    height, width = prototypes.shape[-2:]
    masks: torch.Tensor = head.process_mask(prototypes[0], coefficients, boxes, (int(height), int(width)), False)
    return masks


_MASKS: Dict[str, Callable[..., torch.Tensor]] = {
    "RTMDetInsSepBNHead": _of_rtmdet,
    "YOLOv5InsHead": _of_yolov5,
}
"""Heads whose post-processing holds a part of the network."""

CODEBASE = Codebase(
    "mmyolo",
    ("mmyolo",),
    entry_point=entry_point,
    resolve=padded,
    make_inputs=feed_yolo,
    install="""
        pip install --no-deps mmpose==1.3.2 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmyolo==0.6.0 mmpretrain==1.2.0 json-tricks munkres requests
    """,
    probe_configs=(
        "yolov8/yolov8_s_syncbn_fast_8xb16-500e_coco.py",
        "yolox/pose/yolox-pose_s_8xb32-300e-rtmdet-hyp_coco.py",
    ),
)
