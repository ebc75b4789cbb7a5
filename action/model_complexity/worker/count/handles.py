"""Operator handles that fvcore lacks, or has and gets wrong: what a node of the traced graph costs.

A handle takes the inputs and outputs of one node and returns a count; one multiply-accumulate is one flop. See
``fvcore.nn.jit_handles``. Which operator has which handle is said in ``operators``.
"""

from __future__ import annotations

from math import ceil, log2, prod
from typing import Any, Callable, List, Sequence, Tuple

from fvcore.nn.jit_handles import get_shape

from model_complexity.worker.count.einsum import chain_macs, einsum_macs

Handle = Callable[[List[Any], List[Any]], int]


# Reading a node


def shape_of(value: Any) -> List[int]:
    """The shape of a tensor, which the trace knows for every tensor that was really computed."""
    shape: List[int] = get_shape(value)
    return shape


def elements(value: Any) -> int:
    """How many elements a tensor has."""
    return prod(shape_of(value))


def shapes_in(value: Any) -> List[List[int]]:
    """The shapes of a list of tensors."""
    return [shape_of(tensor) for tensor in value.node().inputs()]


def numbers_in(value: Any) -> List[Any]:
    """A constant number or list of numbers as a list; empty for None. A number that was computed while tracing is None."""
    if _is_list(value) and value.toIValue() is None:
        return [number.toIValue() for number in value.node().inputs()]
    constant = value.toIValue()
    return [] if constant is None else list(constant) if isinstance(constant, (list, tuple)) else [constant]


def _is_list(value: Any) -> bool:
    return bool(value.type().kind() == "ListType")


# Matrix products


def product_over(operand: int, *dimensions: int) -> Handle:
    """Counts a matrix product: elements of the output × length of what is summed, which is these dimensions of this input.

    (…, M, K) @ (…, K, N) gives …·M·N·K with the leading dimensions of the *output*, so a broadcast operand counts as often
    as it is used, and vectors are fine (fvcore's handle of ``aten::matmul`` takes the first operand's leading dimensions and
    raises for a vector on the right). Source: the definition, torch.matmul.
    """

    def handle(inputs: List[Any], outputs: List[Any]) -> int:
        shape = shape_of(inputs[operand])
        return elements(outputs[0]) * prod(shape[dimension] for dimension in dimensions)

    return handle


def vecdot_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts ``linalg_vecdot(x, y, dim)``: elements of the output × length of ``dim``. Source: torch.linalg.vecdot."""
    (dimension,) = numbers_in(inputs[2])
    return elements(outputs[0]) * max(shape_of(operand)[int(dimension)] for operand in inputs[:2])


def tensordot_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts ``tensordot(a, b, dims_a, dims_b)``: elements of the output × sizes of ``dims_a``. Source: torch.tensordot."""
    shape = shape_of(inputs[0])
    return elements(outputs[0]) * prod(shape[int(dimension)] for dimension in numbers_in(inputs[2]))


def multi_dot_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts ``linalg_multi_dot`` and ``chain_matmul`` in the cheapest order, see ``chain_macs``."""
    return chain_macs(shapes_in(inputs[0]))


def einsum_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts ``einsum(equation, operands, path)``, see ``einsum_macs``.

    fvcore takes the number from the text of numpy's report, which has four digits, fails on repeated indices and on an
    ellipsis over shapes that are broadcast, and makes arrays of the operands' sizes to ask.
    """
    path = numbers_in(inputs[2]) if len(inputs) > 2 else []
    return einsum_macs(inputs[0].toIValue(), shapes_in(inputs[1]), path)


def bilinear_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts x1ᵀ·A·x2 for x1 (…, I), x2 (…, J), A (O, I, J): …·O·I·J + …·O·J. Source: torch.nn.Bilinear."""
    _, first, second = shape_of(inputs[2])
    return elements(outputs[0]) * (first * second + second)


def cdist_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts (…, P, M) against (…, R, M): …·P·R·M, one subtract-and-accumulate for each pair and feature. torch.cdist."""
    return elements(outputs[0]) * shape_of(inputs[0])[-1]


# Convolutions


def convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts a convolution as fvcore does: batch × elements of the weight × elements of one output map.

    Serves ``_convolution_mode`` (string padding): (input, weight, bias, stride, padding, dilation, groups); never transposed.
    Source: torch.nn.Conv2d; fvcore.nn.jit_handles.conv_flop_count.
    """
    return _convolution(shape_of(inputs[1]), shape_of(outputs[0]))


def conv_tbc_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts weight (K, Cin, Cout) over an output (T, B, Cout): T·B·Cout·K·Cin. Source: torch.conv_tbc."""
    kernel, channels, _ = shape_of(inputs[1])
    return elements(outputs[0]) * kernel * channels


