"""mmyolo: mmdet's detectors with other heads; run like those (see ``support/detectors``), in the form that the config builds.

Its own ``get_flops.py`` switches to the deployed form first (RepVGG blocks fused, batch norms not), so the metrics of YOLOv6,
YOLOv7 and PPYOLOE in its model zoo are of that form, which ``deploy: true`` reports too. Those of P6 models are at 640 x 640.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

import torch
from torch import nn

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import Codebase, ModelInputs
from model_complexity.worker.codebases.mmdet import choose_entry_point, make_image_inputs, resolve_padded
from model_complexity.worker.codebases.support.detectors import PREDICT
from model_complexity.worker.codebases.support.post_processing import max_instances


def make_yolo_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make an image with its data sample, and a head's post-processing compute its masks; see ``make_inputs``."""
    inputs = make_image_inputs(model, entry_point, requested, device)
    head = getattr(model, "bbox_head", None)
    if entry_point != PREDICT or not isinstance(head, nn.Module):
        return inputs
    masks = next((_MASKS[kind.__name__] for kind in type(head).__mro__ if kind.__name__ in _MASKS), None)
    if masks is None:
        return inputs
    number, predict_by_feat = max_instances(head), head.predict_by_feat

    def predict_with_masks(*outputs: Any, **kwargs: Any) -> Any:
        return predict_by_feat(*outputs, masks(head, number, *outputs), **kwargs)

    head.predict_by_feat = predict_with_masks
    return inputs._replace(conditions=(f"{number:,} masks", *inputs.conditions))


def _rtmdet_masks(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Convolve the mask features, the fourth output, with kernels of each instance."""
    features = outputs[3]
    kernels = features.new_ones((number, head.head_module.num_gen_params))
    masks: torch.Tensor = head._mask_predict_by_feat(features[0], kernels, kernels[:, :4])
    return masks


def _yolov5_masks(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Sum the prototypes, the fifth output, weighted by each instance's coefficients."""
    prototypes = outputs[4]
    coefficients, boxes = prototypes.new_ones((number, prototypes.shape[1])), prototypes.new_ones((number, 4))
    height, width = prototypes.shape[-2:]
    masks: torch.Tensor = head.process_mask(prototypes[0], coefficients, boxes, (int(height), int(width)), False)
    return masks


_MASKS: Dict[str, Callable[..., torch.Tensor]] = {
    "RTMDetInsSepBNHead": _rtmdet_masks,
    "YOLOv5InsHead": _yolov5_masks,
}
"""Heads whose post-processing has a part of the network."""

CODEBASE = Codebase(
    "mmyolo",
    ("mmyolo",),
    entry_point=choose_entry_point,
    resolve=resolve_padded,
    make_inputs=make_yolo_inputs,
    install="""
        pip install --no-deps mmpose==1.3.2 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmyolo==0.6.0 mmpretrain==1.2.0 json-tricks munkres requests
    """,
    probe_configs=(
        "yolov8/yolov8_s_syncbn_fast_8xb16-500e_coco.py",
        "yolox/pose/yolox-pose_s_8xb32-300e-rtmdet-hyp_coco.py",
    ),
)
