"""Small models that are written in one line, with their counts in dry and real runs."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.device import OnCPU
from model_complexity.worker.count.dry_run import dry_run

SIDE = 64
CONVOLUTION = SIDE * SIDE * 8 * 3 * 9
MODES = {"dry": dry_run, "real": OnCPU}

Forward = Callable[[Any, torch.Tensor], Any]


class Net(nn.Module):
    """Modules of a name each, and a forward pass."""

    def __init__(self, forward: Forward, **modules: Any) -> None:
        super().__init__()
        self.run = forward
        for name, module in modules.items():
            setattr(self, name, module)

    def forward(self, image: torch.Tensor) -> Any:
        return self.run(self, image)


def conv(channels: int = 8) -> nn.Conv2d:
    return nn.Conv2d(3, channels, 3, padding=1, bias=False)


def measured(make: Callable[[], nn.Module], mode: str, guard: Any = torch.inference_mode) -> dict[str, Any]:
    with warnings.catch_warnings(), MODES[mode]():
        warnings.simplefilter("ignore")  # what is deprecated is still met
        return count(make().eval(), (torch.rand(1, 3, SIDE, SIDE),), guard)


def rows_of(counts: dict[str, Any]) -> dict[str, int | None]:
    return {row["name"]: row["figures"].get("flops") for row in counts["modules"] if "shape" not in row}


class Broken(nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        raise ValueError
