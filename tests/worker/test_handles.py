"""Every handle against a count by hand and, where there is one, against the same computation in operators that fvcore counts."""

from __future__ import annotations

import importlib
from math import log2
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.handles import ACTIVATION_HANDLES, FLOP_HANDLES
from model_complexity.worker.count.operators import is_negligible
from tests.support.flat import flat
from tests.worker.counted import Computation, Computed, counted, take

importlib.import_module("model_complexity.worker.codebases")  # registers the libraries' operators


@pytest.mark.parametrize(
    ("compute", "flops", "activations"),
    [
        (lambda x: take(x, 2, 3, 4) @ take(x, 2, 4, 5), 2 * 3 * 4 * 5, 2 * 3 * 5),
        (lambda x: take(x, 3, 4) @ take(x, 7, 4, 5), 7 * 3 * 4 * 5, 7 * 3 * 5),  # a broadcast operand, used 7 times
        (lambda x: take(x, 3, 4) @ take(x, 4), 3 * 4, 3),  # fvcore raises
        (lambda x: take(x, 4) @ take(x, 4), 4, 1),
        (lambda x: torch.mm(take(x, 3, 4), take(x, 4, 5)), 3 * 4 * 5, 3 * 5),
        (lambda x: torch.mv(take(x, 3, 4), take(x, 4)), 3 * 4, 3),
        (lambda x: torch.dot(take(x, 4), take(x, 4)), 4, 1),
        (lambda x: torch.vdot(take(x, 4), take(x, 4)), 4, 1),
        (lambda x: torch.inner(take(x, 2, 3, 4), take(x, 5, 4)), 2 * 3 * 5 * 4, 2 * 3 * 5),
        (lambda x: torch.addmv(take(x, 3), take(x, 3, 4), take(x, 4)), 3 * 4, 3),
        (lambda x: torch.baddbmm(take(x, 3, 5), take(x, 2, 3, 4), take(x, 2, 4, 5)), 2 * 3 * 4 * 5, 2 * 3 * 5),
        (lambda x: torch.addbmm(take(x, 3, 5), take(x, 2, 3, 4), take(x, 2, 4, 5)), 2 * 3 * 4 * 5, 3 * 5),
        (
            lambda x: torch._addmm_activation(take(x, 5), take(x, 3, 4), take(x, 4, 5), use_gelu=True),
            3 * 4 * 5,
            3 * 5,
        ),
        (lambda x: torch.linalg.vecdot(take(x, 2, 3, 4), take(x, 2, 3, 4), dim=1), 2 * 3 * 4, 2 * 4),
        (lambda x: torch.tensordot(take(x, 2, 3, 4), take(x, 4, 3, 5), dims=([1, 2], [1, 0])), 2 * 3 * 4 * 5, 2 * 5),
        (lambda x: torch.linalg.multi_dot([take(x, 9, 2), take(x, 2, 9), take(x, 9, 3)]), 2 * 9 * 3 + 9 * 2 * 3, 27),
        (lambda x: torch.chain_matmul(take(x, 2, 9), take(x, 9, 3), take(x, 3, 5)), 2 * 9 * 3 + 2 * 3 * 5, 2 * 5),
        (
            lambda x: functional.bilinear(take(x, 7, 4), take(x, 7, 5), take(x, 6, 4, 5)),
            7 * 6 * 4 * 5 + 7 * 6 * 5,
            7 * 6,
        ),
        (lambda x: functional.affine_grid(take(x, 2, 2, 3), [2, 1, 4, 5]), 2 * 4 * 5 * 2 * 3, 2 * 4 * 5 * 2),
        (lambda x: torch.cdist(take(x, 2, 3, 4), take(x, 2, 5, 4)), 2 * 3 * 5 * 4, 0),
        (lambda x: torch.conv_tbc(take(x, 7, 2, 4), take(x, 3, 4, 5), take(x, 5)), 5 * 2 * 5 * 3 * 4, 5 * 2 * 5),
    ],
)
def test_matrix_products_count_output_times_summed_length(compute: Computation, flops: int, activations: int) -> None:
    assert counted(compute) == (flops, activations)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, w: functional.conv2d(x, w, padding=1),
        lambda x, w: functional.conv2d(x, w, padding="same"),
        lambda x, w: functional.conv2d(x[0], w, padding="same"),
        lambda x, w: torch.convolution(x, w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
        lambda x, w: torch.ops.aten.conv2d(x, w, None, [1, 1], [1, 1]),
        lambda x, w: torch.ops.aten.conv2d.padding(x, w, None, [1, 1], "same"),
    ],
)
def test_convolution_counts_the_same_however_it_is_called(call: Computation) -> None:
    assert counted(lambda x: call(x, take(x, 8, 3, 3, 3))) == (64 * 64 * 8 * 3 * 9, 8 * 64 * 64)


