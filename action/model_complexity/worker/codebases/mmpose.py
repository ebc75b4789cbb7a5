"""mmpose: ``_forward`` (backbone, neck and head), as its own ``get_flops.py`` traces."""

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
    ModelInputs,
    UnsupportedInputError,
    extract_feat_or_forward,
    make_inputs,
)
from model_complexity.worker.codebases.support.metainfo import full_image_metainfo, image_size
from model_complexity.worker.config_reader import Size, class_name, pipeline_of, section, size_of, transforms_of
from model_complexity.worker.config_sizes import DEFAULT, candidate_sizes, pipeline_shape

FORWARD = "_forward"
POSES = 20
"""The poses of an image, for heads that process each pose and set no number: as many as COCO evaluates."""
INSTANCES = 30
"""CID's default."""


def choose_entry_point(model: nn.Module) -> str:
    """Return ``_forward`` if the model has it, else the default."""
    return FORWARD if callable(getattr(model, FORWARD, None)) else extract_feat_or_forward(model)


def resolve(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return the size of the test pipeline for ``auto``, else that of the codec; keypoints for a model that lifts them.

    Raises:
        UnsupportedInputError: an image is requested, but the model takes keypoints.
    """
    keypoints = _keypoints(config)
    if keypoints is None:
        return _image_shape(config) if requested == AUTO else requested
    if requested == AUTO:
        return keypoints
    if not isinstance(requested, str):
        raise UnsupportedInputError(f"The model takes keypoints, not an image. Use `auto`, which means {keypoints}.")
    return requested


def _image_shape(config: Mapping[str, Any]) -> InputSpec:
    shape = pipeline_shape(config)
    if candidate_sizes(config) != (DEFAULT,):
        return shape
    return (shape[0], *(_codec_size(config) or _longest_scale(config) or DEFAULT))


def _codec_size(config: Mapping[str, Any]) -> Optional[Size]:
    """Return the ``input_size`` of the (first) codec. Bottom-up models repeat it in their ``test_cfg``."""
    codec = config.get("codec")
    first = codec[0] if isinstance(codec, (list, tuple)) and codec else codec
    owners = (section(first), section(config, "model", "test_cfg"))
    sizes = (size_of(owner.get("input_size"), height_first=False) for owner in owners)
    return next((size for size in sizes if size), None)


def _longest_scale(config: Mapping[str, Any]) -> Optional[Size]:
    """Return the largest scale that a test pipeline resizes to, as a landscape (DETR's 800 x 1333)."""
    for transform in transforms_of(pipeline_of(config, "test") or pipeline_of(config, "val")):
        scales = transform.get("scales")
        if isinstance(scales, (list, tuple)) and scales:
            height, width = sorted(map(int, max(scales, key=prod)))
            return (height, width)
    return None


def _keypoints(config: Mapping[str, Any]) -> Optional[str]:
    """Return the input of a model that lifts keypoints to 3D, by its backbone; None for others."""
    backbone = section(config, "model", "backbone")
    shape = _LIFTERS.get(class_name(backbone))
    return None if shape is None else f"inputs={shape(config, backbone)}"


def _tcn_shape(config: Mapping[str, Any], backbone: Mapping[str, Any]) -> str:
    """Return (2 * keypoints, frames): the frames of the data set's sequences, else the receptive field of one output."""
    frames = _sequence_length(config) or prod(backbone.get("kernel_sizes", (3, 3, 3)))
    return f"{backbone['in_channels']}x{frames}"


def _dstformer_shape(config: Mapping[str, Any], backbone: Mapping[str, Any]) -> str:
    """Return (frames, keypoints, 3 for x, y and score): the sequence that the backbone has embeddings for."""
    return f"{backbone.get('seq_len', 243)}x{backbone.get('num_keypoints', 17)}x{backbone['in_channels']}"


_LIFTERS: Dict[str, Callable[[Mapping[str, Any], Mapping[str, Any]], str]] = {
    "TCN": _tcn_shape,
    "DSTFormer": _dstformer_shape,
}


def _sequence_length(config: Mapping[str, Any]) -> Optional[int]:
    lengths = (section(config, f"{split}_dataloader", "dataset").get("seq_len") for split in ("test", "val", "train"))
    return next((length for length in lengths if isinstance(length, int)), None)


def make_estimator_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make inputs, with what the model's head takes besides features; see ``make_inputs``."""
    conditions = []
    estimator = model
    if isinstance(getattr(model, "student", None), nn.Module):
        estimator = model.student
        _remove_teacher(model)
        conditions.append("the student alone")
    inputs = make_inputs(model, entry_point, requested, device)
    for name in ("head", "traj_head"):
        head = getattr(estimator, name, None)
        if isinstance(head, nn.Module):
            conditions += _complete(head, inputs)
    if section(getattr(estimator, "test_cfg", None)).get("flip_test"):
        conditions.append("without the flip test")
    return inputs._replace(conditions=(*conditions, WITHOUT_POST_PROCESSING))


def _remove_teacher(model: nn.Module) -> None:
    """Remove a distiller's teacher and losses, which only training uses, as mmdet's distillers do."""
    for name in [name for name, _ in model.named_children() if name not in ("student", "data_preprocessor")]:
        delattr(model, name)


def _complete(head: nn.Module, inputs: ModelInputs) -> List[str]:
    """Make ``head(features)`` compute what its ``predict`` does; return the conditions."""
    if isinstance(getattr(head, "dcc", None), nn.Module):
        return _classify_coordinates(head)
    if "batch_data_samples" in inspect.signature(head.forward).parameters:
        head.forward = partial(head.forward, batch_data_samples=[_data_sample(inputs)])
    if isinstance(getattr(head, "iia_module", None), nn.Module):
        return _decouple_instances(head)
    return []


def _classify_coordinates(head: nn.Module) -> List[str]:
    """Run RTMO's coordinate classifier on a fixed number of poses: ``predict`` does on those that NMS keeps.

    Source: Lu et al., "RTMO: Towards High-Performance One-Stage Real-Time Multi-Person Pose Estimation", section 3.2.
    """
    forward, dcc = head.forward, head.dcc

    def forward_and_classify(features: Any) -> Any:
        outputs = forward(features)
        vectors = torch.cat([level.flatten(2) for level in outputs[-1]], dim=2)[0].t()[:POSES]
        boxes, grids = vectors.new_ones((len(vectors), 4)), vectors.new_ones((len(vectors), 2))
        return (*outputs, dcc(vectors, boxes, grids))

    dcc.forward = dcc.forward_test
    head.forward = forward_and_classify
    return [f"{POSES} poses"]


def _decouple_instances(head: nn.Module) -> List[str]:
    """Decouple the keypoints of ``max_instances``: CID does those of each instance that it finds.

    Source: Wang et al., "Contextual Instance Decoupling for Robust Multi-Person Pose Estimation"; mmpose's ``IIAModule``.
    """
    module = head.iia_module
    number = section(getattr(head, "test_cfg", None)).get("max_instances", INSTANCES)

    def sample_instances(features: torch.Tensor, test_cfg: Any) -> Any:
        module(features)
        positions = torch.zeros((number, 2), dtype=torch.int64, device=features.device)
        return module._sample_feats(features, positions), positions, features.new_ones(number)

    module.forward_test = sample_instances
    return [f"{number} instances"]


def _data_sample(inputs: ModelInputs) -> Any:
    from mmpose.structures import PoseDataSample

    size = image_size(inputs.tensors[0])
    return PoseDataSample(metainfo={**full_image_metainfo(size), "input_size": size[::-1]})


CODEBASE = Codebase(
    "mmpose",
    ("mmpose",),
    entry_point=choose_entry_point,
    resolve=resolve,
    make_inputs=make_estimator_inputs,
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
