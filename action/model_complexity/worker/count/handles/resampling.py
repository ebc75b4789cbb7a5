"""Count interpolation and sampling: each output value costs the values that it reads."""

from __future__ import annotations

from math import ceil
from typing import Any, List

from model_complexity.worker.count.node import elements, numbers_in, shape_of
from model_complexity.worker.count.registry import flops


@flops("aten::upsample_bicubic2d", taps=16)
@flops("aten::upsample_trilinear3d", taps=8)
@flops("aten::upsample_bilinear2d", taps=4)
@flops("aten::upsample_linear1d", taps=2)
@flops("aten::_upsample_nearest_exact1d", taps=1)
@flops("aten::_upsample_nearest_exact2d", taps=1)
@flops("aten::_upsample_nearest_exact3d", taps=1)
@flops("aten::upsample_nearest1d", "aten::upsample_nearest2d", "aten::upsample_nearest3d", taps=1)
def interpolation_flops(inputs: List[Any], outputs: List[Any], *, taps: int) -> int:
    """Count taps × elements of the output: nearest 1, linear 2, bilinear 4, trilinear 8, bicubic 16.

    Source: as fvcore's nearest and bilinear in 2d.
    """
    return taps * elements(outputs[0])


@flops("aten::_upsample_lanczos2d_aa", support=6)
@flops("aten::_upsample_bicubic2d_aa", support=4)
@flops("aten::_upsample_bilinear2d_aa", support=2)
def antialiased_flops(inputs: List[Any], outputs: List[Any], *, support: int) -> int:
    """Count two passes, width first: 2 (bilinear), 4 (bicubic) or 6 (Lanczos) taps × shrinkage for each output.

    (N, C, H, W) to (N, C, H', W') gives N·C·(H·W'·⌈support·max(1, W/W')⌉ + H'·W'·⌈support·max(1, H/H')⌉).

    Source: torch's UpSampleKernel (aten/src/ATen/native/cpu/UpSampleKernel.cpp), after Pillow's resize.
    """
    (batch, channels, rows, columns), (*_, new_rows, new_columns) = shape_of(inputs[0]), shape_of(outputs[0])
    across = rows * new_columns * ceil(support * max(1, columns / new_columns))
    down = new_rows * new_columns * ceil(support * max(1, rows / new_rows))
    return batch * channels * (across + down)


@flops("aten::_adaptive_avg_pool2d", "aten::mkldnn_adaptive_avg_pool2d")
def adaptive_pool_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 1 for each element of the input.

    Source: as fvcore's adaptive_avg_pool2d.
    """
    return elements(inputs[0])


@flops("aten::grid_sampler", "aten::grid_sampler_2d", "aten::grid_sampler_3d", "aten::_grid_sampler_2d_cpu_fallback")
@flops("aten::cudnn_grid_sampler", always_bilinear=True)
def grid_sampler_flops(inputs: List[Any], outputs: List[Any], *, always_bilinear: bool = False) -> int:
    """Count taps × elements of the output: nearest 1, bilinear 4 (8 in 3d), bicubic 16.

    fvcore takes every call for a bilinear one in 2d.

    Args:
        inputs: of the node.
        outputs: of the node.
        always_bilinear: the operator has no other mode.

    Source: torch.nn.functional.grid_sample.
    """
    dimensions = len(shape_of(inputs[0])) - 2
    (mode,) = [0] if always_bilinear else numbers_in(inputs[2])
    return (2**dimensions, 1, 4**dimensions)[mode] * elements(outputs[0])
