"""Describe operators: how they are recorded, and whether they are negligible where they have no handle."""

from __future__ import annotations

from typing import AbstractSet, Any, List, Sequence, Tuple

import torch

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
    all amax amin aminmax any argmax argmin count_nonzero frobenius_norm linalg_norm linalg_vector_norm
    logsumexp max mean median min mode nanmean nansum norm norm_except_dim prod segment_reduce std std_mean
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
    view_as_complex view_as_real vsplit vstack zeros zeros_like empty_strided new_empty_strided resize set_data
    _to_copy _unsafe_view
"""
_RANDOM = """
    binomial cauchy _cudnn_init_dropout_state _fused_dropout geometric native_dropout normal_functional _philox_normal
    _philox_uniform poisson random rrelu_with_noise rrelu_with_noise_functional _sample_dirichlet _standard_gamma
"""
_LOSS = """
    binary_cross_entropy binary_cross_entropy_with_logits _ctc_loss _cudnn_ctc_loss huber_loss miopen_ctc_loss mse_loss
    multi_margin_loss multilabel_margin_loss_forward nll_loss2d_forward nll_loss_forward smooth_l1_loss soft_margin_loss
"""
_REST = """
    _adaptive_avg_pool3d _add_relu allclose _aminmax as_strided_scatter bitwise_left_shift bitwise_right_shift _chunk_cat
    _coalesce _coalesced _conj_physical copysign copy_sparse_to_sparse _copy_from _copy_from_and_resize _cummax_helper
    _cummin_helper dequantize dist _embedding_bag _embedding_bag_forward_only empty_permuted equal
    fake_quantize_per_channel_affine_cachemask fake_quantize_per_tensor_affine_cachemask
    _fake_quantize_learnable_per_channel_affine _fake_quantize_learnable_per_tensor_affine
    _fake_quantize_per_tensor_affine_cachemask_tensor_qparams _functional_assert_async _fused_moving_avg_obs_fq_helper
    _fused_sdp_choice gcd glu_jvp hash_tensor histc histogram _histogramdd_bin_edges _histogramdd_from_bin_cts
    _histogramdd_from_bin_tensors _index_put_impl int_repr __irshift__ is_coalesced _is_all_true _is_any_true is_pinned
    is_set_to _jagged_to_padded_dense_forward kthvalue _lazy_clone lcm lgamma _local_scalar_dense _logcumsumexp
    log_sigmoid_forward logspace _make_per_channel_quantized_tensor _make_per_tensor_quantized_tensor _masked_scale
    _masked_softmax mkldnn_max_pool2d mkldnn_max_pool3d _mkldnn_reshape _mkldnn_transpose nanmedian native_norm
    _nested_from_padded _nested_from_padded_tensor _nested_tensor_from_mask _nested_tensor_from_tensor_list
    _nested_tensor_size _nested_tensor_softmax_with_shape _nested_tensor_storage_offsets _nested_tensor_strides _nnz
    nonzero_static _padded_dense_to_jagged_forward _pin_memory polygamma _prelu_kernel put q_per_channel_axis
    q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point quantize_per_channel quantize_per_tensor
    quantize_per_tensor_dynamic quantized_max_pool1d quantized_max_pool2d quantized_max_pool3d range renorm _reshape_copy
    resize_as _resize_output _safe_softmax sparse_compressed_tensor sparse_coo_tensor _sparse_coo_tensor_with_dims
    _sparse_coo_tensor_with_dims_and_tensors _sparse_csr_prod _sparse_csr_sum sparse_dim _sparse_log_softmax sparse_mask
    _sparse_mask_projection _sparse_semi_structured_apply _sparse_semi_structured_tile _sparse_softmax _sparse_sum _stack
    take _thnn_fused_gru_cell _thnn_fused_lstm_cell _to_dense _to_sparse _to_sparse_bsc _to_sparse_bsr _to_sparse_csc
    _to_sparse_csr to_mkldnn to_padded_tensor _transform_bias_rescale_qkv _unique unique_consecutive unique_dim
    unique_dim_consecutive _unsafe_index _unsafe_index_put _unsafe_masked_index _unsafe_masked_index_put_accumulate
    _validate_compressed_sparse_indices _weight_norm_interface
