"""mmdet's detectors, run through their heads by ``predict`` without post-processing (see ``post_processing``).

mmdet's own ``get_flops.py`` traces ``_forward``. For most detectors that is the same network, but it computes 1,000 masks of
Cascade Mask R-CNN in place of the 100 that its results may have, runs the losses of Sparse R-CNN and CondInst, and is missing
from others. Source: mmdet 3.3.0, ``mmdet/models/detectors``, ``mmdet/models/roi_heads``.
"""

from __future__ import annotations

from typing import Any, Iterator

import torch
from torch import nn

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import WITHOUT_POST_PROCESSING, ModelInputs, make_inputs
from model_complexity.worker.codebases.support.metainfo import full_image_metainfo, image_size
from model_complexity.worker.codebases.support.post_processing import (
    class_names,
    disable_nms,
    equal_boxes,
    max_instances,
    replace_post_processing,
)
from model_complexity.worker.codebases.support.text_prompts import CLASS, fix_text_prompt

PREDICT = "predict"
PROPOSALS = 1_000
"""Fast R-CNN reads its proposals from a file. Region proposal networks keep this many."""
_MAKE_MASKS = {"RTMDetInsHead", "SOLOV2Head", "CondInstMaskHead", "YOLACTProtonet"}
"""Heads whose work grows with the number of instances."""


def is_detector(model: nn.Module) -> bool:
    """Return whether the model is a detector of mmdet, or of a library built on it."""
    return "BaseDetector" in class_names(model)


def make_detector_inputs(model: nn.Module, requested: InputSpec, device: str) -> ModelInputs:
    """Make an image, and ``model(image)`` run ``predict`` without post-processing."""
    replace_post_processing(model)
    forward = type(model).forward
    text_conditions = fix_text_prompt(model)

    def run(image: torch.Tensor) -> Any:
        with disable_nms():
            return forward(model, image, [data_sample(image, model)], mode=PREDICT)

    model.forward = run
    inputs = make_inputs(model, "forward", requested, device)
    return inputs._replace(conditions=(*text_conditions, *detector_conditions(model)))


def data_sample(image: torch.Tensor, detector: nn.Module) -> Any:
    """Return the data sample of an image that fills its batch."""
    from mmdet.structures import DetDataSample

    sample = DetDataSample(metainfo=full_image_metainfo(image_size(image)))
    if not getattr(detector, "with_rpn", True):
        sample.proposals = equal_boxes(PROPOSALS, image)
    sample.text = CLASS
    return sample


def detector_conditions(detector: nn.Module) -> Iterator[str]:
    """Yield what the metrics depend on and leave out."""
    if "SemiBaseDetector" in class_names(detector):
        predicts = detector.semi_test_cfg.get("predict_on", "teacher")
        yield f"the {predicts} alone"
        detector = getattr(detector, predicts)
    roi_head, rpn_head = getattr(detector, "roi_head", None), getattr(detector, "rpn_head", None)
    if roi_head is not None:
        proposals = PROPOSALS if rpn_head is None else getattr(rpn_head, "num_proposals", max_instances(rpn_head))
        yield f"{proposals:,} proposals"
        if getattr(roi_head, "with_mask", False):
            yield f"{max_instances(roi_head):,} masks"
    mask_heads = [module for module in detector.modules() if _MAKE_MASKS & set(class_names(module))]
    if mask_heads:
        yield f"{max_instances(mask_heads[0]):,} masks"
    if any(type(module).__name__ == "MaskedConv2d" for module in detector.modules()):
        yield "masked convolutions at all places"
    yield WITHOUT_POST_PROCESSING
