"""What an operator costs: the tables of handles beside fvcore's own, and the table that sorts the rest.

A new operator is one function in ``handles`` and one row here.
"""

from __future__ import annotations

from typing import Dict, Iterable, Mapping, Tuple

from fvcore.nn.jit_handles import generic_activation_jit

from model_complexity.worker.count.handles import (
    Handle,
    antialiased_flops,
    bilinear_flops,
    cdist_flops,
    conv_tbc_flops,
    convolution_flops,
    correlation_flops,
    deformable_attention_flops,
    deformable_convolution_flops,
    einsum_flops,
    fourier_flops,
    fused_attention_activations,
    fused_attention_flops,
    fused_encoder_activations,
    fused_encoder_flops,
    grid_sampler_flops,
    layer_norm_flops,
    masked_convolution_flops,
    multi_dot_flops,
    per_output,
    product_over,
    reassembly_flops,
    recurrent_activations,
    recurrent_flops,
    rms_norm_flops,
    scaled_dot_product_attention_activations,
    scaled_dot_product_attention_flops,
    tensordot_flops,
    vecdot_flops,
)

FUNCTION = "prim::PythonOp."
"""Before the name of a ``torch.autograd.Function``, which the trace holds as one node: nothing below it is seen."""

_PRODUCTS: Mapping[str, Handle] = {
    "aten::matmul": product_over(0, -1),
    "aten::linalg_matmul": product_over(0, -1),
    "aten::mm": product_over(0, -1),
    "aten::mv": product_over(0, -1),
    "aten::dot": product_over(0, -1),
    "aten::vdot": product_over(0, -1),
    "aten::inner": product_over(0, -1),
    "aten::_addmm_activation": product_over(1, -1),
    "aten::addmv": product_over(1, -1),
    "aten::baddbmm": product_over(1, -1),
    "aten::addbmm": product_over(1, 0, -1),
    "aten::affine_grid_generator": product_over(0, -1),
    "aten::linalg_vecdot": vecdot_flops,
    "aten::linalg_multi_dot": multi_dot_flops,
    "aten::chain_matmul": multi_dot_flops,
    "aten::tensordot": tensordot_flops,
    "aten::bilinear": bilinear_flops,
    "aten::einsum": einsum_flops,
    "aten::_convolution_mode": convolution_flops,
    "aten::conv_tbc": conv_tbc_flops,
    "torchvision::deform_conv2d": deformable_convolution_flops(1),
    FUNCTION + "DeformConv2dFunction": deformable_convolution_flops(2),  # mmcv
    FUNCTION + "ModulatedDeformConv2dFunction": deformable_convolution_flops(3),
    FUNCTION + "MaskedConv2dFunction": masked_convolution_flops,
}
"""One matrix product or convolution each: its output is what counts as activations, as in fvcore."""

_RECURRENT = ("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu")
_TAPS = {
    "upsample_nearest1d": 1,
    "upsample_nearest2d": 1,
    "upsample_nearest3d": 1,
    "_upsample_nearest_exact1d": 1,
    "_upsample_nearest_exact2d": 1,
    "_upsample_nearest_exact3d": 1,
    "upsample_linear1d": 2,
    "upsample_bilinear2d": 4,
    "upsample_trilinear3d": 8,
    "upsample_bicubic2d": 16,
}
_COMPLEX_FOURIER = ("fft_fft", "fft_ifft", "fft_fft2", "fft_ifft2", "fft_fftn", "fft_ifftn")
_TO_REAL_FOURIER = ("fft_irfft", "fft_irfft2", "fft_irfftn", "fft_hfft", "fft_hfft2", "fft_hfftn")
_FROM_REAL_FOURIER = ("fft_rfft", "fft_rfft2", "fft_rfftn", "fft_ihfft", "fft_ihfft2", "fft_ihfftn")

