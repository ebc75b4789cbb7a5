"""Which modules ran, which share a row, and that recording leaves them as they were."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from model_complexity.worker.count.analysis import count
from tests.worker.small_nets import CONVOLUTION, SIDE, Broken, Net, conv, measured, rows_of


class Holder(nn.Module):
    """Has a parameter and no forward pass."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8, 1, 1))


def test_only_modules_that_did_not_run_are_uncalled() -> None:
    def forward(model: Any, image: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(model.same(image), model.used.weight, padding=1) * model.holder.scale

    counts = measured(
        lambda: Net(
            forward,
            same=nn.Identity(),
            used=conv(),
            holder=Holder(),
            auxiliary=nn.ModuleList([conv(1), conv(2)]),
        ),
        "dry",
    )
    assert counts["uncalled_modules"] == ["auxiliary", "auxiliary.0", "auxiliary.1"]
    assert rows_of(counts) == {
        "": CONVOLUTION,
        "same": 0,
        **dict.fromkeys(("used", "holder", "auxiliary", "auxiliary.0", "auxiliary.1")),
    }


def test_shared_modules_have_one_row_and_their_other_names() -> None:
    shared = nn.Sequential(conv())
    model = Net(lambda m, x: m.first(x) + m.second(x), first=shared, second=shared, alone=conv())
    counts = measured(lambda: model, "dry")
    assert counts["shared_modules"] == {"first": ["second"]}
    assert rows_of(counts) == {
        "": 2 * CONVOLUTION,
        "first": 2 * CONVOLUTION,
        "first.0": 2 * CONVOLUTION,
        "alone": None,
    }


def test_recording_leaves_the_model_as_it_was() -> None:
    def state(model: nn.Module) -> list[Any]:
        return [
            [*module._forward_hooks, *module._forward_pre_hooks, sorted(vars(module)), type(module).forward]
            for module in model.modules()
        ]

    start = threading.Thread.start
    for forward in (lambda m, x: m.conv(x), lambda m, x: m.broken(m.conv(x))):
        model = Net(forward, conv=conv(), broken=Broken())
        before = state(model)
        with contextlib.suppress(ValueError):
            count(model, (torch.rand(1, 3, SIDE, SIDE),))
        assert state(model) == before
        assert threading.Thread.start is start
