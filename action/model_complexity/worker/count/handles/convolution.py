"""Count convolutions."""

from __future__ import annotations

from math import prod
from typing import Any, List, Sequence

from model_complexity.worker.count.node import elements, shape_of
from model_complexity.worker.count.registry import activations, flops, product_flops


def convolution_macs(weight: Sequence[int], output: Sequence[int]) -> int:
    """Return the multiply-accumulates of a convolution: batch × elements of the weight × elements of one output map."""
    return output[0] * prod(weight) * prod(output[2:])


@product_flops("aten::_convolution_mode")
@product_flops("aten::_conv_depthwise2d", "aten::conv_depthwise3d", "aten::_slow_conv2d_forward", "aten::thnn_conv2d")
@product_flops(
    "aten::slow_conv3d", "aten::slow_conv3d_forward", "aten::slow_conv_dilated2d", "aten::slow_conv_dilated3d"
)
@product_flops("aten::cudnn_convolution", "aten::cudnn_convolution_relu", "aten::cudnn_convolution_add_relu")
@product_flops("aten::miopen_convolution", "aten::miopen_convolution_relu", "aten::miopen_convolution_add_relu")
@product_flops("aten::miopen_depthwise_convolution", "aten::mkldnn_convolution", "aten::_nnpack_spatial_convolution")
def convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count batch × elements of the weight × elements of one output map.

    The weight is the second input: padding by name, or a device's own operator.

    Source: fvcore's count of torch.nn.Conv2d.
    """
    return convolution_macs(shape_of(inputs[1]), shape_of(outputs[0]))


@product_flops("aten::cudnn_convolution_transpose", "aten::miopen_convolution_transpose")
@product_flops("aten::slow_conv_transpose2d", "aten::slow_conv_transpose3d")
def transposed_convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count batch × elements of the weight × elements of one input map.

    Source: fvcore's count of torch.nn.ConvTranspose2d.
    """
    return convolution_macs(shape_of(inputs[1]), shape_of(inputs[0]))


@flops("aten::convolution_backward", "aten::convolution_backward_overrideable")
def convolution_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the convolution once for the gradient of its input, and once for that of its weight.

    Inputs: gradient of the output, input, weight, sizes of the bias, stride, padding, dilation, transposed, …, output mask last.

    Source: the definition; each multiply-accumulate of the convolution has one for each of its two factors.
    """
    transposed, mask = inputs[-4].constant, inputs[-1].constant
    return convolution_macs(shape_of(inputs[2]), shape_of(inputs[1 if transposed else 0])) * (
        bool(mask[0]) + bool(mask[1])
    )


@activations("aten::convolution_backward", "aten::convolution_backward_overrideable")
def convolution_backward_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the same products."""
    return sum(elements(gradient) for gradient in outputs[:2] if gradient.shape is not None)


@product_flops("aten::conv_tbc")
def conv_tbc_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count T·B·Cout·K·Cin for weight (K, Cin, Cout) over an output (T, B, Cout).

    Source: torch.conv_tbc.
    """
    kernel, channels, _ = shape_of(inputs[1])
    return elements(outputs[0]) * kernel * channels
