"""mmpose: ``_forward`` (backbone, neck and head), as its own ``get_flops.py`` traces; what it leaves out is in the conditions."""

from __future__ import annotations

import inspect
from functools import partial
from math import prod
from typing import Any, Callable, Dict, List, Mapping, Optional

import torch
from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec
from model_complexity.worker.codebases.base import (
    WITHOUT_POST_PROCESSING,
    Codebase,
    TraceInputs,
    UnsupportedInputError,
    extract_feat_or_forward,
    make_inputs,
)
from model_complexity.worker.codebases.support.named_calls import route_through_call
from model_complexity.worker.config_reader import class_name, pipeline_of
from model_complexity.worker.config_sizes import DEFAULT, candidate_sizes, pipeline_shape

FORWARD = "_forward"
POSES = 20
"""Poses of an image for heads that work on each pose by itself and have no number of their own: as many as COCO evaluates."""

INSTANCES = 30
"""CID's own default."""


def forward_of_network(model: nn.Module) -> str:
    """``_forward`` where a model has it."""
    return FORWARD if callable(getattr(model, FORWARD, None)) else extract_feat_or_forward(model)


# What is fed


def resolve(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """For ``auto`` the size of the test pipeline, else that of the codec; keypoints where the model lifts them.

    Raises:
        UnsupportedInputError: an image is asked for, and the model takes keypoints.
    """
    keypoints = _keypoints(config)
    if keypoints is None:
        return _image(config) if asked == AUTO else asked
    if asked == AUTO:
        return keypoints
    if not isinstance(asked, str):
        raise UnsupportedInputError(f"the model takes keypoints, not an image: `auto` means {keypoints} here")
    return asked


def _image(config: Mapping[str, Any]) -> InputSpec:
    channels, *size = pipeline_shape(config)
    if candidate_sizes(config) == (DEFAULT,):
        size = _codec_size(config) or _longest_scale(config) or size
    return (channels, *size)


def _codec_size(config: Mapping[str, Any]) -> Optional[List[int]]:
    """The ``input_size`` of the (first) codec: width and height. Bottom-up models repeat it in their ``test_cfg``."""
    codec = config.get("codec")
    model = config.get("model")
    owners = [codec[0] if isinstance(codec, (list, tuple)) and codec else codec]
    owners.append(model.get("test_cfg") if isinstance(model, Mapping) else None)
    for owner in owners:
        size = owner.get("input_size") if isinstance(owner, Mapping) else None
        if isinstance(size, (list, tuple)) and len(size) == 2:
            return [int(size[1]), int(size[0])]
    return None


def _longest_scale(config: Mapping[str, Any]) -> Optional[List[int]]:
    """Of a test pipeline that resizes an image within a scale, that scale as a landscape (DETR's 800 x 1333)."""
    for transform in pipeline_of(config, "test") or pipeline_of(config, "val"):
        scales = transform.get("scales")
        if isinstance(scales, (list, tuple)) and scales:
            return sorted(map(int, max(scales, key=prod)))
    return None


def _keypoints(config: Mapping[str, Any]) -> Optional[str]:
    """The input of a model that lifts keypoints to 3d, from what its backbone is built for; None for others."""
    model = config.get("model")
    backbone: Any = model.get("backbone") if isinstance(model, Mapping) else None
    shape = _LIFTERS.get(class_name(backbone)) if isinstance(backbone, Mapping) else None
    return None if shape is None else f"inputs={shape(config, backbone)}"


def _of_tcn(config: Mapping[str, Any], backbone: Mapping[str, Any]) -> str:
    """(keypoints times 2, frames): as many frames as the data set makes sequences of, else those that one output sees."""
    frames = _sequence_length(config) or prod(backbone.get("kernel_sizes", (3, 3, 3)))
    return f"{backbone['in_channels']}x{frames}"


def _of_dstformer(config: Mapping[str, Any], backbone: Mapping[str, Any]) -> str:
    """(frames, keypoints, 3 for x, y and score): the sequence that it has embeddings for."""
    return f"{backbone.get('seq_len', 243)}x{backbone.get('num_keypoints', 17)}x{backbone['in_channels']}"


_LIFTERS: Dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "TCN": _of_tcn,
    "DSTFormer": _of_dstformer,
}


