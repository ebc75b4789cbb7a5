"""mmcv without its compiled part: where ``mmcv._ext`` is not installed, stand-ins let ``mmcv.ops`` import, and be traced dry.

mmcv-lite has all of ``mmcv.ops`` but the compiled operators below it. Most of those fill tensors that mmcv's Python has made,
so nothing is needed of them but to do nothing; the table here holds those that return something. The trace names the
operator as ever, by mmcv's ``autograd.Function`` (see ``operators``), or by its own name where mmcv calls it without one.
With a compiled mmcv nothing of this is active, save that it is not handed what a dry run did not compute.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
from functools import partial
from types import ModuleType
from typing import Any, Callable, Dict, List, Mapping, Sequence, Set

import torch

from model_complexity.common.failures import EXTENSION
from model_complexity.worker.count import dry_run as dry


class MissingExtensionError(ModuleNotFoundError):
    """A compiled operator of mmcv was to compute, and is not installed."""


_used: Set[str] = set()


def used() -> List[str]:
    """The operators that were stood in for since ``forget``, by the names that mmcv gives them."""
    return sorted(_used)


def forget() -> None:
    """Starts a list of its own for a measurement."""
    _used.clear()


class StandIns(importlib.abc.Loader):
    """Loads the stand-ins for the extension."""

    def create_module(self, spec: Any) -> ModuleType:
        """A module that has an operator of any name."""
        return _Operators(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to do."""


class Guarded(importlib.abc.Loader):
    """Loads the real extension. It works past torch's dispatcher, so it must not be handed what was not computed."""

    def __init__(self, found: importlib.machinery.ModuleSpec) -> None:
        self._found = found

    def create_module(self, spec: Any) -> ModuleType:
        """The real module."""
        return importlib.util.module_from_spec(self._found)

    def exec_module(self, module: ModuleType) -> None:
        """Runs it, and wraps its operators."""
        if self._found.loader is not None:
            self._found.loader.exec_module(module)
        for name, operator in list(vars(module).items()):
            if callable(operator) and not name.startswith("__"):
                setattr(module, name, _guarded(name, operator))