@pytest.mark.parametrize(
    ("convolution", "flops"),
    [
        (nn.Conv2d(3, 6, 4, padding="same", groups=3, dilation=2), 64 * 64 * 6 * 1 * 16),  # pads one side more
        (nn.Conv2d(3, 6, 3, stride=2, padding="valid"), 31 * 31 * 6 * 3 * 9),
    ],
)
def test_convolution_counts_its_weight_when_padded_by_name(convolution: nn.Conv2d, flops: int) -> None:
    assert counted(lambda x, c: c(x), convolution) == (flops, flops // (convolution.weight[0].numel()))


class Sampled(torch.autograd.Function):
    """Has the call of mmcv's compiled Functions: tensors in mmcv's order, then other arguments."""

    @staticmethod
    def forward(ctx: Any, *arguments: Any) -> torch.Tensor:
        return torch.zeros(arguments[-1])

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError


def function(name: str) -> Any:
    module, _, kind = name.rpartition(".")
    return type(kind, (Sampled,), {"__module__": module})


@pytest.mark.parametrize(
    ("name", "before_weight"),
    [
        ("mmcv.ops.deform_conv.DeformConv2dFunction", [18]),
        ("mmcv.ops.modulated_deform_conv.ModulatedDeformConv2dFunction", [18, 9]),
    ],
)
def test_mmcv_deformable_convolution_counts_convolution_and_sampling(name: str, before_weight: list[int]) -> None:
    called = function(name)

    def compute(image: torch.Tensor) -> Any:
        maps = [take(image.repeat(1, 9, 1, 1), 1, channels, 32, 32) for channels in before_weight]
        return called.apply(image, *maps, take(image, 8, 3, 3, 3), (2, 2), 1, (1, 8, 32, 32))

    convolution, sampling = 32 * 32 * 8 * 3 * 9, 4 * 32 * 32 * 3 * 9
    assert counted(compute) == (convolution + sampling, 8 * 32 * 32)


def test_torchvision_deformable_convolution_counts_convolution_and_sampling() -> None:
    options: tuple[Any, ...] = (2, 2, *[1] * 6, True)  # stride, padding, dilation, groups, use_mask
    if not hasattr(torch.ops.torchvision, "deform_conv2d"):  # torchvision's compiled part does not fit this torch
        options = (2,)
        library = torch.library.Library("torchvision", "FRAGMENT")
        library.define(
            "deform_conv2d(Tensor x, Tensor w, Tensor offset, Tensor mask, Tensor bias, int stride) -> Tensor"
        )
        library.impl("deform_conv2d", lambda x, w, *_: x.new_zeros(1, w.shape[0], 32, 32), "CompositeExplicitAutograd")
    operator = torch.ops.torchvision.deform_conv2d

    def compute(image: torch.Tensor) -> Any:
        offset, mask = take(image.repeat(1, 9, 1, 1), 1, 18, 32, 32), take(image, 1, 9, 32, 32)
        return operator(image, take(image, 8, 3, 3, 3), offset, mask, take(image, 8), *options)

    assert counted(compute) == (32 * 32 * (8 * 3 * 9 + 4 * 3 * 9), 8 * 32 * 32)


@pytest.mark.parametrize(
    "name",
    [
        "mmcv.ops.multi_scale_deform_attn.MultiScaleDeformableAttnFunction",
        "models.ops.functions.ms_deform_attn_func.MSDeformAttnFunction",
    ],
)
def test_deformable_attention_counts_its_samples(name: str) -> None:
    called, (queries, heads, levels, points, width) = function(name), (5, 2, 2, 3, 4)

    def fused(image: torch.Tensor) -> Any:
        places = take(image, 1, queries, heads, levels, points, 2)
        values, weights = take(image, 1, 20, heads, width), take(image, 1, queries, heads, levels, points)
        sizes = take(image, levels, 2), take(image, levels)
        return called.apply(values, *sizes, places, weights, 64, (1, queries, heads * width))

    def by_level(image: torch.Tensor) -> Any:
        level = take(image, heads, width, 2, 5), take(image, heads, queries, points, 2)
        sampled = torch.stack([functional.grid_sample(*level, align_corners=False) for _ in range(levels)], dim=-2)
        weights = take(image, heads, queries, points, levels)
        weighed = sampled.reshape(heads, width, queries, -1) * weights.reshape(heads, 1, queries, -1)
        return weighed.sum(-1)

    assert counted(fused)[0] == 4 * queries * heads * levels * points * width
    assert counted(fused)[0] == counted(by_level)[0]


TOKENS, MODEL, HEADS, FEEDFORWARD = 3 * 64 * 64 // 32, 16, 4, 32


@pytest.mark.parametrize("norm_first", [True, False])
def test_fused_encoder_layer_counts_as_its_parts(norm_first: bool) -> None:
    """The operator is called as the layer calls it without hooks. A recording adds hooks to modules."""
    layer = nn.TransformerEncoderLayer(MODEL, HEADS, FEEDFORWARD, batch_first=True, norm_first=norm_first)

    def fused(image: torch.Tensor, module: nn.TransformerEncoderLayer) -> torch.Tensor:
        attention, norms = module.self_attn, (module.norm1, module.norm2)
        projections = (
            attention.in_proj_weight,
            attention.in_proj_bias,
            attention.out_proj.weight,
            attention.out_proj.bias,
        )
        norm_weights = [tensor for norm in norms for tensor in (norm.weight, norm.bias)]
        linears = module.linear1.weight, module.linear1.bias, module.linear2.weight, module.linear2.bias
        tokens = image.reshape(2, TOKENS, MODEL)
        options = False, norm_first, module.norm1.eps
        return torch._transformer_encoder_layer_fwd(
            tokens, MODEL, HEADS, *projections, *options, *norm_weights, *linears
        )

    expected = (
        2 * TOKENS * MODEL * (4 * MODEL + 2 * TOKENS + 2 * FEEDFORWARD + 2 * 5),
        2 * TOKENS * (5 * MODEL + HEADS * TOKENS + FEEDFORWARD + MODEL),
    )
    assert counted(fused, layer) == expected
    assert counted(lambda x, module: module(x.reshape(2, TOKENS, MODEL)), layer) == expected


class SelfAttention(nn.MultiheadAttention):
    def forward(self, x: torch.Tensor, **_: Any) -> torch.Tensor:  # type: ignore[override]
        return super().forward(x, x, x, need_weights=False)[0]


def test_fused_attention_counts_as_its_parts() -> None:
    def fused(image: torch.Tensor, module: nn.MultiheadAttention) -> Any:
        tokens = [image.reshape(2, TOKENS, MODEL)] * 3
        projections = module.in_proj_weight, module.in_proj_bias, module.out_proj.weight, module.out_proj.bias
        return torch._native_multi_head_attention(*tokens, MODEL, HEADS, *projections, None, False)[0]

    expected = (
        2 * TOKENS * MODEL * (4 * MODEL + 2 * TOKENS),
        2 * TOKENS * (5 * MODEL + HEADS * TOKENS),
    )
    layer = SelfAttention(MODEL, HEADS, batch_first=True).eval()
    assert counted(fused, layer) == expected
    assert counted(lambda x, module: module(x.reshape(2, TOKENS, MODEL)), layer) == expected


STEPS, BATCH, WIDTH, HIDDEN = 5, 2, 8, 6


def unrolled(image: torch.Tensor, gates: int, layers: int, directions: int, out: int, tokens: int) -> Any:
    """The matmuls of a recurrent layer, one linear layer at a time; their values do not matter."""
    outputs = []
    for layer in range(layers):
        into = WIDTH if layer == 0 else out * directions
        for _ in range(directions * tokens):
            outputs.append(functional.linear(take(image, 1, into), take(image, gates * HIDDEN, into)))
            outputs.append(functional.linear(take(image, 1, out), take(image, gates * HIDDEN, out)))
            if out != HIDDEN:
                outputs.append(functional.linear(take(image, 1, HIDDEN), take(image, out, HIDDEN)))
    return torch.cat(outputs, dim=1)


@pytest.mark.parametrize(
    ("layer", "gates", "layers", "directions", "out"),
    [
        (nn.LSTM(WIDTH, HIDDEN, 2, bidirectional=True, proj_size=3), 4, 2, 2, 3),
        (nn.LSTM(WIDTH, HIDDEN, bias=False, batch_first=True), 4, 1, 1, HIDDEN),
        (nn.GRU(WIDTH, HIDDEN, 3), 3, 3, 1, HIDDEN),
        (nn.RNN(WIDTH, HIDDEN, bidirectional=True), 1, 1, 2, HIDDEN),
        (nn.RNN(WIDTH, HIDDEN, 2, nonlinearity="relu", bias=False), 1, 2, 1, HIDDEN),
    ],
)
def test_recurrent_layers_count_as_their_unrolled_matmuls(
    layer: nn.RNNBase, gates: int, layers: int, directions: int, out: int
) -> None:
    shape = (BATCH, STEPS, WIDTH) if layer.batch_first else (STEPS, BATCH, WIDTH)
    expected = counted(lambda x: unrolled(x, gates, layers, directions, out, STEPS * BATCH))
    assert counted(lambda x, module: module(take(x, *shape))[0], layer) == expected

    lengths = torch.tensor([5, 3])  # a sequence of 5 and one of 3: 8 tokens
    pack = nn.utils.rnn.pack_padded_sequence
    packed = counted(lambda x, module: module(pack(take(x, *shape), lengths, layer.batch_first))[0].data, layer)
    assert packed == counted(lambda x: unrolled(x, gates, layers, directions, out, 8))


def test_lstm_equals_hand_count() -> None:
    flops = STEPS * BATCH * 4 * HIDDEN * (WIDTH + HIDDEN)
    assert counted(lambda x, module: module(take(x, STEPS, BATCH, WIDTH))[0], nn.LSTM(WIDTH, HIDDEN)) == (
        flops,
        STEPS * BATCH * 2 * 4 * HIDDEN,
    )


def test_recurrent_cells_count_as_two_linear_layers() -> None:
    assert counted(lambda x, module: module(take(x, BATCH, WIDTH))[0], nn.LSTMCell(WIDTH, HIDDEN)) == (
        BATCH * 4 * HIDDEN * (WIDTH + HIDDEN),
        BATCH * 2 * 4 * HIDDEN,
    )


@pytest.mark.parametrize(
    ("compute", "flops"),
    [
        (lambda x: functional.interpolate(take(x, 1, 3, 8), size=20, mode="nearest"), 3 * 20),
        (lambda x: functional.interpolate(x, size=(10, 20), mode="nearest"), 3 * 200),
        (lambda x: functional.interpolate(take(x, 1, 3, 4, 4, 4), size=(2, 3, 5), mode="nearest"), 3 * 30),
        (lambda x: functional.interpolate(take(x, 1, 3, 8), size=20, mode="nearest-exact"), 3 * 20),
        (lambda x: functional.interpolate(x, scale_factor=2, mode="nearest-exact"), 3 * 128 * 128),
        (lambda x: functional.interpolate(take(x, 1, 3, 4, 4, 4), size=(2, 3, 5), mode="nearest-exact"), 3 * 30),
        (lambda x: functional.interpolate(take(x, 1, 3, 8), size=20, mode="linear"), 2 * 3 * 20),
        (lambda x: functional.interpolate(x, size=(10, 20), mode="bilinear"), 4 * 3 * 200),
        (lambda x: functional.interpolate(take(x, 1, 3, 4, 4, 4), size=(2, 3, 5), mode="trilinear"), 8 * 3 * 30),
        (lambda x: functional.interpolate(x, size=(10, 20), mode="bicubic"), 16 * 3 * 200),
        # 64 to 16 columns with 2·4 taps, then 64 to 32 rows with 2·2
        (
            lambda x: functional.interpolate(x, size=(32, 16), mode="bilinear", antialias=True),
            3 * (64 * 16 * 8 + 32 * 16 * 4),
        ),
        # growing: the kernel keeps its 4 taps
        (
            lambda x: functional.interpolate(x, size=(100, 200), mode="bicubic", antialias=True),
            3 * (64 * 200 * 4 + 100 * 200 * 4),
        ),
        (lambda x: functional.grid_sample(x, take(x, 1, 5, 6, 2), align_corners=False), 4 * 3 * 5 * 6),
        (lambda x: functional.grid_sample(x, take(x, 1, 5, 6, 2), "nearest", align_corners=False), 3 * 5 * 6),
        (lambda x: functional.grid_sample(x, take(x, 1, 5, 6, 2), "bicubic", align_corners=False), 16 * 3 * 5 * 6),
        (
            lambda x: functional.grid_sample(take(x, 1, 3, 4, 4, 4), take(x, 1, 2, 5, 6, 3), align_corners=False),
            8 * 3 * 60,
        ),
    ],
)
def test_resampling_counts_the_taps_of_each_output(compute: Computation, flops: int) -> None:
    assert counted(compute) == (flops, 0)


@pytest.mark.parametrize(
    ("compute", "transforms", "points", "real"),
    [
        (torch.fft.fft, 3 * 64, 64, False),
        (torch.fft.ifft2, 3, 64 * 64, False),
        (torch.fft.fftn, 1, 3 * 64 * 64, False),
        (lambda x: torch.fft.fftn(x, s=(16, 32)), 3, 16 * 32, False),
        (torch.fft.rfft, 3 * 64, 64, True),
        (lambda x: torch.fft.rfft(x, n=31, dim=1), 64 * 64, 31, True),
        (lambda x: torch.fft.rfft2(x, dim=(2, 3), norm="ortho"), 3, 64 * 64, True),
        (lambda x: torch.fft.irfft2(x, s=(20, 21)), 3, 20 * 21, True),
        (torch.fft.irfft, 3 * 64, 126, True),
    ],
)
def test_fourier_transform_counts_half_of_its_operations(
    compute: Computation, transforms: int, points: int, real: bool
) -> None:
    operations = transforms * 5 * points * log2(points) / (2 if real else 1)
    assert counted(compute) == (round(operations / 2), 0)


needs_rms_norm = pytest.mark.skipif(not hasattr(functional, "rms_norm"), reason="torch has no rms_norm before 2.4")


@pytest.mark.parametrize(
    ("compute", "flops"),
    [
        (lambda x: functional.layer_norm(x, (64,), take(x, 64), take(x, 64)), 5 * 3 * 64 * 64),
        (lambda x: functional.layer_norm(x.reshape(1, 1, 1, 3, 64, 64), (64,)), 4 * 3 * 64 * 64),  # fvcore raises
        pytest.param(lambda x: functional.rms_norm(x, (64,), take(x, 64)), 3 * 3 * 64 * 64, marks=needs_rms_norm),
        pytest.param(lambda x: functional.rms_norm(x, (64,)), 2 * 3 * 64 * 64, marks=needs_rms_norm),
    ],
)
def test_norms_count_by_element(compute: Computation, flops: int) -> None:
    assert counted(compute) == (flops, 0)


def test_one_dimensional_pooling_is_negligible_although_its_part_is_counted() -> None:
    counts = flat(count(Computed(lambda x: nn.AdaptiveAvgPool1d(1)(x @ x)), (torch.rand(3, 64, 64),)))
    assert counts["flops"] == 3 * 64**3
    assert counts["unsupported_ops"] == {
        "negligible": {"aten::adaptive_avg_pool1d": 1},
        "uncounted": {},
        "modules": {},
        "reasons": {},
    }


def test_no_operator_is_both_counted_and_negligible() -> None:
    assert [name for name in FLOP_HANDLES if is_negligible(name)] == []
    assert set(ACTIVATION_HANDLES) <= set(FLOP_HANDLES)
