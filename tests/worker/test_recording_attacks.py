"""Kinds of models that once gave a wrong number, or a wrong word beside it, without an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from model_complexity.worker.count.analysis import takes_gradients
from tests.worker.test_recording import MODES, SIDE, Net, measured

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
