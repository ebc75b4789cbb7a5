"""mmdet3d: ``_forward``, head included, of points, of full voxels, or of an image.

The number of non-empty voxels depends on the scene: we use the largest that the config allows in a test. Models of sparse or
dynamic voxels are not supported, because the work of every layer depends on the positions of the points.
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
    ModelInputs,
    UnsupportedInputError,
    make_inputs,
)
from model_complexity.worker.codebases.mmdet import resolve_padded
from model_complexity.worker.codebases.support.detectors import PREDICT, make_detector_inputs
from model_complexity.worker.codebases.support.metainfo import full_image_metainfo, image_size
from model_complexity.worker.codebases.support.post_processing import tensors_in
from model_complexity.worker.config_reader import Size, pipeline_of, section, transforms_of
from model_complexity.worker.patch import patch_attribute

FORWARD = "_forward"
_CAMERAS = ("cam2img", "depth2img", "lidar2img")
"""Matrices that do not change the cost."""
POINTS, VOXELS, IMAGE = "points", "voxels", "img"


def choose_entry_point(model: nn.Module) -> str:
    """Return ``_forward``, or ``predict`` of a detector of mmdet."""
    return PREDICT if _is_of_mmdet(model) else FORWARD


def _is_of_mmdet(model: nn.Module) -> bool:
    return type(model).__module__.startswith("mmdet.")


def resolve(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return voxels (number, points of each, C), points (number, C), or the size of the image for ``auto``.

    ``auto`` is returned unchanged if the config does not set it.
    """
    model = config.get("model")
    if requested != AUTO or not isinstance(model, Mapping):
        return requested
    keys = _input_keys(config)
    preprocessor = section(model, "data_preprocessor")
    if POINTS not in keys and (IMAGE in keys or "mean" in preprocessor):
        return resolve_padded(config, requested)
    if preprocessor.get("voxel"):
        return _voxels(model)
    return _points(config) if POINTS in keys and IMAGE not in keys else AUTO


def _voxels(model: Mapping[str, Any]) -> InputSpec:
    preprocessor = section(model, "data_preprocessor")
    layer = section(preprocessor, "voxel_layer")
    encoder = section(model, "voxel_encoder" if "voxel_encoder" in model else "pts_voxel_encoder")
    max_voxels = layer.get("max_voxels")
    number = max_voxels[-1] if isinstance(max_voxels, (list, tuple)) else max_voxels  # (in training, in tests)
    sizes = (number, layer.get("max_num_points"), encoder.get("in_channels", encoder.get("num_features", 4)))
    is_hard = preprocessor.get("voxel_type", "hard") == "hard"
    is_known = is_hard and all(isinstance(size, int) and size > 0 for size in sizes)
    return f"{VOXELS}={'x'.join(map(str, sizes))}" if is_known else AUTO


def _points(config: Mapping[str, Any]) -> InputSpec:
    backbone = section(config, "model", "backbone")
    backbones = backbone.get("backbones") or backbone
    channels = (backbones if isinstance(backbones, Mapping) else backbones[0]).get("in_channels")
    number = section(config, "model", "test_cfg").get("num_points")
    sampled = (transform.get("num_points") for transform in _all_transforms(config))
    number = number or next((count for count in sampled if isinstance(count, int)), None)
    return f"{POINTS}={number}x{channels}" if number and channels else AUTO


