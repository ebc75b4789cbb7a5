"""What fvcore's own tests test, with models and hand counts of ours.

The convention is the same: one multiply-accumulate is one flop, batch norm costs 1 or 2 for each element, other norms 4 or 5,
pooling to a size 1 for each element read. Four things differ, each with a test below: a broadcast operand counts as often as
it is used, einsum is exact, a ``torch.autograd.Function`` counts as what it runs, and so does a scripted function.

fvcore's tests of its own interface (copies of an analysis, warnings, replaced handles) have no counterpart here.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.worker.peers import MODES, Computation, figures, measured, rows

pytestmark = pytest.mark.parametrize("mode", MODES)


@pytest.mark.parametrize(
    ("shape", "flops", "activations"),
    [
        ((6, 7), 6 * 7 * 9, 6 * 9),
        ((2, 3, 7), 2 * 3 * 7 * 9, 2 * 3 * 9),
        ((2, 3, 4, 7), 2 * 3 * 4 * 7 * 9, 2 * 3 * 4 * 9),
        ((7,), 7 * 9, 9),  # without a batch
    ],
)
def test_linear_layer_counts_every_row_of_its_input(
    mode: str, shape: tuple[int, ...], flops: int, activations: int
) -> None:
    counts = measured(mode, lambda: nn.Linear(7, 9), torch.rand(shape))
    assert (figures(counts), counts["operators"]) == ((flops, 7 * 9 + 9, activations), {"linear": flops})


@pytest.mark.parametrize(
    ("layer", "arguments", "shape", "flops", "activations"),
    [
        # batch × output positions × output channels × input channels of a group × kernel
        (nn.Conv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "padding": 1}, (2, 4, 9, 9), 34_992, 972),
        (nn.Conv2d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3, "stride": 2}, (2, 4, 9, 7), 5_184, 144),
        (nn.Conv2d, {"in_channels": 8, "out_channels": 4, "kernel_size": 5, "groups": 2}, (1, 8, 7, 7), 3_600, 36),
        (nn.Conv2d, {"in_channels": 8, "out_channels": 8, "kernel_size": 3, "groups": 8}, (3, 8, 6, 6), 3_456, 384),
        (nn.Conv2d, {"in_channels": 2, "out_channels": 3, "kernel_size": 3, "dilation": 2}, (1, 2, 8, 8), 864, 48),
        (nn.Conv1d, {"in_channels": 4, "out_channels": 3, "kernel_size": 5, "padding": 2}, (2, 4, 11), 1_320, 66),
        (nn.Conv1d, {"in_channels": 6, "out_channels": 9, "kernel_size": 2, "groups": 3}, (1, 6, 5), 144, 36),
        (
            nn.Conv3d,
            {"in_channels": 2, "out_channels": 4, "kernel_size": 3, "padding": 1},
            (1, 2, 4, 5, 6),
            25_920,
            480,
        ),
    ],
)
def test_convolution_counts_its_kernel_at_each_output_position(
    mode: str, layer: Any, arguments: dict[str, int], shape: tuple[int, ...], flops: int, activations: int
) -> None:
    counts = measured(mode, lambda: layer(**arguments), torch.rand(shape))
    assert (counts["flops"], counts["activations"], counts["operators"]) == (flops, activations, {"conv": flops})


@pytest.mark.parametrize(
    ("layer", "arguments", "shape", "flops", "activations"),
    [
        # batch × input positions × input channels × output channels of a group × kernel
        (nn.ConvTranspose1d, {"in_channels": 4, "out_channels": 6, "kernel_size": 3}, (2, 4, 5), 720, 84),
        (
            nn.ConvTranspose2d,
            {"in_channels": 3, "out_channels": 5, "kernel_size": 4, "stride": 2},
            (1, 3, 6, 6),
            8_640,
            980,
        ),
        (
            nn.ConvTranspose2d,
            {"in_channels": 4, "out_channels": 8, "kernel_size": 3, "stride": 2, "output_padding": 1, "groups": 4},
            (2, 4, 5, 5),
            3_600,
            2_304,
        ),
        (nn.ConvTranspose3d, {"in_channels": 2, "out_channels": 3, "kernel_size": 2}, (1, 2, 3, 3, 3), 1_296, 192),
    ],
)
def test_transposed_convolution_counts_its_kernel_at_each_input_position(
    mode: str, layer: Any, arguments: dict[str, int], shape: tuple[int, ...], flops: int, activations: int
) -> None:
    counts = measured(mode, lambda: layer(**arguments), torch.rand(shape))
    assert (counts["flops"], counts["activations"], counts["operators"]) == (flops, activations, {"conv": flops})


@pytest.mark.parametrize(
    ("operator", "shapes", "name", "flops", "activations"),
    [
        (torch.mm, ((3, 7), (7, 4)), "mm", 3 * 7 * 4, 3 * 4),
        (torch.matmul, ((3, 7), (7, 4)), "matmul", 3 * 7 * 4, 3 * 4),
        (torch.matmul, ((2, 5, 3, 7), (2, 5, 7, 4)), "matmul", 2 * 5 * 3 * 7 * 4, 2 * 5 * 3 * 4),
        (torch.bmm, ((4, 5, 3), (4, 3, 6)), "bmm", 4 * 5 * 3 * 6, 4 * 5 * 6),
    ],
)
def test_matrix_product_counts_rows_by_columns_by_the_summed_dimension(
    mode: str, operator: Any, shapes: Any, name: str, flops: int, activations: int
) -> None:
    counts = measured(mode, lambda: Computation(operator), *map(torch.rand, shapes))
    assert (figures(counts), counts["operators"]) == ((flops, 0, activations), {name: flops})


@pytest.mark.parametrize(
    ("shapes", "flops"),
    [
        (((1, 3, 7), (6, 7, 4)), 6 * 3 * 7 * 4),  # six products, though the first operand is one matrix
        (((3, 7), (6, 7, 4)), 6 * 3 * 7 * 4),
        (((5, 1, 3, 7), (2, 7, 4)), 5 * 2 * 3 * 7 * 4),
        (((6, 3, 7), (7,)), 6 * 3 * 7),  # fvcore's handle raises for a vector
    ],
)
def test_matmul_counts_a_broadcast_operand_as_often_as_it_is_used_unlike_fvcore(
    mode: str, shapes: Any, flops: int
) -> None:
    assert measured(mode, lambda: Computation(torch.matmul), *map(torch.rand, shapes))["operators"] == {"matmul": flops}


@pytest.mark.parametrize(
    ("equation", "shapes", "flops"),
    [
        ("bik,bkj->bij", ((2, 3, 5), (2, 5, 4)), 2 * 3 * 5 * 4),
        ("btd,bsd->bts", ((2, 4, 6), (2, 5, 6)), 2 * 4 * 5 * 6),
        ("nc,nchw->hw", ((2, 5), (2, 5, 3, 4)), 2 * 5 * 3 * 4),
        # 1,234,321 products: fvcore reads four digits of numpy's report, and says 1,234,000
        ("ij,jk->ik", ((101, 101), (101, 121)), 101 * 101 * 121),
    ],
)
def test_einsum_counts_the_product_of_its_index_sizes(mode: str, equation: str, shapes: Any, flops: int) -> None:
    assert measured(
        mode, lambda: Computation(lambda *operands: torch.einsum(equation, *operands)), *map(torch.rand, shapes)
    )["operators"] == {"einsum": flops}


@pytest.mark.parametrize(
    ("norm", "shape", "name", "cost"),
    [
        (lambda: nn.BatchNorm1d(5, affine=False), (4, 5), "batch_norm", 1),
        (lambda: nn.BatchNorm2d(5), (2, 5, 3, 3), "batch_norm", 2),
        (lambda: nn.BatchNorm3d(5, affine=False), (2, 5, 3, 3, 2), "batch_norm", 1),
        (lambda: nn.BatchNorm2d(5, track_running_stats=False), (2, 5, 3, 3), "batch_norm", 5),  # own statistics
        (lambda: nn.BatchNorm2d(5, affine=False, track_running_stats=False), (2, 5, 3, 3), "batch_norm", 4),
        (lambda: nn.GroupNorm(3, 6), (2, 6, 4, 4), "group_norm", 5),
        (lambda: nn.GroupNorm(3, 6, affine=False), (2, 6, 4, 4), "group_norm", 4),
        (lambda: nn.InstanceNorm2d(6, affine=True), (2, 6, 4, 4), "instance_norm", 5),
        (lambda: nn.LayerNorm(6), (2, 3, 6), "layer_norm", 5),
        (lambda: nn.LayerNorm(6, elementwise_affine=False), (2, 3, 6), "layer_norm", 4),
    ],
)
def test_norm_costs_as_fvcore_says_for_each_element(
    mode: str, norm: Any, shape: tuple[int, ...], name: str, cost: int
) -> None:
    counts = measured(mode, norm, torch.rand(shape))
    assert (counts["operators"], counts["activations"]) == ({name: cost * torch.Size(shape).numel()}, 0)


def test_bilinear_interpolation_counts_four_taps_for_each_output(mode: str) -> None:
    assert measured(
        mode,
        lambda: Computation(lambda image: functional.interpolate(image, scale_factor=2, mode="bilinear")),
        torch.rand(2, 3, 4, 5),
    )["operators"] == {"upsample_bilinear2d": 4 * 2 * 3 * 8 * 10}


def _small_classifier() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5), nn.Sigmoid(), nn.Linear(5, 2)
    )


def test_network_counts_by_operator_and_by_module(mode: str) -> None:
    counts = measured(mode, _small_classifier, torch.rand(4, 3, 6, 6))
    conv, pool, linears = 4 * 6 * 6 * 3 * 8, 4 * 8 * 6 * 6, (4 * 8 * 5, 4 * 5 * 2)
    assert counts["operators"] == {"conv": conv, "adaptive_avg_pool2d": pool, "linear": sum(linears)}
    assert rows(counts) == {
        "": conv + pool + sum(linears), "0": conv, "1": pool, "2": 0, "3": linears[0], "4": 0, "5": linears[1]
    }  # fmt: skip
    assert rows(counts, "activations") == {
        "": 4 * (8 * 36 + 5 + 2), "0": 4 * 8 * 36, "1": 0, "2": 0, "3": 20, "4": 0, "5": 8
    }  # fmt: skip
    assert counts["unsupported_ops"]["negligible"] == {"aten::sigmoid": 1}


def test_activations_are_the_outputs_of_convolutions(mode: str) -> None:
    counts = measured(
        mode,
        lambda: nn.Sequential(nn.Conv2d(3, 6, 1), nn.Conv2d(6, 4, 1, 2), nn.Conv2d(4, 2, 1, 3)),
        torch.rand(1, 3, 18, 18),
    )
    assert rows(counts, "activations") == {"": 6 * 324 + 4 * 81 + 2 * 9, "0": 6 * 324, "1": 4 * 81, "2": 2 * 9}


class _Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(matrix)
        return torch.mm(matrix, matrix)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (matrix,) = ctx.saved_tensors
        return gradient @ matrix.T + matrix.T @ gradient


def test_function_counts_as_what_its_forward_runs_unlike_fvcore(mode: str) -> None:
    counts = measured(mode, lambda: Computation(_Squared.apply), torch.rand(6, 6))
    assert (figures(counts), counts["operators"]) == ((6**3, 0, 36), {"mm": 6**3})


def _gram(matrix: torch.Tensor) -> torch.Tensor:
    return matrix @ matrix


def test_scripted_function_counts_as_what_it_runs_unlike_fvcore(mode: str) -> None:
    counts = measured(mode, lambda: Computation(torch.jit.script(_gram)), torch.rand(7, 7))
    assert figures(counts) == (7**3, 0, 49)
