"""mmdet3d: ``_forward``, head and all, of points, of full voxels, or of an image; what follows the head is left out.

How many voxels of a scene are not empty hangs on the scene: fed are as many as the config lets there be at most in a test.
Sparse and dynamic voxels are not fed at all, for with them every layer's work hangs on where the points lie.
"""

from __future__ import annotations

import contextlib
import importlib
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import torch
from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec
from model_complexity.worker.codebases.base import (
    WITHOUT_POST_PROCESSING,
    Codebase,
    TraceInputs,
    UnsupportedInputError,
    make_inputs,
)
from model_complexity.worker.codebases.mmdet import padded
from model_complexity.worker.codebases.support.detectors import PREDICT, feed_detector
from model_complexity.worker.codebases.support.post_processing import tensors_in
from model_complexity.worker.config_reader import pipeline_of
from model_complexity.worker.patch import patch_attribute

FORWARD = "_forward"
_CAMERAS = ("cam2img", "depth2img", "lidar2img")
"""Matrices; where a point lies in an image costs nothing."""
POINTS, VOXELS, IMAGE = "points", "voxels", "img"


def forward(model: nn.Module) -> str:
    """``_forward``; ``predict`` of one of mmdet's own detectors."""
    return PREDICT if _is_of_mmdet(model) else FORWARD


def _is_of_mmdet(model: nn.Module) -> bool:
    return type(model).__module__.startswith("mmdet.")


