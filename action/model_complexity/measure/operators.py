"""What an operator costs: handles for those that fvcore lacks, and the table that sorts the rest.

A handle takes the inputs and outputs of one node of the traced graph and returns a count; see ``fvcore.nn.jit_handles``.
A new operator is one function and one row.
"""

from __future__ import annotations

from math import prod
from typing import Any, Callable, Dict, Iterable, List, Mapping, Tuple

from fvcore.nn.jit_handles import get_shape

Handle = Callable[[List[Any], List[Any]], int]


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
    query, key, value = (get_shape(tensor) for tensor in inputs[:3])
    return query[-2], key[-2], query[-1], value[-1], prod(get_shape(outputs[0])[:-2])


FLOP_HANDLES: Mapping[str, Handle] = {"aten::scaled_dot_product_attention": scaled_dot_product_attention_flops}
ACTIVATION_HANDLES: Mapping[str, Handle] = {
    "aten::scaled_dot_product_attention": scaled_dot_product_attention_activations
}

_ELEMENTWISE = """
    abs acos add addcdiv addcmul alias and asin atan atan2 bitwise_and bitwise_not bitwise_or bitwise_xor ceil clamp clamp_max
    clamp_min clone cos cosh cumprod cumsum div eq erf exp exp2 expm1 fill floor floor_divide fmod frac ge gt heaviside
    is_nonzero isfinite isinf isnan le lerp log log10 log1p log2 logaddexp logical_and logical_not logical_or logical_xor lt
    masked_fill maximum minimum mul nan_to_num ne neg pow reciprocal remainder round rsqrt rsub sgn sign sin sinh sqrt square
    sub tan threshold trunc true_divide where xlogy __and__ __or__ __xor__ __lshift__ __rshift__
"""
_ACTIVATION = """
    celu elu gelu glu hardshrink hardsigmoid hardswish hardtanh leaky_relu log_sigmoid log_softmax mish prelu relu relu6 rrelu
    selu sigmoid silu softmax softplus softshrink tanh dropout dropout2d dropout3d feature_dropout alpha_dropout
    bernoulli rand rand_like randn randn_like randint randperm uniform normal
"""
_POOLING = """
    adaptive_avg_pool1d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d avg_pool1d avg_pool2d
    avg_pool3d max_pool1d max_pool2d max_pool2d_with_indices max_pool3d
"""
_REDUCTION = """
    all amax amin any argmax argmin count_nonzero frobenius_norm linalg_norm linalg_vector_norm logsumexp max mean median min
    norm prod std std_mean sum var var_mean
"""
_MOVING = """
    Bool Float FloatImplicit Int IntImplicit ScalarImplicit arange argsort as_strided atleast_1d atleast_2d bincount
    broadcast_tensors broadcast_to bucketize cat channel_shuffle chunk col2im complex concat contiguous copy cpu cuda detach diag
    diag_embed diagonal diff embedding empty empty_like expand expand_as eye flatten flip full full_like gather hstack im2col
    imag index index_add index_copy index_fill index_put index_select item lift_fresh linspace masked_scatter masked_select
    meshgrid movedim moveaxis narrow native_channel_shuffle new_empty new_full new_ones new_zeros nonzero nonzero_numpy numel
    numpy_T one_hot ones ones_like pad permute pixel_shuffle pixel_unshuffle real reflection_pad1d reflection_pad2d repeat
    repeat_interleave replication_pad2d resolve_conj reshape reshape_as roll rot90 scalar_tensor scatter scatter_add searchsorted
    select slice sort split split_with_sizes squeeze stack swapaxes t take_along_dim tensor tensor_split tile to topk
    transpose tril tril_indices triu triu_indices type_as unbind unfold unflatten unique unique2 _unique2 unsqueeze vander view
    view_as view_as_complex view_as_real vstack zeros zeros_like constant_pad_nd size stride len dim
"""
NEGLIGIBLE = frozenset(" ".join([_ELEMENTWISE, _ACTIVATION, _POOLING, _REDUCTION, _MOVING]).split())
"""Operators without their prefix ``aten::`` whose work is nothing beside the counted ones: at most a few operations for each
value that they read, or none. fvcore leaves most of them out of its table for the same reason. Everything that is not here
and has no handle is uncounted compute, which a reviewer is told of."""


def is_negligible(operator: str) -> bool:
    """Whether an operator, e.g. ``aten::add_``, may be left out of the count without a word."""
    namespace, _, name = operator.partition("::")
    if namespace == "prim":
        return True
    return namespace == "aten" and (name in NEGLIGIBLE or name.rstrip("_") in NEGLIGIBLE)


def sort_operators(operators: Iterable[Tuple[str, int]]) -> Dict[str, Dict[str, int]]:
    """Splits (operator, count) pairs into ``negligible`` and ``uncounted``, each sorted by name."""
    found: Dict[str, Dict[str, int]] = {"negligible": {}, "uncounted": {}}
    for name, count in sorted(operators):
        found["negligible" if is_negligible(name) else "uncounted"][name] = count
    return found