def _input_keys(config: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return the names of the inputs that the pipelines pack."""
    packs = (step for step in _all_transforms(config) if "keys" in step and "Pack" in str(step.get("type")))
    return next((tuple(pack["keys"]) for pack in packs), ())


def _all_transforms(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for split in ("test", "train"):
        yield from transforms_of(pipeline_of(config, split), wrappers=None)


def make_scene_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make points, voxels or an image, with the data sample; see ``make_inputs``."""
    if requested == AUTO:
        raise UnsupportedInputError(
            "The number of points depends on the scene and the config does not set it. Name the input: "
            f"`{POINTS}=20000x4` or `{VOXELS}=40000x32x4` (number, points of each, channels)."
        )
    if _is_of_mmdet(model):
        return make_detector_inputs(model, requested, device)
    _check_supported(model)
    name = requested.partition("=")[0] if isinstance(requested, str) else "image"
    if name not in _ADAPTERS:
        raise UnsupportedInputError(f"The model takes {POINTS}, {VOXELS} or an image, not {requested}.")
    setattr(model, entry_point, _ADAPTERS[name](_runner(model)))
    inputs = make_inputs(model, entry_point, requested, device)
    return inputs._replace(conditions=tuple(_conditions(model, inputs)))


def _check_supported(model: nn.Module) -> None:
    """Check that ``_forward`` computes all that ``predict`` does, from one input.

    Raises:
        UnsupportedInputError: it does not.
    """
    if hasattr(model, "roi_head"):
        raise UnsupportedInputError(
            "The second stage takes the points in the boxes of the first. Their number depends on the scene."
        )
    if type(model).__name__ in ("ImVoteNet", "MultiViewDfM"):
        raise UnsupportedInputError("The model takes images with points, or of several cameras, with their matrices.")


Run = Callable[[Dict[str, Any], Optional[Size]], Any]
"""Runs a model with its inputs and the size of the image."""


def _runner(model: nn.Module) -> Run:
    method = getattr(model, FORWARD)

    def run(inputs: Dict[str, Any], size: Optional[Size] = None) -> Any:
        with _cuda_on_cpu():
            if hasattr(model, "pts_bbox_head"):  # its ``_forward`` does nothing
                outputs = model.pts_bbox_head(model.extract_feat(inputs, [{}])[1])
            else:
                outputs = method(inputs, [_data_sample(size)])
        return tuple(tensor for tensor in tensors_in(outputs) if tensor.is_floating_point())

    return run


def _data_sample(size: Optional[Size]) -> Any:
    structures = importlib.import_module("mmdet3d.structures")
    identity = [[float(row == column) for row in range(4)] for column in range(4)]
    metainfo = full_image_metainfo(size) if size else {}
    return structures.Det3DDataSample(metainfo={**metainfo, **dict.fromkeys(_CAMERAS, identity)})


@contextlib.contextmanager
def missing_packages_as_import_errors() -> Iterator[None]:
    """Raise ImportError for the library's assertions that a package is installed."""
    try:
        yield
    except AssertionError as error:
        if " to install " not in str(error):
            raise
        raise ImportError(str(error)) from error


@contextlib.contextmanager
def _cuda_on_cpu() -> Iterator[None]:
    """Replace the CUDA functions of some of mmcv's operators for points, which create their results on a GPU."""
    cuda: Any = torch.cuda
    replacements = {
        "IntTensor": lambda *size: torch.zeros(size, dtype=torch.int32),
        "FloatTensor": lambda *size: torch.zeros(size),
        "current_device": lambda: -1,  # the device index of a tensor on the CPU
    }
    with contextlib.ExitStack() as stack:
        for name, value in replacements.items() if not cuda.is_available() else ():
            stack.enter_context(patch_attribute(cuda, name, value))
        yield


def _adapt_points(run: Run) -> Callable[..., Any]:
    return lambda points: run({POINTS: list(points)}, None)


def _adapt_voxels(run: Run) -> Callable[..., Any]:
    def run_voxels(voxels: torch.Tensor) -> Any:
        # All voxels are full. Their positions do not change the cost: all are the first of the first scene.
        full = voxels[0]
        number, points = int(full.shape[0]), int(full.shape[1])
        counts = torch.full((number,), points, dtype=torch.int32, device=full.device)
        positions = torch.zeros((number, 4), dtype=torch.int32, device=full.device)
        return run({VOXELS: {"voxels": full, "num_points": counts, "coors": positions}, POINTS: [full[:, 0]]}, None)

    return run_voxels


def _adapt_image(run: Run) -> Callable[..., Any]:
    return lambda image: run({"imgs": image}, image_size(image))


_ADAPTERS: Mapping[str, Callable[[Run], Callable[..., Any]]] = {
    POINTS: _adapt_points,
    VOXELS: _adapt_voxels,
    "image": _adapt_image,
}


def _conditions(model: nn.Module, inputs: ModelInputs) -> List[str]:
    voxels = [f"{inputs.named[VOXELS][1]:,} voxels, all full"] if VOXELS in inputs.named else []
    return [*voxels, "1 patch" if hasattr(model, "decode_head") else WITHOUT_POST_PROCESSING]


CODEBASE = Codebase(
    "mmdet3d",
    ("mmdet3d",),
    entry_point=choose_entry_point,
    resolve=resolve,
    make_inputs=make_scene_inputs,
    build_context=missing_packages_as_import_errors,
    optional_imports=("numba",),
    optional_decorators=("numba.jit", "numba.njit"),
    install="""
        pip install --no-deps mmdet3d==1.4.0 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 requests
    """,
    probe_configs=("pointpillars/pointpillars_hv_secfpn_8xb6-160e_kitti-3d-car.py",),
)
