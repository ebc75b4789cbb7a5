"""Counts of a computation that is written in one line, for tests of operator handles."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from model_complexity.worker.count.analysis import count
from tests.support.flat import flat

Computation = Callable[..., Any]


class Computed(nn.Module):
    """A computation of one image, from which ``take`` cuts the tensors that it needs."""

    def __init__(self, compute: Computation, *modules: nn.Module) -> None:
        super().__init__()
        self.compute, self.layers = compute, nn.ModuleList(modules)

    def forward(self, image: torch.Tensor) -> Any:
        return self.compute(image, *self.layers)


def take(image: torch.Tensor, *shape: int) -> torch.Tensor:
    return image.flatten()[: torch.Size(shape).numel()].reshape(shape)


def counted(compute: Computation, *modules: nn.Module) -> tuple[int, int]:
    """Flops and activations; nothing may be left uncounted."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)  # torch.chain_matmul is deprecated, and is still met
        counts = flat(count(Computed(compute, *modules).eval(), (torch.rand(1, 3, 64, 64),)))
    assert counts["unsupported_ops"]["uncounted"] == {}
    return counts["flops"], counts["activations"]