"""
NEGLIGIBLE = frozenset(
    " ".join([_RANDOM, _LOSS, _REST, _ELEMENTWISE, _ACTIVATION, _POOLING, _REDUCTION, _MOVING]).split()
)
"""Operators without their prefix ``aten::`` that do at most a few operations for each value that they read.

fvcore leaves most of them out of its table for the same reason. What is neither here nor has a handle is uncounted."""
_BOOKKEEPING = frozenset(
    (
        *("alias", "detach", "is_same_size", "lift", "lift_fresh", "lift_fresh_copy", "record_stream", "retain_grad"),
        *(
            "set_",
            "zero",
            "zero_",
            "_foreach_zero",
            "_foreach_zero_",
            "_version",
            "_linalg_check_errors",
            "_has_same_storage_numel",
        ),
    )
)
"""Operators that do nothing, or fill memory with zeros. They are not recorded at all."""
_BOOKKEEPING_NAMESPACES = ("debugprims", "inductor", "prim", "profiler", "rngprims", "streams")
SHAPE_ONLY = frozenset(
    (
        *(
            "empty_like",
            "full_like",
            "new_empty",
            "new_empty_strided",
            "new_full",
            "new_ones",
            "new_zeros",
            "ones_like",
        ),
        *("zeros_like", "_shape_as_tensor"),
    )
)
"""Operators whose results depend on the shapes of their arguments alone."""
_MORE_READERS = frozenset(
    ("_to_sparse", "_to_sparse_bsc", "_to_sparse_bsr", "_to_sparse_csc", "_to_sparse_csr", "bincount")
)
_NEGLIGIBLE_AS_A_WHOLE = frozenset(("adaptive_avg_pool1d",))
"""Composed operators that fvcore does not count, unlike one of their parts (adaptive_avg_pool2d)."""
_NEGLIGIBLE_TAGS = tuple(
    getattr(torch.Tag, name) for name in ("pointwise", "reduction", "view_copy") if hasattr(torch.Tag, name)
)
"""torch's own classes of such operators. Earlier versions have fewer."""
_QUANTIZED = """
    add add_out add_relu add_scalar add_scalar_relu cat cat_relu celu clamp dropout elu embedding_4bit embedding_byte
    hardswish leaky_relu max_pool1d max_pool2d mul mul_out mul_relu mul_scalar mul_scalar_relu prelu relu6 sigmoid
    softmax threshold
"""
_NEGLIGIBLE_QUANTIZED = frozenset(_QUANTIZED.split())
"""The same with the prefix ``quantized::``."""
_PRODUCTS = ("attention", "conv", "dist_", "gru_", "mkldnn_linear", "lstm_", "matmul", "rnn_")
"""What the name of a gradient has in it that is not negligible."""
_CONVOLUTION = "aten::_convolution"
"""The name by which fvcore counts all convolutions."""
_CONVOLUTIONS = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), False),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), True),
}
"""Name -> whether it is transposed."""
_CONVOLUTIONS_WITH_FLAG = ("convolution", "convolution_overrideable", "_convolution")
_TRANSPOSED = 6
_CONVOLUTION_ARGUMENTS = 12


