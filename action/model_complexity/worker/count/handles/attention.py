"""Count torch's attention operators, which hide the matrix products inside."""

from __future__ import annotations

from math import prod
from typing import Any, List, Tuple

from model_complexity.worker.count.node import numbers_in, shape_of
from model_complexity.worker.count.registry import activations, flops

_ATTENTION = (
    "aten::scaled_dot_product_attention",
    "aten::_scaled_dot_product_flash_attention",
    "aten::_scaled_dot_product_flash_attention_for_cpu",
    "aten::_scaled_dot_product_efficient_attention",
    "aten::_scaled_dot_product_cudnn_attention",
    "aten::_scaled_dot_product_fused_attention_overrideable",
    "higher_order::flex_attention",
)
_BACKWARD = tuple(f"{name}_backward" for name in _ATTENTION[1:])


@flops(*_ATTENTION)
def scaled_dot_product_attention_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count …·L·S·(E + Ev) for query (…, L, E), key (…, S, E), value (…, S, Ev).

    Its two matmuls, as fvcore counts the same model written with ``@``. The leading dimensions are the output's, so grouped
    and broadcast heads count as often as they are computed. A mask makes no difference. The softmax between the two is not
    counted, as nowhere in fvcore.

    Source: Vaswani et al., "Attention Is All You Need", section 3.2.1.
    """
    length, keys, width, value_width, heads = _attention(inputs, outputs)
    return heads * length * keys * (width + value_width)


@activations(*_ATTENTION)
def scaled_dot_product_attention_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the two matmuls: …·L·S scores and …·L·Ev values."""
    length, keys, _, value_width, heads = _attention(inputs, outputs)
    return heads * length * (keys + value_width)


def _attention(inputs: List[Any], outputs: List[Any]) -> Tuple[int, int, int, int, int]:
    query, key, value = (shape_of(tensor) for tensor in inputs[:3])
    return query[-2], key[-2], query[-1], value[-1], prod(shape_of(outputs[0])[:-2])


@flops(*_BACKWARD)
def attention_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count …·L·S·(3·E + 2·Ev): the scores once more, and the gradients of scores, query, key and value.

    Inputs: gradient of the output, query, key, value.

    Source: Dao et al., "FlashAttention", algorithm 4.
    """
    query, key, value = (shape_of(tensor) for tensor in inputs[1:4])
    return prod(query[:-1]) * key[-2] * (3 * query[-1] + 2 * value[-1])


@activations(*_BACKWARD)
def attention_backward_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the same products: scores, their gradient, and the gradients of query, key and value."""
    query, key, value = (shape_of(tensor) for tensor in inputs[1:4])
    return 2 * prod(query[:-1]) * key[-2] + prod(query) + prod(key) + prod(value)


@flops("aten::_native_multi_head_attention")
def fused_attention_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count B·(2·L·D² + 2·S·D² + 2·L·S·D) for query (B, L, D), key (B, S, D).

    Projections of query and output over L, of key and value over S, and the two matmuls of attention.

    Source: torch.nn.MultiheadAttention, whose fused path in eval mode this is.
    """
    (batch, length, width), keys = shape_of(inputs[0]), shape_of(inputs[1])[1]
    return 2 * batch * width * (length * width + keys * width + length * keys)


@activations("aten::_native_multi_head_attention")
def fused_attention_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the same products, h heads: B·(3·L·D + 2·S·D + h·L·S)."""
    (batch, length, width), keys = shape_of(inputs[0]), shape_of(inputs[1])[1]
    (heads,) = numbers_in(inputs[4])
    return batch * (3 * length * width + 2 * keys * width + int(heads) * length * keys)


@flops("aten::_transformer_encoder_layer_fwd")
def fused_encoder_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count B·L·D·(4·D + 2·L + 2·F + 10) for (B, L, D) and F hidden features.

    Attention of (B, L, D) on itself, the two linear layers and two layer norms: 5 for each element is fvcore's layer_norm.

    Source: torch.nn.TransformerEncoderLayer, whose fused path in eval mode this is.
    """
    batch, length, width = shape_of(inputs[0])
    hidden = shape_of(inputs[14])[0]
    return batch * length * width * (4 * width + 2 * length + 2 * hidden + 10)


@activations("aten::_transformer_encoder_layer_fwd")
def fused_encoder_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the same products, h heads: B·L·(5·D + h·L + F + D)."""
    batch, length, width = shape_of(inputs[0])
    (heads,), hidden = numbers_in(inputs[2]), shape_of(inputs[14])[0]
    return batch * length * (6 * width + int(heads) * length + hidden)