def resolve(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """For ``auto``: voxels (number, points of each, C), points (number, C), or the size of the image; else what was asked for.

    ``auto`` stays where the config does not say it.
    """
    model = config.get("model")
    if asked != AUTO or not isinstance(model, Mapping):
        return asked
    keys = _keys(config)
    preprocessor = model.get("data_preprocessor") or {}
    if POINTS not in keys and (IMAGE in keys or "mean" in preprocessor):
        return padded(config, asked)
    if preprocessor.get("voxel"):
        return _voxels(model, preprocessor)
    return _points(config, model) if POINTS in keys and IMAGE not in keys else AUTO


def _voxels(model: Mapping[str, Any], preprocessor: Mapping[str, Any]) -> InputSpec:
    layer, encoder = (
        preprocessor.get("voxel_layer") or {},
        model.get("voxel_encoder", model.get("pts_voxel_encoder")) or {},
    )
    most = layer.get("max_voxels")
    number = most[-1] if isinstance(most, (list, tuple)) else most  # of training, of tests
    sizes = (number, layer.get("max_num_points"), encoder.get("in_channels", encoder.get("num_features", 4)))
    hard = preprocessor.get("voxel_type", "hard") == "hard"
    known = hard and all(isinstance(size, int) and size > 0 for size in sizes)
    return f"{VOXELS}={'x'.join(map(str, sizes))}" if known else AUTO


def _points(config: Mapping[str, Any], model: Mapping[str, Any]) -> InputSpec:
    backbone = model.get("backbone") or {}
    several = backbone.get("backbones") or backbone
    channels = (several if isinstance(several, Mapping) else several[0]).get("in_channels")
    own = (model.get("test_cfg") or {}).get("num_points")
    sampled = (step.get("num_points") for part in ("test", "train") for step in _steps(pipeline_of(config, part)))
    number = own or next((count for count in sampled if isinstance(count, int)), None)
    return f"{POINTS}={number}x{channels}" if number and channels else AUTO


def _keys(config: Mapping[str, Any]) -> Tuple[str, ...]:
    """What the pipelines give to a model."""
    steps = (step for part in ("test", "train") for step in _steps(pipeline_of(config, part)))
    return next((tuple(step["keys"]) for step in steps if "keys" in step and "Pack" in str(step.get("type"))), ())


def _steps(pipeline: Any) -> Iterator[Mapping[str, Any]]:
    """The transforms of a pipeline, with those inside of others."""
    for step in pipeline if isinstance(pipeline, (list, tuple)) else ():
        if isinstance(step, Mapping):
            yield step
            yield from _steps(step.get("transforms"))


def feed_scene(model: nn.Module, entry_point: str, asked: InputSpec, device: str) -> TraceInputs:
    """Like ``make_inputs``, with what goes with the points, voxels or image."""
    if asked == AUTO:
        raise UnsupportedInputError(
            "how many points or voxels the model works on hangs on the scene (or the config does not say it); where a model "
            f"takes either, name them: `{POINTS}=20000x4` or `{VOXELS}=40000x32x4` (number, points of each, channels)"
        )
    if _is_of_mmdet(model):
        return feed_detector(model, asked, device)
    _refuse(model)
    name = asked.partition("=")[0] if isinstance(asked, str) else "image"
    if name not in _MAKERS:
        raise UnsupportedInputError(f"the model takes {POINTS}, {VOXELS} or an image; tried {asked}")
    run = _runner(model)
    setattr(model, entry_point, _MAKERS[name](run))
    fed = make_inputs(model, entry_point, asked, device)
    return fed._replace(conditions=tuple(_conditions(model, fed)))


def _refuse(model: nn.Module) -> None:
    """Refuses models whose work ``_forward`` does not do.

    Raises:
        UnsupportedInputError: it is one.
    """
    if hasattr(model, "roi_head"):
        raise UnsupportedInputError("the model's second stage works on the points in boxes that it finds in the scene")
    if type(model).__name__ in ("ImVoteNet", "MultiViewDfM"):
        raise UnsupportedInputError(
            "the model takes images together with points, or of several cameras, with their matrices"
        )


Run = Callable[[Dict[str, Any], Optional[Tuple[int, int]]], Any]


def _runner(model: nn.Module) -> Run:
    """What runs a model with its inputs and the size of the image."""
    forward_of = getattr(model, FORWARD)

    def run(inputs: Dict[str, Any], size: Optional[Tuple[int, int]] = None) -> Any:
        with _made_here():
            if hasattr(model, "pts_bbox_head"):  # its own does nothing
                found = model.pts_bbox_head(model.extract_feat(inputs, [{}])[1])
            else:
                found = forward_of(inputs, [_sample(size)])
        return tuple(tensor for tensor in tensors_in(found) if tensor.is_floating_point())

    return run


def _sample(size: Optional[Tuple[int, int]]) -> Any:
    structures = importlib.import_module("mmdet3d.structures")
    known: Dict[str, Any] = {"img_shape": size, "pad_shape": size, "batch_input_shape": size} if size else {}
    nowhere = {key: [[float(i == j) for i in range(4)] for j in range(4)] for key in _CAMERAS}
    return structures.Det3DDataSample(metainfo={**known, **nowhere})


@contextlib.contextmanager
def missing_by_name() -> Iterator[None]:
    """What the library asserts of packages that are not installed is what it is: an import that fails."""
    try:
        yield
    except AssertionError as error:
        if " to install " not in str(error):
            raise
        raise ImportError(str(error)) from error


@contextlib.contextmanager
def _made_here() -> Iterator[None]:
    """Where there is no GPU: some of mmcv's operators for points make their results on one, wherever the points are."""
    cuda: Any = torch.cuda
    instead = {
        "IntTensor": lambda *size: torch.zeros(size, dtype=torch.int32),
        "FloatTensor": lambda *size: torch.zeros(size),
        "current_device": lambda: -1,  # what a tensor on the CPU says of itself
    }
    with contextlib.ExitStack() as stack:
        for name, value in instead.items() if not cuda.is_available() else ():
            stack.enter_context(patch_attribute(cuda, name, value))
        yield


def _of_points(run: Run) -> Callable[..., Any]:
    return lambda points: run({POINTS: list(points)}, None)


def _of_voxels(run: Run) -> Callable[..., Any]:
    def with_places(voxels: torch.Tensor) -> Any:
        """All voxels are full. Where they lie costs nothing: all at the first place of the first scene."""
        full = voxels[0]
        number, points = int(full.shape[0]), int(full.shape[1])
        counts = torch.full((number,), points, dtype=torch.int32, device=full.device)
        places = torch.zeros((number, 4), dtype=torch.int32, device=full.device)
        return run({VOXELS: {"voxels": full, "num_points": counts, "coors": places}, POINTS: [full[:, 0]]}, None)

    return with_places


def _of_image(run: Run) -> Callable[..., Any]:
    return lambda image: run({"imgs": image}, (int(image.shape[-2]), int(image.shape[-1])))


_MAKERS: Mapping[str, Callable[[Run], Callable[..., Any]]] = {
    POINTS: _of_points,
    VOXELS: _of_voxels,
    "image": _of_image,
}


def _conditions(model: nn.Module, fed: TraceInputs) -> List[str]:
    found = []
    if VOXELS in fed.named:
        found.append(f"{fed.named[VOXELS][1]:,} voxels, all full")
    return [*found, "1 patch" if hasattr(model, "decode_head") else WITHOUT_POST_PROCESSING]


CODEBASE = Codebase(
    "mmdet3d",
    ("mmdet3d",),
    entry_point=forward,
    resolve=resolve,
    make_inputs=feed_scene,
    build_context=missing_by_name,
    optional_imports=("numba",),
    optional_decorators=("numba.jit", "numba.njit"),
    install="""
        pip install --no-deps mmdet3d==1.4.0 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 requests
    """,
    probe_configs=("pointpillars/pointpillars_hv_secfpn_8xb6-160e_kitti-3d-car.py",),
)