class Operator:
    """How one overload of an operator is recorded.

    Args:
        overload: the operator.
        handled: kinds that have a handle.
    """

    def __init__(self, overload: Any, handled: AbstractSet[str]) -> None:
        schema, tags = overload._schema, overload.tags
        namespace, _, self.name = schema.name.partition("::")
        self._arguments = [
            (part.name, part.default_value if part.has_default_value() else None)
            for part in schema.arguments
            if not part.is_out
        ]
        self._written = [
            (place, part.name)
            for place, part in enumerate(schema.arguments)
            if part.alias_info and part.alias_info.is_write
        ]
        self.kind = _kind(namespace, self.name, overload._overloadname, handled)
        self.is_handled = self.kind in handled
        self.is_composed = torch._C._dispatch_has_kernel_for_dispatch_key(overload.name(), "CompositeImplicitAutograd")
        """torch runs it as other operators, on any device."""
        self.is_bookkeeping = namespace in _BOOKKEEPING_NAMESPACES or (
            namespace == "aten" and (self.name in _BOOKKEEPING or self.name.startswith(("sym_", "_assert_")))
        )
        self.is_random = torch.Tag.nondeterministic_seeded in tags
        self.is_shape_only = self.name in SHAPE_ONLY
        self.reads_values = (
            torch.Tag.data_dependent_output in tags
            or torch.Tag.dynamic_output_shape in tags
            or self.name in _MORE_READERS
            or (namespace == "aten" and self.name == "index")
        )
        """What it returns, or its shape, may decide what the model does next."""
        self.is_negligible = not self.is_handled and (
            is_negligible(self.kind) or (namespace in ("aten", "prims") and self._is_negligible_by_schema(overload))
        )

        self.hides_parts = self.name in _NEGLIGIBLE_AS_A_WHOLE
        """Its parts are negligible too."""

    def _is_negligible_by_schema(self, overload: Any) -> bool:
        if self.is_bookkeeping or any(tag in overload.tags for tag in _NEGLIGIBLE_TAGS):
            return True
        if self.is_composed:
            return False
        takes_tensors = any("Tensor" in str(part.type) for part in overload._schema.arguments)
        return bool(overload.is_view) or not takes_tensors

    def values(self, args: Any, kwargs: Any, result: Any) -> Tuple[Sequence[Any], Sequence[Any]]:
        """Return what a handle counts by: the arguments in the schema's order, defaults included, and the results.

        A tensor that is given to be written is no argument.
        """
        if not self.is_handled:
            return (), ()
        arguments = [
            args[place] if place < len(args) else kwargs.get(name, default)
            for place, (name, default) in enumerate(self._arguments)
        ]
        if self.kind in (_CONVOLUTION, _CONVOLUTION + "_mode"):
            return self._convolution(arguments, result)
        return arguments, list(result) if isinstance(result, (list, tuple)) else [result]

    def _convolution(self, arguments: List[Any], result: Any) -> Tuple[Sequence[Any], Sequence[Any]]:
        image, weight = arguments[:2]
        if image.dim() < weight.dim():
            image, result = image.unsqueeze(0), result.unsqueeze(0)
        if self.kind == _CONVOLUTION:
            transposed = _CONVOLUTIONS[self.name] if self.name in _CONVOLUTIONS else arguments[_TRANSPOSED]
            flags = [None] * (_CONVOLUTION_ARGUMENTS - _TRANSPOSED - 1)
            return [image, weight, arguments[2], None, None, None, transposed, *flags], [result]
        return [image, *arguments[1:]], [result]

    def written(self, args: Any, kwargs: Any) -> List[Any]:
        """Return the arguments that it writes to."""
        return [kwargs.get(name, args[place] if place < len(args) else None) for place, name in self._written]


def _kind(namespace: str, name: str, overload: str, handled: AbstractSet[str]) -> str:
    """Return the name that handles are registered by: of an operator in place that of its other form."""
    if namespace == "aten" and (name in _CONVOLUTIONS or name in _CONVOLUTIONS_WITH_FLAG):
        return _CONVOLUTION + "_mode" if overload == "padding" else _CONVOLUTION
    kind = f"{namespace}::{name}"
    return kind[:-1] if name.endswith("_") and kind[:-1] in handled else kind


def is_negligible(kind: str) -> bool:
    """Return whether the table has an operator, e.g. ``aten::add_``, or Function that may be left out of the count silently."""
    namespace, _, name = kind.partition("::")
    if kind.startswith(AUTOGRAD_FUNCTION):
        return kind in NEGLIGIBLE_FUNCTIONS
    if namespace == "quantized":
        return name in _NEGLIGIBLE_QUANTIZED
    if namespace != "aten":
        return False
    is_gradient = "_backward" in name and name != "linear_backward" and not any(part in name for part in _PRODUCTS)
    return is_gradient or name in NEGLIGIBLE or _plain(name) in NEGLIGIBLE


def _plain(name: str) -> str:
    """Return the operator of which another is a form: in place, copied, of many tensors, backward."""
    for prefix in ("_foreach_", "special_"):
        name = name[len(prefix) :] if name.startswith(prefix) else name
    name = name.rstrip("_")
    for suffix in ("_backward_data", "_backward", "_copy"):
        name = name[: -len(suffix)] if name.endswith(suffix) else name
    return name
