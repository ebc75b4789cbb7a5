"""Count convolutions."""

from __future__ import annotations

from math import prod
from typing import Any, List, Sequence

from model_complexity.worker.count.node import elements, shape_of
from model_complexity.worker.count.registry import product_flops


def convolution_macs(weight: Sequence[int], output: Sequence[int]) -> int:
    """Return the multiply-accumulates of a convolution: batch × elements of the weight × elements of one output map."""
    return output[0] * prod(weight) * prod(output[2:])


@product_flops("aten::_convolution_mode")
def convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count batch × elements of the weight × elements of one output map.

    Padding by name: (input, weight, bias, stride, padding, dilation, groups); never transposed.

    Source: fvcore's count of torch.nn.Conv2d.
    """
    return convolution_macs(shape_of(inputs[1]), shape_of(outputs[0]))


@product_flops("aten::conv_tbc")
def conv_tbc_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count T·B·Cout·K·Cin for weight (K, Cin, Cout) over an output (T, B, Cout).

    Source: torch.conv_tbc.
    """
    kernel, channels, _ = shape_of(inputs[1])
    return elements(outputs[0]) * kernel * channels
