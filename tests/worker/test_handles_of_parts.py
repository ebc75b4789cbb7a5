"""Operators that stand in for others: on a device, with quantized weights, as parts, as gradients."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import nn

from model_complexity.worker.count.handles import FLOP_HANDLES
from model_complexity.worker.count.node import Value
from tests.worker.peers import Computation, measured

GATES, FEATURES, STATE, TOKENS = 4, 6, 5, 12
SEQUENCE = torch.rand(4, 3, FEATURES)


def _first(module: nn.Module) -> nn.Module:
    return Computation(lambda layer, inputs: layer(inputs)[0], layer=module)


def _quantized(module: nn.Module) -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao.quantization is deprecated, and is still met
        return torch.ao.quantization.quantize_dynamic(_first(module).eval(), {type(module)}, dtype=torch.qint8)


@pytest.mark.parametrize(
    ("module", "inputs", "name", "plain"),
    [
        (lambda: nn.LSTM(FEATURES, STATE, num_layers=2, bidirectional=True), SEQUENCE, "quantized_lstm", "lstm"),
        (lambda: nn.GRU(FEATURES, STATE), SEQUENCE, "quantized_gru", "gru"),
        (lambda: nn.LSTMCell(FEATURES, STATE), SEQUENCE[0], "quantized_lstm_cell_dynamic", "linear"),
    ],
    ids=["LSTM", "GRU", "LSTMCell"],
)
def test_quantized_recurrent_layer_counts_as_the_plain_one(module: Any, inputs: Any, name: str, plain: str) -> None:
    expected = measured("real", lambda: _first(module()), inputs)
    counts = measured("real", lambda: _quantized(module()), inputs)
    assert (counts["operators"], counts["activations"]) == (
        {name: expected["operators"][plain]},
        expected["activations"],
    )


def test_lstm_counts_its_kernel_when_it_comes_in_parts() -> None:
    counts = measured("real", lambda: _first(nn.LSTM(FEATURES, STATE)), SEQUENCE, guard=torch.no_grad)
    rows = GATES * STATE
    assert counts["operators"] == {"mkldnn_rnn_layer": TOKENS * rows * (FEATURES + STATE)}
    assert counts["activations"] == TOKENS * 2 * rows


@pytest.mark.parametrize("guard", [torch.inference_mode, torch.no_grad])
def test_bilinear_layer_counts_the_same_when_it_comes_in_parts(guard: Any) -> None:
    counts = measured("real", lambda: nn.Bilinear(3, 4, 5), torch.rand(2, 3), torch.rand(2, 4), guard=guard)
    assert (counts["flops"], counts["activations"]) == (2 * 5 * 3 * 4 + 2 * 5 * 4, 10)


def _gradient(compute: Any) -> Any:
    def run(*inputs: Any) -> torch.Tensor:
        with torch.enable_grad():
            *modules, tensor = inputs
            tensor = tensor.clone().requires_grad_()
            return torch.autograd.grad(compute(*modules, tensor).sum(), tensor)[0]

    return run


@pytest.mark.parametrize(
    ("compute", "names", "flops"),
    [
        (lambda points: torch.cdist(points, torch.ones(6, 7)), ("_cdist_forward", "_cdist_backward"), 5 * 6 * 7),
        (torch.pdist, ("_pdist_forward", "_pdist_backward"), 5 * 4 // 2 * 7),
    ],
    ids=["cdist", "pdist"],
)
def test_gradient_of_distances_costs_what_they_cost(compute: Any, names: tuple[str, str], flops: int) -> None:
    counts = measured("real", lambda: Computation(_gradient(compute)), torch.rand(5, 7), guard=torch.no_grad)
    assert counts["operators"] == dict.fromkeys(names, flops)


def test_gradient_of_an_lstm_costs_it_twice() -> None:
    model = lambda: Computation(_gradient(lambda layer, x: layer(x)[0]), layer=nn.LSTM(FEATURES, STATE))  # noqa: E731
    flops = TOKENS * GATES * STATE * (FEATURES + STATE)
    assert measured("real", model, SEQUENCE, guard=torch.no_grad)["operators"] == {
        "mkldnn_rnn_layer": flops,
        "mkldnn_rnn_layer_backward": 2 * flops,
    }


def _tensor(*shape: int) -> torch.Tensor:
    return torch.empty(shape, device="meta")


IMAGE, MAP, WEIGHT = _tensor(2, 4, 8, 8), _tensor(2, 6, 6, 6), _tensor(6, 4, 3, 3)
CONVOLUTION = 2 * 36 * 6 * 4 * 9
LAYER = 3 * 5 * 7
SAMPLES, OUTPUT, MATRIX = _tensor(3, 5), _tensor(3, 7), _tensor(7, 5)
RNN = [[_tensor(20, FEATURES), _tensor(20, STATE), _tensor(20), _tensor(20)]]
RECURRENT = TOKENS * 20 * (FEATURES + STATE)
HEADS = [_tensor(2, 4, 16, 8), _tensor(2, 4, 24, 8), _tensor(2, 4, 24, 8)]


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs", "flops"),
    [
        ("aten::linear_backward", [SAMPLES, OUTPUT, MATRIX, [True, True, True]], [SAMPLES, MATRIX], 2 * LAYER),
        ("aten::linear_backward", [SAMPLES, OUTPUT, MATRIX, [False, True, False]], [None, MATRIX], LAYER),
        ("aten::mkldnn_linear_backward", [SAMPLES, OUTPUT, MATRIX, [True, False, False]], [SAMPLES, None], LAYER),
        ("aten::mkldnn_linear_backward_input", [[3, 5], OUTPUT, MATRIX], [SAMPLES], LAYER),
        ("aten::mkldnn_linear_backward_weights", [OUTPUT, SAMPLES, MATRIX, True], [MATRIX], LAYER),
        ("aten::matmul_backward", [OUTPUT, SAMPLES, _tensor(5, 7), [True, True]], [SAMPLES, None], 2 * LAYER),
        ("aten::matmul_backward", [OUTPUT, SAMPLES, _tensor(5, 7), [True, False]], [SAMPLES, None], LAYER),
        ("aten::_slow_conv2d_backward", [MAP, IMAGE, WEIGHT, [3, 3]], [IMAGE, WEIGHT, None], 2 * CONVOLUTION),
        ("aten::mps_convolution_backward", [IMAGE, MAP, WEIGHT, [0, 0]], [None, WEIGHT, None], CONVOLUTION),
        ("aten::mps_convolution_transpose_backward", [MAP, IMAGE, WEIGHT, [0, 0]], [MAP, WEIGHT], 2 * CONVOLUTION),
        ("aten::_mps_convolution", [IMAGE, WEIGHT, None], [MAP], CONVOLUTION),
        ("aten::_mps_convolution_transpose", [MAP, WEIGHT, [0, 0]], [IMAGE], CONVOLUTION),
        ("aten::_sparse_semi_structured_mm", [_tensor(8, 4), None, _tensor(8, 6)], [_tensor(8, 6)], 8 * 6 * 4),
        ("aten::_sparse_semi_structured_addmm", [None, _tensor(8, 4), None, _tensor(8, 6)], [_tensor(8, 6)], 8 * 6 * 4),
        ("aten::_compute_linear_combination", [_tensor(5, 3, 3), _tensor(2, 5)], [_tensor(2, 3, 3)], 18 * 5),
        ("aten::cudnn_affine_grid_generator", [_tensor(1, 2, 3), 1, 3, 4, 4], [_tensor(1, 4, 4, 2)], 32 * 3),
        ("aten::_lstm_mps", [_tensor(4, 3, FEATURES), [_tensor(1, 3, STATE)], *RNN], [], RECURRENT),
        (
            "aten::lstm_mps_backward",
            [None, None, None, None, None, _tensor(4, 3, FEATURES), None, [_tensor(1, 3, STATE)], *RNN],
            [],
            2 * RECURRENT,
        ),
        ("aten::_cudnn_rnn_backward", [_tensor(4, 3, FEATURES), *RNN, 4, None], [], 2 * RECURRENT),
        ("aten::batch_norm_stats", [IMAGE, 1e-5], [], 3 * 512),
        ("aten::batch_norm_elemt", [IMAGE, _tensor(4), _tensor(4)], [IMAGE], 2 * 512),
        ("quantized::layer_norm", [SAMPLES, [5], MATRIX, None], [SAMPLES], 5 * 15),
        ("quantized::instance_norm", [IMAGE, None, None], [IMAGE], 4 * 512),
        ("quantized::batch_norm2d_relu", [IMAGE, None, None], [IMAGE], 512),
        ("aten::_triton_scaled_dot_attention", [*HEADS, 0.0], [HEADS[0]], 2 * 4 * 16 * 24 * 16),
    ],
)
def test_operator_of_a_device_counts_by_hand(kind: str, inputs: list[Any], outputs: list[Any], flops: int) -> None:
    assert FLOP_HANDLES[kind]([Value(value) for value in inputs], [Value(value) for value in outputs]) == flops
