"""mmdet's trackers of objects in videos, on one frame: the detector, and the network that tells its objects apart.

A tracker's own work (Kalman filter, matching) is no network. What it runs of one is done here: ``track_head`` on as many
boxes as the detector leaves at most; re-identification on the crop of one object, for how many there are hangs on the video.
Source: mmdet 3.3.0, ``mmdet/models/mot``, ``mmdet/models/vis``, ``mmdet/models/trackers``.
"""

from __future__ import annotations

from typing import Any, List, Tuple

import torch
from torch import nn

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import TraceInputs, make_inputs
from model_complexity.worker.codebases.support.detectors import PREDICT, conditions_of, sample_of
from model_complexity.worker.codebases.support.post_processing import (
    Outputs,
    boxes_of,
    class_names,
    max_instances,
    replace_post_processing,
)

_CROP = (256, 128)


def is_tracker(model: nn.Module) -> bool:
    """Whether the model is one of mmdet's trackers."""
    return "BaseMOTModel" in class_names(model)


def feed_tracker(model: nn.Module, asked: InputSpec, device: str) -> TraceInputs:
    """Makes ``model(image)`` run the networks of a tracker on one frame; see ``make_inputs``."""
    outputs = Outputs()
    replace_post_processing(model, outputs)
    detector = getattr(model, "detector", None)
    features: List[Any] = []
    if detector is not None:
        _keep_features(detector, features)

    def run(image: torch.Tensor) -> Tuple[torch.Tensor, ...]:
        features.clear()
        with outputs.of_layers():
            if detector is None:
                model.track_head(model.backbone(image), [sample_of(image, model)])
            else:
                detector(image, [sample_of(image, detector)], mode=PREDICT)
                _track(model, features, image)
        return outputs.take()

    model.forward = run
    conditions = ["1 frame", *conditions_of(model if detector is None else detector)]
    if getattr(model, "reid", None) is not None:
        conditions.insert(1, "re-identification of 1 object")
    return make_inputs(model, "forward", asked, device)._replace(conditions=tuple(conditions))


def _keep_features(detector: nn.Module, features: List[Any]) -> None:
    extract = detector.extract_feat

    def extract_and_keep(image: torch.Tensor) -> Any:
        features.append(extract(image))
        return features[-1]

    detector.extract_feat = extract_and_keep


def _track(model: nn.Module, features: List[Any], image: torch.Tensor) -> None:
    """Computes what a tracker does of the objects of a frame."""
    if getattr(model, "reid", None) is not None:
        tracker = getattr(model, "tracker", None)
        size = (getattr(tracker, "reid", None) or {}).get("img_scale") or _CROP
        model.reid(image.new_ones((1, image.shape[1], *size)), mode="tensor")
    head = getattr(model, "track_head", None)
    if head is None:
        return
    boxes = boxes_of(max_instances(model.detector.roi_head), image).bboxes
    if "QuasiDenseTrackHead" in class_names(head):
        head.predict(features[0], [boxes])
    else:
        found, _ = head.extract_roi_feats(features[0], [boxes])
        head.predict(found, found)  # against as many of the frames before