def _guarded(name: str, operator: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        dry.require_initialized(name, [*args, *kwargs.values()])
        return operator(*args, **kwargs)

    return call


class _Operators(ModuleType):
    """Has an operator of any name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        operator = _stand_in(name)
        setattr(self, name, operator)
        return operator


def _stand_in(name: str) -> Callable[..., Any]:
    if name in _ANSWERS:
        return lambda *_, **__: _ANSWERS[name]
    returns = _RETURNS.get(name, _nothing)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not dry.is_on():
            raise MissingExtensionError(
                f"No module named '{EXTENSION}' (mmcv's compiled operators): `{name}` was to compute, and can only be traced",
                name=EXTENSION,
            )
        _used.add(name)
        tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
        compute = partial(_answer, returns, args, kwargs, tensors)
        return (
            _recorded(name, tensors, compute) if name in _WITHOUT_A_FUNCTION and torch._C._is_tracing() else compute()
        )

    return call


def _answer(returns: Callable[..., Any], args: Any, kwargs: Any, tensors: Sequence[torch.Tensor]) -> Any:
    result = returns(*args, **kwargs)
    made = result if isinstance(result, (list, tuple)) else [result]
    # Which of its arguments an operator fills is not looked up: all of them may have been.
    dry.mark_uninitialized([*tensors, *(value for value in made if isinstance(value, torch.Tensor))])
    return result


def _recorded(name: str, tensors: Sequence[torch.Tensor], compute: Callable[[], Any]) -> Any:
    """Has the tracer record one node of that name."""
    results: List[Any] = []

    def forward(ctx: Any, *_: torch.Tensor) -> Any:
        results.append(compute())
        returned = results[0] if isinstance(results[0], torch.Tensor) else None
        return tensors[0].new_zeros(()) if returned is None else returned

    function: Any = type(name, (torch.autograd.Function,), {"forward": staticmethod(forward)})
    made = function.apply(*tensors)
    return made if isinstance(results[0], torch.Tensor) else results[0]


def _nothing(*_: Any, **__: Any) -> None:
    """For operators that fill what they are given."""


def _all_boxes(boxes: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    """Of (N, …) boxes: N indices. Nothing is suppressed, so that how many are left does not hang on random weights."""
    return torch.arange(boxes.shape[0])


def _all_boxes_apart(dets: torch.Tensor, *_: Any, **__: Any) -> List[List[int]]:
    return [[index] for index in range(dets.shape[0])]


def _like_value(
    value: torch.Tensor, shapes: Any, starts: Any, locations: torch.Tensor, *_: Any, **__: Any
) -> torch.Tensor:
    """Value (B, S, M, D), sampling locations (B, Q, M, L, P, 2): an output (B, Q, M·D)."""
    return value.new_zeros((value.shape[0], locations.shape[1], value.shape[2] * value.shape[3]))


def _like_first(first: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    return torch.zeros_like(first)


def _resampled(image: torch.Tensor, kernel: torch.Tensor, *numbers: int) -> torch.Tensor:
    """Image (N, C, H, W), up, filtered by a kernel (Kh, Kw), down. Source: Karras et al., StyleGAN3's ``upfirdn2d``."""
    up_x, up_y, down_x, down_y, left, right, top, bottom = numbers[:8]
    height = (image.shape[2] * up_y + top + bottom - kernel.shape[0] + down_y) // down_y
    width = (image.shape[3] * up_x + left + right - kernel.shape[1] + down_x) // down_x
    return image.new_zeros((image.shape[0], image.shape[1], height, width))


def _vertices(vertices: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    """Vertices (B, N, 24, 2): indices (B, N, 9)."""
    return torch.zeros((*vertices.shape[:2], 9), dtype=torch.int32)


def _refused(name: str, why: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise MissingExtensionError(
            f"No module named '{EXTENSION}' (mmcv's compiled operators): {why} hangs on what `{name}` computes",
            name=EXTENSION,
        )

    return refuse


_WITHOUT_A_FUNCTION = frozenset(
    (
        "bbox_overlaps",
        "box_iou_quadri",
        "box_iou_rotated",
        "convex_giou",
        "convex_iou",
        "iou3d_boxes_overlap_bev_forward",
        "iou3d_nms3d_forward",
        "iou3d_nms3d_normal_forward",
        "min_area_polygons",
        "nms_match",
        "nms_quadri",
        "nms_rotated",
        "points_in_boxes_all_forward",
        "points_in_boxes_cpu_forward",
        "points_in_boxes_part_forward",
        "points_in_polygons_forward",
    )
)
"""What mmcv calls outside of an ``autograd.Function``, so that the trace would not show it."""
_ANSWERS: Mapping[str, str] = {"get_compiler_version": "none", "get_compiling_cuda_version": "not available"}
_SPARSE = "get_indice_pairs_2d_forward get_indice_pairs_3d_forward get_indice_pairs_4d_forward indice_conv_forward "
_SPARSE += "fused_indice_conv_forward indice_maxpool_forward"
_RETURNS: Dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("nms", "softnms", "nms_rotated", "nms_quadri"), _all_boxes),
    "nms_match": _all_boxes_apart,
    "ms_deform_attn_forward": _like_value,
    **dict.fromkeys(("fused_bias_leakyrelu", "bias_act"), _like_first),
    "upfirdn2d": _resampled,
    "diff_iou_rotated_sort_vertices_forward": _vertices,
    **{name: _refused(name, "how many places are not empty") for name in _SPARSE.split()},
    **{
        name: _refused(name, "how many voxels there are")
        for name in ("dynamic_point_to_voxel_forward", "hard_voxelize_forward")
    },
    **{name: _refused(name, "what is found in the image") for name in ("pixel_group", "contour_expand")},
    **dict.fromkeys(("filtered_lrelu", "filtered_lrelu_act_"), _refused("filtered_lrelu", "the size of the image")),
}
"""What operators return, by name; those that are not here return nothing. Formulas for what they cost: ``operators``."""
