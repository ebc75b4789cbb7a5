"""Count Fourier transforms."""

from __future__ import annotations

from math import log2, prod
from typing import Any, List

from model_complexity.worker.count.node import numbers_in, shape_of
from model_complexity.worker.count.registry import flops


@flops("aten::fft_rfft", "aten::fft_rfft2", "aten::fft_rfftn", real=True, half=True)
@flops("aten::fft_ihfft", "aten::fft_ihfft2", "aten::fft_ihfftn", real=True, half=True)
@flops("aten::fft_irfft", "aten::fft_irfft2", "aten::fft_irfftn", real=True)
@flops("aten::fft_hfft", "aten::fft_hfft2", "aten::fft_hfftn", real=True)
@flops("aten::fft_ifft", "aten::fft_ifft2", "aten::fft_ifftn")
@flops("aten::fft_fft", "aten::fft_fft2", "aten::fft_fftn")
def fourier_flops(inputs: List[Any], outputs: List[Any], *, real: bool = False, half: bool = False) -> int:
    """Count transforms × 5·N·log2(N) / 2, and half of that for real data.

    Halved because a multiplication and an addition are one flop. N is the product of all transformed dimensions.

    Args:
        inputs: of the node.
        outputs: of the node.
        real: one side of the transform is real.
        half: that side is the input, so the output holds only half of the last transformed dimension.

    Source: Frigo and Johnson, "The Design and Implementation of FFTW3", section IV.
    """
    points, sizes = list(shape_of(outputs[0])), numbers_in(inputs[1])
    dimensions = numbers_in(inputs[2]) or list(range(-len(sizes) or -len(points), 0))
    if half:
        last = dimensions[-1]
        points[last] = sizes[-1] if sizes and (sizes[-1] or 0) > 0 else shape_of(inputs[0])[last]
    length = prod(points[dimension] for dimension in dimensions)
    return round(prod(points) * log2(max(length, 1)) * 5 / (4 if real else 2))


@flops("aten::_fft_r2c", "aten::_fft_c2r", "aten::_fft_c2c")
def fourier_part_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count as the Fourier transform that it is a part of: stft, istft, and any transform that takes gradients.

    Inputs: data, transformed dimensions, …

    Source: Frigo and Johnson, "The Design and Implementation of FFTW3", section IV.
    """
    first, last = shape_of(inputs[0]), shape_of(outputs[0])
    points = [max(pair) for pair in zip(first, last)]  # the real side has all of them
    length = prod(points[int(dimension)] for dimension in numbers_in(inputs[1]))
    is_complex = numbers_in(inputs[-1]) in ([True], [False]) and first == last
    return round(prod(points) * log2(max(length, 1)) * 5 / (2 if is_complex else 4))
