"""Kinds of models that once gave a wrong number, or a wrong word beside it, without an error."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from model_complexity.worker.count.analysis import takes_gradients
from tests.worker.small_nets import MODES, SIDE, Net, measured, rows_of

try:
    from torch._higher_order_ops.map import map as control_flow_map
    from torch._higher_order_ops.scan import scan
except ImportError:
    scan = None
try:
    from torch.nn.attention.flex_attention import flex_attention
except ImportError:
    flex_attention = None
needs_scan = pytest.mark.skipif(scan is None, reason="this torch has no scan")
needs_flex_attention = pytest.mark.skipif(flex_attention is None, reason="this torch has no flex attention")

LINEAR = 3 * SIDE * SIDE * SIDE


def linear() -> nn.Linear:
    return nn.Linear(SIDE, SIDE, bias=False)


def _forward_mode(model: Any, image: torch.Tensor) -> torch.Tensor:
    with forward_ad.dual_level():
        return forward_ad.unpack_dual(model.linear(forward_ad.make_dual(image, image))).tangent


JACOBIAN = SIDE**2 + SIDE * SIDE**2  # the layer on one row, then one row of the gradient for each output
GRADIENTS: dict[str, tuple[Callable[[Any, torch.Tensor], Any], int]] = {
    "jacobian": (lambda m, x: torch.autograd.functional.jacobian(m.linear, x[0, 0, 0]), JACOBIAN),
    "vjp": (lambda m, x: torch.autograd.functional.vjp(m.linear, x, x), 2 * LINEAR),
    "forward mode": (_forward_mode, 3 * LINEAR),  # as torch writes it: of values, tangents and zeros for the weight's
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_that_inference_mode_drops_silently_count_in_a_second_attempt(name: str, mode: str) -> None:
    forward, flops = GRADIENTS[name]
    with pytest.raises(RuntimeError) as raised:
        measured(lambda: Net(forward, linear=linear()), mode)
    assert takes_gradients(raised.value)
    counts = measured(lambda: Net(forward, linear=linear()), mode, torch.no_grad)
    assert counts["figures"]["flops"] == flops
    assert counts["unsupported_ops"]["uncounted"] == {}


def _mapped(model: Any, image: torch.Tensor) -> torch.Tensor:
    return control_flow_map(model.linear, image[0])


def _scanned(model: Any, image: torch.Tensor) -> torch.Tensor:
    step = lambda state, row: (model.linear(state) + row, state.clone())  # noqa: E731
    return scan(step, torch.zeros(3, SIDE), image[0].transpose(0, 1), dim=0)[1]


@needs_scan
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("forward", [_mapped, _scanned])
def test_functions_of_maps_and_scans_count_at_each_step(forward: Callable[[Any, torch.Tensor], Any], mode: str) -> None:
    counts = measured(lambda: Net(forward, linear=linear()), mode)
    assert counts["operators"] == {"linear": LINEAR}
    assert (counts["unsupported_ops"]["uncounted"], counts["uncalled_modules"]) == ({}, [])


@pytest.mark.parametrize("mode", MODES)
def test_work_counts_in_threads_of_a_pool_made_before(mode: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()  # starts the thread
        counts = measured(
            lambda: Net(lambda m, x: pool.submit(m.linear, x).result() + m.linear(x), linear=linear()), mode
        )
    assert counts["operators"] == {"linear": 2 * LINEAR}
    assert rows_of(counts) == {"": 2 * LINEAR, "linear": 2 * LINEAR}
    assert counts["uncalled_modules"] == []


def test_modules_that_only_hold_modules_without_forward_are_not_uncalled() -> None:
    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = nn.Sequential(nn.LSTM(SIDE, 32, batch_first=True))
            self.layers = torch.ao.quantization.quantize_dynamic(layers, {nn.LSTM}, dtype=torch.qint8)

        def forward(self, image: torch.Tensor) -> Any:
            return self.layers(image[0])

    counts = measured(Recurrent, "real")
    assert counts["operators"] == {"quantized_lstm": 3 * SIDE * 4 * 32 * (SIDE + 32)}
    assert counts["uncalled_modules"] == []


@needs_flex_attention
def test_functions_within_flex_attention_count_and_use_their_modules() -> None:
    def attend(model: Any, image: torch.Tensor) -> Any:
        weight = model.linear.weight
        return flex_attention(image, image, image, score_mod=lambda s, b, h, q, k: s + weight[q] @ weight[k])

    counts = measured(lambda: Net(attend, linear=linear()), "real")
    assert counts["operators"] == {"flex_attention": 2 * LINEAR, "matmul": SIDE**3}
    assert counts["uncalled_modules"] == []


@pytest.mark.parametrize("mode", MODES)
def test_modules_made_in_a_forward_pass_count_in_their_maker(mode: str) -> None:
    class Maker(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            if not hasattr(self, "linear"):
                self.linear = linear()
            return self.linear(image)

    counts = measured(Maker, mode)
    assert counts["figures"] == {"flops": LINEAR, "params": SIDE**2, "activations": 3 * SIDE**2}
    assert rows_of(counts) == {"": LINEAR, "linear": None}
    assert counts["uncalled_modules"] == []
