"""mmdet3d: ``_forward``, head and all, of points, of full voxels, or of an image; what follows the head is left out.

How many voxels of a scene are not empty hangs on the scene: fed are as many as the config lets there be at most in a test.
Sparse and dynamic voxels are not fed at all, for with them every layer's work hangs on where the points lie.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import torch
from torch import nn

from ..shapes import AUTO, Asked
from ..sizes import own_shape
from .codebase import Codebase, Fed, UnsupportedInputError, feed
from .detectors import WITHOUT_POST_PROCESSING

FORWARD = "_forward"
POINTS, VOXELS, IMAGE = "points", "voxels", "img"


def forward(model: nn.Module) -> str:
    """``_forward``: everything but what is not tensors."""
    return FORWARD


def resolve(config: Mapping[str, Any], asked: Asked) -> Asked:
    """For ``auto``: voxels (number, points of each, C), points (number, C), or the size of the image; else what was asked for.

    ``auto`` stays where the config does not say it.
    """
    model = config.get("model")
    if asked != AUTO or not isinstance(model, Mapping):
        return asked
    keys = _keys(config)
    if IMAGE in keys and POINTS not in keys:
        return own_shape(config)
    preprocessor = model.get("data_preprocessor") or {}
    if preprocessor.get("voxel"):
        return _voxels(model, preprocessor)
    return _points(config, model) if POINTS in keys and IMAGE not in keys else AUTO


def _voxels(model: Mapping[str, Any], preprocessor: Mapping[str, Any]) -> Asked:
    layer, encoder = (
        preprocessor.get("voxel_layer") or {},
        model.get("voxel_encoder", model.get("pts_voxel_encoder")) or {},
    )
    most = layer.get("max_voxels")
    number = most[-1] if isinstance(most, (list, tuple)) else most  # of training, of tests
    sizes = (number, layer.get("max_num_points"), encoder.get("in_channels", encoder.get("num_features")))
    hard = preprocessor.get("voxel_type", "hard") == "hard"
    known = hard and all(isinstance(size, int) and size > 0 for size in sizes)
    return f"{VOXELS}={'x'.join(map(str, sizes))}" if known else AUTO


def _points(config: Mapping[str, Any], model: Mapping[str, Any]) -> Asked:
    backbone = model.get("backbone") or {}
    backbones = backbone.get("backbones") or [backbone]
    channels = backbones[0].get("in_channels")
    own = (model.get("test_cfg") or {}).get("num_points")
    sampled = (step.get("num_points") for part in ("test", "train") for step in _steps(_pipeline(config, part)))
    number = own or next((count for count in sampled if isinstance(count, int)), None)
    return f"{POINTS}={number}x{channels}" if number and channels else AUTO


def _keys(config: Mapping[str, Any]) -> Tuple[str, ...]:
    """What the pipelines give to a model."""
    steps = (step for part in ("test", "train") for step in _steps(_pipeline(config, part)))
    return next((tuple(step["keys"]) for step in steps if str(step.get("type")).startswith("Pack")), ())


def _pipeline(config: Mapping[str, Any], part: str) -> Any:
    found: Any = config.get(f"{part}_dataloader")
    while isinstance(found, Mapping) and not found.get("pipeline"):
        found = found.get("dataset")
    return (found or {}).get("pipeline") or config.get(f"{part}_pipeline")


def _steps(pipeline: Any) -> Iterator[Mapping[str, Any]]:
    """The transforms of a pipeline, with those inside of others."""
    for step in pipeline if isinstance(pipeline, (list, tuple)) else ():
        if isinstance(step, Mapping):
            yield step
            yield from _steps(step.get("transforms"))


def feed_scene(model: nn.Module, method: str, asked: Asked, device: str) -> Fed:
    """Like ``feed``, with what goes with the points, voxels or image."""
    if asked == AUTO:
        raise UnsupportedInputError(
            "how many points or voxels the model works on hangs on the scene (or the config does not say it); where a model "
            f"takes either, name them: `{POINTS}=20000x4` or `{VOXELS}=40000x32x4` (number, points of each, channels)"
        )
    name = asked.partition("=")[0] if isinstance(asked, str) else "image"
    if name not in _MAKERS:
        raise UnsupportedInputError(f"the model takes {POINTS}, {VOXELS} or an image; tried {asked}")
    _sample_points_on_cpu()
    run = _runner(model)
    setattr(model, method, _MAKERS[name](run))
    fed = feed(model, method, asked, device)
    return fed._replace(conditions=tuple(_conditions(model, fed)))


def _sample_points_on_cpu() -> None:
    """Farthest point sampling in mmcv makes its results on a GPU, wherever the points are; where there is none, they are made here."""
    module: Any = sys.modules.get("mmcv.ops.furthest_point_sample")
    if module is None or torch.cuda.is_available():
        return

    def forward(ctx: Any, points_xyz: torch.Tensor, num_points: int) -> torch.Tensor:
        scenes, points = points_xyz.shape[:2]
        chosen = torch.zeros((scenes, num_points), dtype=torch.int32)
        distances = torch.full((scenes, points), 1e10)
        module.ext_module.furthest_point_sampling_forward(
            points_xyz, distances, chosen, b=scenes, n=points, m=num_points
        )
        return chosen

    module.FurthestPointSampling.forward = staticmethod(forward)


Run = Callable[[Dict[str, Any], Optional[Tuple[int, int]]], Any]


def _runner(model: nn.Module) -> Run:
    """What runs a model with its inputs and the size of the image."""
    forward_of = getattr(model, FORWARD)

    def run(inputs: Dict[str, Any], size: Optional[Tuple[int, int]] = None) -> Any:
        if hasattr(model, "pts_bbox_head"):  # its own does nothing
            return model.pts_bbox_head(model.extract_feat(inputs, [{}])[1])
        return forward_of(inputs, [_sample(size)])

    return run


def _sample(size: Optional[Tuple[int, int]]) -> Any:
    structures = importlib.import_module("mmdet3d.structures")
    known: Dict[str, Any] = {"img_shape": size, "pad_shape": size, "batch_input_shape": size} if size else {}
    return structures.Det3DDataSample(metainfo=known)


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


def _conditions(model: nn.Module, fed: Fed) -> List[str]:
    found = []
    if VOXELS in fed.named:
        found.append(f"{fed.named[VOXELS][1]:,} voxels, all full")
    return [*found, "1 patch" if hasattr(model, "decode_head") else WITHOUT_POST_PROCESSING]


CODEBASE = Codebase("mmdet3d", ("mmdet3d",), method=forward, resolve=resolve, feed=feed_scene, unneeded=("numba",))
