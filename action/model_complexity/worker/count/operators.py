"""Sort the operators that have no handle into negligible and uncounted."""

from __future__ import annotations

from typing import Dict, Iterable, Tuple

from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION, NEGLIGIBLE_FUNCTIONS

_ELEMENTWISE = """
    abs acos add addcdiv addcmul addr alias __and__ and angle arctan arctan2 asin atan atan2 bitwise_and bitwise_not
    bitwise_or bitwise_xor ceil clamp clamp_max clamp_min clone conj conj_physical cos cosh cross cummax cummin cumprod cumsum
    deg2rad div divide eq erf erfc erfinv exp exp2 expm1 fill float_power floor floor_divide fmax fmin fmod frac ge ger
    greater greater_equal gt heaviside hypot is_nonzero isfinite isinf isnan kron le lerp less less_equal linalg_cross log
    log10 log1p log2 logaddexp logcumsumexp logical_and logical_not logical_or logical_xor logit __lshift__ lt masked_fill
    maximum minimum mul multiply nan_to_num ne neg negative not_equal __or__ outer polar positive pow rad2deg reciprocal
    remainder round __rshift__ rsqrt rsub sgn sign sin sinc sinh sqrt square sub subtract tan threshold true_divide trunc
    where xlogy __xor__
"""
_ACTIVATION = """
    alpha_dropout bernoulli celu dropout dropout2d dropout3d elu exponential feature_alpha_dropout feature_dropout gelu glu
    hardshrink hardsigmoid hardswish hardtanh leaky_relu log_normal log_sigmoid _log_softmax log_softmax mish multinomial
    normal prelu rand rand_like randint randint_like randn randn_like randperm relu relu6 rrelu selu sigmoid silu _softmax
    softmax softmin softplus softshrink tanh uniform
"""
_POOLING = """
    adaptive_avg_pool1d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool2d_with_indices
    adaptive_max_pool3d avg_pool1d avg_pool2d avg_pool3d fractional_max_pool2d fractional_max_pool3d max_pool1d
    max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices max_unpool2d max_unpool3d
"""
_REDUCTION = """
    all amax amin aminmax any argmax argmin cosine_similarity count_nonzero frobenius_norm linalg_norm linalg_vector_norm
    logsumexp max mean median min mode nanmean nansum norm norm_except_dim pairwise_distance prod segment_reduce std std_mean
    sum trace var var_mean _weight_norm
"""
_MOVING = """
    adjoint arange argsort argwhere as_strided atleast_1d atleast_2d bincount block_diag Bool broadcast_tensors broadcast_to
    bucketize cartesian_prod cat channel_shuffle chunk circular_pad col2im column_stack combinations complex concat
    constant_pad_nd contiguous copy cpu cuda detach diag diag_embed diagonal diagonal_scatter diff dim dsplit dstack embedding
    embedding_bag embedding_renorm empty empty_like expand expand_as eye fft_fftfreq fft_fftshift fft_ifftshift fft_rfftfreq
    flatten flip fliplr flipud Float FloatImplicit full full_like gather hsplit hstack im2col imag index index_add index_copy
    index_fill index_put index_reduce index_select Int IntImplicit is_complex is_floating_point isin item len lift_fresh
    linspace masked_scatter masked_select matrix_H meshgrid mH moveaxis movedim msort mT narrow native_channel_shuffle
    new_empty new_full new_ones new_zeros nonzero nonzero_numpy numel numpy_T one_hot ones ones_like _pack_padded_sequence pad
    _pad_packed_sequence permute pixel_shuffle pixel_unshuffle ravel real reflection_pad1d reflection_pad2d reflection_pad3d
    repeat repeat_interleave replication_pad1d replication_pad2d replication_pad3d reshape reshape_as resolve_conj roll rot90
    row_stack scalar_tensor ScalarImplicit scatter scatter_add scatter_reduce searchsorted select select_scatter
    _shape_as_tensor size slice slice_scatter sort split split_with_sizes squeeze stack stride swapaxes swapdims t
    take_along_dim tensor tensor_split tile to topk transpose tril tril_indices triu triu_indices type_as unbind unflatten
    unfold unique _unique2 unique2 unsafe_chunk unsafe_split unsafe_split_with_sizes unsqueeze vander view view_as
    view_as_complex view_as_real vsplit vstack zeros zeros_like
"""
NEGLIGIBLE = frozenset(" ".join([_ELEMENTWISE, _ACTIVATION, _POOLING, _REDUCTION, _MOVING]).split())
"""Operators without their prefix ``aten::`` that do at most a few operations for each value that they read.

fvcore leaves most of them out of its table for the same reason. What is neither here nor has a handle is uncounted."""
_OPAQUE = ("prim::PythonOp", "prim::CallFunction", "prim::CallMethod")
"""Nodes that may hide any work: autograd Functions and scripted functions. Other ``prim::`` nodes are bookkeeping."""


def is_negligible(operator: str) -> bool:
    """Return whether an operator, e.g. ``aten::add_``, may be left out of the count silently."""
    namespace, _, name = operator.partition("::")
    if namespace == "prim":
        return operator in NEGLIGIBLE_FUNCTIONS or not operator.startswith(_OPAQUE)
    return namespace == "aten" and (name in NEGLIGIBLE or name.rstrip("_") in NEGLIGIBLE)


def sort_operators(operators: Iterable[Tuple[str, int]]) -> Dict[str, Dict[str, int]]:
    """Split (operator, count) pairs into ``negligible`` and ``uncounted``, each sorted by name.

    An autograd Function goes by its own name: ``prim::PythonOp.CARAFEFunction`` is ``CARAFEFunction``.
    """
    found: Dict[str, Dict[str, int]] = {"negligible": {}, "uncounted": {}}
    for operator, count in sorted(operators):
        name = operator[len(AUTOGRAD_FUNCTION) :] if operator.startswith(AUTOGRAD_FUNCTION) else operator
        found["negligible" if is_negligible(operator) else "uncounted"][name] = count
    return found