FLOP_HANDLES: Mapping[str, Handle] = {
    **_PRODUCTS,
    "aten::scaled_dot_product_attention": scaled_dot_product_attention_flops,
    "aten::_native_multi_head_attention": fused_attention_flops,
    "aten::_transformer_encoder_layer_fwd": fused_encoder_flops,
    FUNCTION + "MultiScaleDeformableAttnFunction": deformable_attention_flops,  # mmcv
    FUNCTION + "MSDeformAttnFunction": deformable_attention_flops,  # Deformable DETR and what took it from there
    **dict.fromkeys(
        (FUNCTION + "CARAFEFunction", FUNCTION + "CARAFENaiveFunction"), reassembly_flops
    ),  # mmcv, as those below
    FUNCTION + "CorrelationFunction": correlation_flops,
    FUNCTION + "ThreeInterpolate": per_output(3),
    **dict.fromkeys(_RECURRENT, recurrent_flops),
    "aten::layer_norm": layer_norm_flops,
    "aten::rms_norm": rms_norm_flops,
    "aten::cdist": cdist_flops,
    **{f"aten::{name}": per_output(taps) for name, taps in _TAPS.items()},
    "aten::_upsample_bilinear2d_aa": antialiased_flops(2),
    "aten::_upsample_bicubic2d_aa": antialiased_flops(4),
    **dict.fromkeys(("aten::grid_sampler", "aten::grid_sampler_2d", "aten::grid_sampler_3d"), grid_sampler_flops),
    **{f"aten::{name}": fourier_flops(real=False) for name in _COMPLEX_FOURIER},
    **{f"aten::{name}": fourier_flops(real=True) for name in _TO_REAL_FOURIER},
    **{f"aten::{name}": fourier_flops(real=True, half=True) for name in _FROM_REAL_FOURIER},
}
ACTIVATION_HANDLES: Mapping[str, Handle] = {
    **dict.fromkeys(_PRODUCTS, generic_activation_jit()),
    "aten::scaled_dot_product_attention": scaled_dot_product_attention_activations,
    "aten::_native_multi_head_attention": fused_attention_activations,
    "aten::_transformer_encoder_layer_fwd": fused_encoder_activations,
    **dict.fromkeys(_RECURRENT, recurrent_activations),
}

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
"""Operators without their prefix ``aten::`` whose work is nothing beside the counted ones: at most a few operations for each
value that they read, or none. fvcore leaves most of them out of its table for the same reason. Everything that is not here
and has no handle is uncounted compute, which a reviewer is told of."""


_NEGLIGIBLE_FUNCTIONS = frozenset(
    FUNCTION + name
    for name in (
        "FusedBiasLeakyReLUFunction",  # an activation
        "GatherPoints",  # these move values
        "GroupingOperation",
        "PSAMaskFunction",
        "RoIPoolFunction",  # a maximum
        "SigmoidGeometricMean",  # mmdet's, elementwise
        "TINShiftFunction",
    )
)
"""Functions of mmcv and mmdet that would be negligible if they were written with torch's operators."""
_OPAQUE = ("prim::PythonOp", "prim::CallFunction", "prim::CallMethod")
"""Nodes that may hold any work: autograd Functions and scripted functions. Other ``prim::`` nodes are bookkeeping."""


def is_negligible(operator: str) -> bool:
    """Whether an operator, e.g. ``aten::add_``, may be left out of the count without a word."""
    namespace, _, name = operator.partition("::")
    if namespace == "prim":
        return operator in _NEGLIGIBLE_FUNCTIONS or not operator.startswith(_OPAQUE)
    return namespace == "aten" and (name in NEGLIGIBLE or name.rstrip("_") in NEGLIGIBLE)


def sort_operators(operators: Iterable[Tuple[str, int]]) -> Dict[str, Dict[str, int]]:
    """Splits (operator, count) pairs into ``negligible`` and ``uncounted``, each sorted by name.

    An autograd Function goes by its own name: ``prim::PythonOp.CARAFEFunction`` is ``CARAFEFunction``.
    """
    found: Dict[str, Dict[str, int]] = {"negligible": {}, "uncounted": {}}
    for operator, count in sorted(operators):
        name = operator[len(FUNCTION) :] if operator.startswith(FUNCTION) else operator
        found["negligible" if is_negligible(operator) else "uncounted"][name] = count
    return found
