"""mmdet's detectors, traced through their heads by ``predict`` without what is no network (see ``post_processing``).

mmdet's own ``get_flops.py`` traces ``_forward``. For most detectors that is the same network; but it gives Cascade Mask R-CNN
1,000 masks to make and not the 100 that its results may have, runs the losses of Sparse R-CNN and CondInst, and is missing
from others. Source: mmdet 3.3.0, ``mmdet/models/detectors``, ``mmdet/models/roi_heads``.
"""

from __future__ import annotations

from typing import Any, Iterator, Tuple

import torch
from torch import nn

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import WITHOUT_POST_PROCESSING, TraceInputs, make_inputs
from model_complexity.worker.codebases.support.post_processing import (
    Outputs,
    boxes_of,
    class_names,
    disable_nms,
    max_instances,
    replace_post_processing,
)
from model_complexity.worker.codebases.support.text_prompts import CLASS, prompt

PREDICT = "predict"
PROPOSALS = 1_000
"""Of Fast R-CNN, which reads them from a file: as many as the region proposal networks leave that wrote those."""
_MAKE_MASKS = {"RTMDetInsHead", "SOLOV2Head", "CondInstMaskHead", "YOLACTProtonet"}
"""Heads whose work grows with the number of instances."""


def is_detector(model: nn.Module) -> bool:
    """Whether the model is one of mmdet's detectors, or of a library that builds on them."""
    return "BaseDetector" in class_names(model)


def feed_detector(model: nn.Module, asked: InputSpec, device: str) -> TraceInputs:
    """Makes ``model(image)`` run ``predict`` without post-processing; see ``make_inputs``."""
    outputs = Outputs()
    replace_post_processing(model, outputs)
    forward = type(model).forward
    prompted = prompt(model)

    def run(image: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        with outputs.of_layers(), disable_nms(outputs):
            outputs.add(forward(model, image, [sample_of(image, model)], mode=PREDICT))
        return outputs.take()

    model.forward = run
    return make_inputs(model, "forward", asked, device)._replace(conditions=(*prompted, *conditions_of(model)))


def sample_of(image: torch.Tensor, detector: nn.Module) -> Any:
    """The data sample of an image that fills its batch: nothing is padded, nothing was rescaled."""
    from mmdet.structures import DetDataSample

    size = (int(image.shape[-2]), int(image.shape[-1]))
    shapes = dict.fromkeys(("img_shape", "pad_shape", "batch_input_shape", "ori_shape"), size)
    sample = DetDataSample(metainfo={**shapes, "scale_factor": (1.0, 1.0), "img_id": 0, "img_path": "", "flip": False})
    if not getattr(detector, "with_rpn", True):
        sample.proposals = boxes_of(PROPOSALS, image)
    sample.text = CLASS
    return sample


def conditions_of(detector: nn.Module) -> Iterator[str]:
    """What the figures hold for and leave out."""
    if "SemiBaseDetector" in class_names(detector):
        predicts = detector.semi_test_cfg.get("predict_on", "teacher")
        yield f"the {predicts} alone"
        detector = getattr(detector, predicts)
    roi_head, rpn_head = getattr(detector, "roi_head", None), getattr(detector, "rpn_head", None)
    if roi_head is not None:
        own = PROPOSALS if rpn_head is None else getattr(rpn_head, "num_proposals", max_instances(rpn_head))
        yield f"{own:,} proposals"
        if getattr(roi_head, "with_mask", False):
            yield f"{max_instances(roi_head):,} masks"
    masks = [module for module in detector.modules() if _MAKE_MASKS & set(class_names(module))]
    if masks:
        yield f"{max_instances(masks[0]):,} masks"
    if any(type(module).__name__ == "MaskedConv2d" for module in detector.modules()):
        yield "masked convolutions at all places"
    yield WITHOUT_POST_PROCESSING