def deformable_convolution_flops(weight: int) -> Handle:
    """Counts a convolution, and 4 for each value that is sampled for it (bilinear, as ``grid_sampler`` counts).

    batch·Hout·Wout·(elements of the weight + 4·Cin·Kh·Kw). The offsets come from a convolution that counts for itself; the
    product with the mask is elementwise.

    Args:
        weight: position of the weight (Cout, Cin/groups, Kh, Kw) among the inputs; the image is the first.

    Source: Dai et al., "Deformable Convolutional Networks", equations 2 to 4; Zhu et al., "Deformable ConvNets v2".
    """

    def handle(inputs: List[Any], outputs: List[Any]) -> int:
        image, kernel, output = shape_of(inputs[0]), shape_of(inputs[weight]), shape_of(outputs[0])
        sampled = image[0] * image[1] * prod(kernel[2:]) * prod(output[2:])
        return _convolution(kernel, output) + 4 * sampled

    return handle


def masked_convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts mmcv's ``MaskedConv2d`` as the convolution that it is where the mask keeps every place: the most that it costs.

    Inputs: features (N, Cin, H, W), mask (N, H, W), weight (Cout, Cin, Kh, Kw), bias. Source: Wang et al., "Region
    Proposal by Guided Anchoring", section 3.3.
    """
    return _convolution(shape_of(inputs[2]), shape_of(outputs[0]))


def reassembly_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts CARAFE's reassembly: K² for each value of the output, K the side of its kernels.

    The kernels come from convolutions that count for themselves. Source: Wang et al., "CARAFE", section 3.3.
    """
    return elements(outputs[0]) * int(_numbers_of(outputs[0])[0]) ** 2


def correlation_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts C·K² for each value of the output (N, P, P, H, W): patches of K x K over C channels, P² displacements.

    Source: Dosovitskiy et al., "FlowNet", section 3, equation 1.
    """
    return elements(outputs[0]) * shape_of(inputs[0])[1] * int(_numbers_of(outputs[0])[0]) ** 2


def _numbers_of(output: Any) -> List[Any]:
    """What an ``autograd.Function`` was called with beside tensors, in order."""
    return list(output.node().scalar_args())


def _convolution(weight: Sequence[int], output: Sequence[int]) -> int:
    return output[0] * prod(weight) * prod(output[2:])


# Attention


def scaled_dot_product_attention_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts attention as its two matmuls, as fvcore counts the same model written with ``@``.

    Query (…, L, E), key (…, S, E) and value (…, S, Ev) give …·L·S·(E + Ev); the leading dimensions are taken from the
    output, so grouped and broadcast heads count as often as they are computed. The softmax between the two is not counted,
    as nowhere in fvcore.

    Source: Vaswani et al., "Attention Is All You Need", section 3.2.1; torch.nn.functional.scaled_dot_product_attention.
    """
    length, keys, width, value_width, heads = _attention(inputs, outputs)
    return heads * length * keys * (width + value_width)


def scaled_dot_product_attention_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts the outputs of the two matmuls: …·L·S scores and …·L·Ev values."""
    length, keys, _, value_width, heads = _attention(inputs, outputs)
    return heads * length * (keys + value_width)


def _attention(inputs: List[Any], outputs: List[Any]) -> Tuple[int, int, int, int, int]:
    query, key, value = (shape_of(tensor) for tensor in inputs[:3])
    return query[-2], key[-2], query[-1], value[-1], prod(shape_of(outputs[0])[:-2])


def fused_attention_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts ``_native_multi_head_attention(query, key, …)`` of query (B, L, D), key (B, S, D): B·(2·L·D² + 2·S·D² + 2·L·S·D).

    Projections of query and output over L, of key and value over S, and the two matmuls of attention.
    Source: torch.nn.MultiheadAttention, whose fused path in eval mode this is.
    """
    (batch, length, width), keys = shape_of(inputs[0]), shape_of(inputs[1])[1]
    return 2 * batch * width * (length * width + keys * width + length * keys)


def fused_attention_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts the outputs of the same products, h heads: B·(3·L·D + 2·S·D + h·L·S)."""
    (batch, length, width), keys = shape_of(inputs[0]), shape_of(inputs[1])[1]
    (heads,) = numbers_in(inputs[4])
    return batch * (3 * length * width + 2 * keys * width + int(heads) * length * keys)


def fused_encoder_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts ``_transformer_encoder_layer_fwd``: attention of (B, L, D) on itself, the two linear layers, two layer norms.

    B·L·(4·D² + 2·L·D + 2·D·F + 2·5·D) with F hidden features; 5 for each element is fvcore's layer_norm.
    Source: torch.nn.TransformerEncoderLayer, whose fused path in eval mode this is.
    """
    batch, length, width = shape_of(inputs[0])
    hidden = shape_of(inputs[14])[0]
    return batch * length * width * (4 * width + 2 * length + 2 * hidden + 10)


