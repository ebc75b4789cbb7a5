"""mmdet's trackers of objects in videos, on one frame: the detector, and the network that tells its objects apart.

A tracker's own work (Kalman filter, matching) is no network. Its networks run here: ``track_head`` on the largest number of
boxes that the detector keeps; re-identification on the crop of one object, because their number depends on the video.
Source: mmdet 3.3.0, ``mmdet/models/mot``, ``mmdet/models/vis``, ``mmdet/models/trackers``.
"""

from __future__ import annotations

from typing import Any, List

import torch
from torch import nn

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.codebases.base import ModelInputs, make_inputs
from model_complexity.worker.codebases.support.detectors import PREDICT, data_sample, detector_conditions
from model_complexity.worker.codebases.support.post_processing import (
    class_names,
    equal_boxes,
    max_instances,
    replace_post_processing,
)
from model_complexity.worker.config_reader import section

_CROP = (256, 128)


def is_tracker(model: nn.Module) -> bool:
    """Return whether the model is a tracker of mmdet."""
    return "BaseMOTModel" in class_names(model)


def make_tracker_inputs(model: nn.Module, requested: InputSpec, device: str) -> ModelInputs:
    """Make an image, and ``model(image)`` run the networks of a tracker on one frame."""
    replace_post_processing(model)
    detector = getattr(model, "detector", None)
    features: List[Any] = []
    if detector is not None:
        _keep_features(detector, features)

    def run(image: torch.Tensor) -> None:
        features.clear()
        if detector is None:
            model.track_head(model.backbone(image), [data_sample(image, model)])
        else:
            detector(image, [data_sample(image, detector)], mode=PREDICT)
            _track(model, features, image)

    model.forward = run
    conditions = ["1 frame", *detector_conditions(model if detector is None else detector)]
    if getattr(model, "reid", None) is not None:
        conditions.insert(1, "re-identification of 1 object")
    return make_inputs(model, "forward", requested, device)._replace(conditions=tuple(conditions))


def _keep_features(detector: nn.Module, features: List[Any]) -> None:
    extract = detector.extract_feat

    def extract_and_keep(image: torch.Tensor) -> Any:
        features.append(extract(image))
        return features[-1]

    detector.extract_feat = extract_and_keep


def _track(model: nn.Module, features: List[Any], image: torch.Tensor) -> None:
    if getattr(model, "reid", None) is not None:
        size = section(getattr(getattr(model, "tracker", None), "reid", None)).get("img_scale") or _CROP
        model.reid(image.new_ones((1, image.shape[1], *size)), mode="tensor")
    head = getattr(model, "track_head", None)
    if head is None:
        return
    boxes = equal_boxes(max_instances(model.detector.roi_head), image).bboxes
    if "QuasiDenseTrackHead" in class_names(head):
        head.predict(features[0], [boxes])
    else:
        embedded, _ = head.extract_roi_feats(features[0], [boxes])
        head.predict(embedded, embedded)  # against as many of the previous frames