def _sequence_length(config: Mapping[str, Any]) -> Optional[int]:
    for kind in ("test", "val", "train"):
        dataset = (config.get(f"{kind}_dataloader") or {}).get("dataset") or {}
        if isinstance(dataset.get("seq_len"), int):
            return int(dataset["seq_len"])
    return None


# What is traced


def feed_estimator(model: nn.Module, entry_point: str, asked: InputSpec, device: str) -> TraceInputs:
    """``make_inputs``, with what the model's head wants beside features, and what the figures hold for."""
    conditions = []
    estimator = model
    if isinstance(getattr(model, "student", None), nn.Module):
        estimator = model.student
        _without_teacher(model)
        conditions.append("the student alone")
    fed = make_inputs(model, entry_point, asked, device)
    for name in ("head", "traj_head"):
        head = getattr(estimator, name, None)
        if isinstance(head, nn.Module):
            conditions += _prepare(head, fed)
            route_through_call(head)
    if (getattr(estimator, "test_cfg", None) or {}).get("flip_test"):
        conditions.append("without the flip test")
    return fed._replace(conditions=(*conditions, WITHOUT_POST_PROCESSING))


def _without_teacher(model: nn.Module) -> None:
    """A distiller's teacher and losses belong to training: mmdet's distillers do not count theirs as modules either."""
    for name in [name for name, _ in model.named_children() if name not in ("student", "data_preprocessor")]:
        delattr(model, name)


def _prepare(head: nn.Module, fed: TraceInputs) -> List[str]:
    """Has ``head(features)`` do what its ``predict`` does with them; returns what that holds for."""
    if isinstance(getattr(head, "dcc", None), nn.Module):
        return _classify_coordinates(head)
    if "batch_data_samples" in inspect.signature(head.forward).parameters:
        head.forward = partial(head.forward, batch_data_samples=[_sample(fed)])
    if isinstance(getattr(head, "iia_module", None), nn.Module):
        return _find_instances(head)
    return []


def _classify_coordinates(head: nn.Module) -> List[str]:
    """RTMO's ``predict`` runs its coordinate classifier on the poses that NMS leaves; ``forward`` does not run it.

    Source: Lu et al., "RTMO: Towards High-Performance One-Stage Real-Time Multi-Person Pose Estimation", section 3.2.
    """
    forward, dcc = head.forward, head.dcc

    def with_classifier(features: Any) -> Any:
        outputs = forward(features)
        vectors = torch.cat([level.flatten(2) for level in outputs[-1]], dim=2)[0].t()[:POSES]
        boxes, grids = vectors.new_ones((len(vectors), 4)), vectors.new_ones((len(vectors), 2))
        return (*outputs, dcc(vectors, boxes, grids))

    dcc.forward = dcc.forward_test
    head.forward = with_classifier
    return [f"{POSES} poses"]


def _find_instances(head: nn.Module) -> List[str]:
    """CID decouples the keypoints of each instance that it finds, at most ``max_instances``: here so many, anywhere.

    Source: Wang et al., "Contextual Instance Decoupling for Robust Multi-Person Pose Estimation"; mmpose's ``IIAModule``.
    """
    module = head.iia_module
    number = (getattr(head, "test_cfg", None) or {}).get("max_instances", INSTANCES)

    def find(features: torch.Tensor, test_cfg: Any) -> Any:
        module(features)
        places = torch.zeros((number, 2), dtype=torch.int64, device=features.device)
        return module._sample_feats(features, places), places, features.new_ones(number)

    module.forward_test = find
    return [f"{number} instances"]


def _sample(fed: TraceInputs) -> Any:
    """What the data preprocessor says of an image that fills the input."""
    from mmpose.structures import PoseDataSample

    height, width = fed.tensors[0].shape[-2:]
    shape = (int(height), int(width))
    known = {"ori_shape": shape, "img_shape": shape, "pad_shape": shape, "batch_input_shape": shape}
    return PoseDataSample(metainfo={**known, "input_size": shape[::-1], "scale_factor": (1.0, 1.0)})


CODEBASE = Codebase(
    "mmpose",
    ("mmpose",),
    entry_point=forward_of_network,
    resolve=resolve,
    make_inputs=feed_estimator,
    optional_imports=("xtcocotools", "chumpy"),
    install="""
        pip install --no-deps mmpose==1.3.2 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 json-tricks munkres requests
    """,
    probe_configs=(
        "body_2d_keypoint/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py",
        "body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py",
    ),
)
