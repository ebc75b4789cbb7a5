"""mmcv's compiled operators: what their stubs return where mmcv-lite is installed.

mmcv-lite has all of ``mmcv.ops`` but the compiled operators below it. Most of those fill tensors that mmcv's Python has made,
and need no row here. A recording names an operator by mmcv's ``autograd.Function``, or by its own name where mmcv calls it
without one.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

import torch

from model_complexity.worker.build.stub_extension import Extension


def _all_boxes(boxes: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    """Keep all of (N, …) boxes: how many are suppressed would depend on random weights."""
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


_RETURNS: Dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("nms", "softnms", "nms_rotated", "nms_quadri"), _all_boxes),
    "nms_match": _all_boxes_apart,
    "ms_deform_attn_forward": _like_value,
    **dict.fromkeys(("fused_bias_leakyrelu", "bias_act"), _like_first),
    "upfirdn2d": _resampled,
    "diff_iou_rotated_sort_vertices_forward": _vertices,
}
_DEPENDENT: Dict[str, str] = {
    **dict.fromkeys(
        (
            "get_indice_pairs_2d_forward",
            "get_indice_pairs_3d_forward",
            "get_indice_pairs_4d_forward",
            "indice_conv_forward",
            "fused_indice_conv_forward",
            "indice_maxpool_forward",
        ),
        "the number of non-empty places",
    ),
    **dict.fromkeys(("dynamic_point_to_voxel_forward", "hard_voxelize_forward"), "the number of voxels"),
    **dict.fromkeys(("pixel_group", "contour_expand"), "the number of objects in the image"),
    **dict.fromkeys(("filtered_lrelu", "filtered_lrelu_act_"), "the size of the image"),
}
EXTENSION = Extension(
    "mmcv._ext",
    "mmcv",
    returns=_RETURNS,
    dependent=_DEPENDENT,
    constants={"get_compiler_version": "none", "get_compiling_cuda_version": "not available"},
)
"""Formulas for what the operators cost are registered elsewhere, by the names that a recording has."""