def fused_encoder_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts the outputs of the same products, h heads: B·L·(5·D + h·L + F + D)."""
    batch, length, width = shape_of(inputs[0])
    (heads,), hidden = numbers_in(inputs[2]), shape_of(inputs[14])[0]
    return batch * length * (6 * width + int(heads) * length + hidden)


def deformable_attention_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts multi-scale deformable attention: 4·B·Q·M·L·P·D, the bilinear samples, as ``grid_sampler`` counts.

    Value (B, S, M heads, D), sampling locations (B, Q, M, L levels, P points, 2). The fifth operation of Zhu et al.,
    "Deformable DETR", section 4.1 (5·N·K·C) weighs a sample: elementwise products and a sum in the form that mmcv runs on a
    CPU, ``multi_scale_deformable_attn_pytorch``, where those are not counted either. Both forms count the same.
    """
    return 4 * prod(shape_of(inputs[3])[:-1]) * shape_of(inputs[0])[-1]


# Recurrent layers


def recurrent_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts the gates' matmuls of LSTM, GRU and RNN: every weight matrix (G·H, I), (G·H, H), (proj, H) once for each token.

    Tokens are T·B of an input (T, B, I) or (B, T, I), or the rows of packed data (T', I). All layers and both directions are
    in the list of weights. Source: the equations of torch.nn.LSTM, torch.nn.GRU and torch.nn.RNN.
    """
    return _tokens(inputs) * sum(rows * columns for rows, columns in _matrices(inputs))


def recurrent_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts the outputs of the same matmuls: their rows, once for each token."""
    return _tokens(inputs) * sum(rows for rows, _ in _matrices(inputs))


def _tokens(inputs: List[Any]) -> int:
    return prod(shape_of(inputs[0])[:-1])


def _matrices(inputs: List[Any]) -> List[List[int]]:
    """The weights are the last list of tensors, wherever the overload (packed or not) has it; vectors are biases."""
    weights = [value for value in inputs if _is_list(value) and value.type().getElementType().kind() == "TensorType"][
        -1
    ]
    return [shape for shape in shapes_in(weights) if len(shape) == 2]


# Norms, resampling, transforms


def layer_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts 5 for each element, 4 without weight, as fvcore's handle, which refuses more than five dimensions."""
    return elements(inputs[0]) * (5 if inputs[2].isCompleteTensor() else 4)


def rms_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts 3 for each element, 2 without weight: layer_norm's without the mean and its subtraction. torch.nn.RMSNorm."""
    return elements(inputs[0]) * (3 if inputs[2].isCompleteTensor() else 2)


def per_output(taps: int) -> Handle:
    """Counts as many for each element of the output as it reads: taps of the interpolation kernel, as fvcore for bilinear."""

    def handle(inputs: List[Any], outputs: List[Any]) -> int:
        return taps * elements(outputs[0])

    return handle


def antialiased_flops(support: int) -> Handle:
    """Counts a separable resampling: width first, then height, each output with ``support`` taps × how much it shrinks.

    (N, C, H, W) to (N, C, H', W') gives N·C·(H·W'·⌈support·max(1, W/W')⌉ + H'·W'·⌈support·max(1, H/H')⌉).
    Source: torch.nn.functional.interpolate with antialias, after Pillow's resize (aten/src/ATen/native/cpu/UpSampleKernel.cpp).
    """

    def handle(inputs: List[Any], outputs: List[Any]) -> int:
        (batch, channels, rows, columns), (*_, new_rows, new_columns) = shape_of(inputs[0]), shape_of(outputs[0])
        across = rows * new_columns * ceil(support * max(1, columns / new_columns))
        down = new_rows * new_columns * ceil(support * max(1, rows / new_rows))
        return batch * channels * (across + down)

    return handle


def grid_sampler_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Counts taps for each element of the output: 2^d bilinear in d dimensions, 1 nearest, 16 bicubic (2d only).

    fvcore takes every call for a bilinear one in 2d. Source: torch.nn.functional.grid_sample.
    """
    dimensions = len(shape_of(inputs[0])) - 2
    (mode,) = numbers_in(inputs[2])
    return (2**dimensions, 1, 4**dimensions)[mode] * elements(outputs[0])


def fourier_flops(*, real: bool, half: bool = False) -> Handle:
    """Counts half of 5·N·log2(N) operations for each transform of N points, and half of that again for real data.

    Halved because a multiplication and an addition are one flop here. N is the product of all transformed dimensions.
    Source: Frigo and Johnson, "The Design and Implementation of FFTW3", section IV; the count of radix-2 Cooley-Tukey.

    Args:
        real: one side of the transform is real.
        half: that side is the input, so the output holds only half of the last transformed dimension.
    """

    def handle(inputs: List[Any], outputs: List[Any]) -> int:
        points, sizes = list(shape_of(outputs[0])), numbers_in(inputs[1])
        dimensions = numbers_in(inputs[2]) or list(range(-len(sizes) or -len(points), 0))
        if half:
            last = dimensions[-1]
            points[last] = sizes[-1] if sizes and (sizes[-1] or 0) > 0 else shape_of(inputs[0])[last]
        length = prod(points[dimension] for dimension in dimensions)
        return round(prod(points) * log2(max(length, 1)) * 5 / (4 if real else 2))

    return handle
