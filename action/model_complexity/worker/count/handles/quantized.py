"""Count layers with quantized weights, which are packed into one object."""

from __future__ import annotations

from math import prod
from typing import Any, List, Tuple

from model_complexity.worker.count.handles.convolution import convolution_macs
from model_complexity.worker.count.node import elements, shape_of
from model_complexity.worker.count.registry import product_flops

_ACTIVATIONS = ("", "_relu", "_leaky_relu", "_tanh")
_LINEAR: Tuple[str, ...] = ("linear_dynamic", "linear_relu_dynamic", "linear_dynamic_fp16", "linear_relu_dynamic_fp16")
_LINEAR += tuple(f"linear{activation}" for activation in _ACTIVATIONS)
_LINEAR += ("linear_dynamic_fp16_unpacked_weight", "matmul")
_DIMENSIONS = ("1d", "2d", "3d")
_CONVOLUTIONS = tuple(f"conv{size}{form}" for size in _DIMENSIONS for form in ("", "_relu", "_dynamic"))
_CONVOLUTIONS += ("conv2d_add", "conv2d_add_relu")


@product_flops(*(f"quantized::{name}" for name in _LINEAR))
def quantized_linear_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count elements of the output × input features, as the layer with unpacked weights.

    Source: torch.ao.nn.quantized.dynamic.Linear, torch.ao.nn.quantized.Linear.
    """
    return elements(outputs[0]) * shape_of(inputs[0])[-1]


@product_flops(*(f"quantized::{name}" for name in _CONVOLUTIONS))
def quantized_convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count batch × elements of the weight × elements of one output map.

    Source: torch.ao.nn.quantized.Conv2d.
    """
    weights = [packed for value in inputs[1:3] for packed in value.inputs() if packed.shape is not None]
    return convolution_macs(shape_of(weights[0]), shape_of(outputs[0]))


@product_flops(*(f"quantized::conv_transpose{size}{form}" for size in _DIMENSIONS for form in ("", "_dynamic")))
def quantized_transposed_convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count batch × elements of the weight × elements of one input map.

    Source: torch.ao.nn.quantized.ConvTranspose2d.
    """
    image, weight = shape_of(inputs[0]), shape_of(inputs[1].inputs()[0])
    return image[0] * prod(weight) * prod(image[2:])
