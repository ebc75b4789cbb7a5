"""What the tests of other counters share: a model that is built and counted in a mode, as a plain dictionary."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.dry_run import dry_run
from tests.support.flat import flat

MODES = ("dry", "real")


class Computation(nn.Module):
    """A function as a model, with the modules that it calls as attributes."""

    def __init__(self, compute: Callable[..., Any], **modules: nn.Module) -> None:
        super().__init__()
        self.compute = compute
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, *inputs: Any) -> Any:
        return self.compute(*self.children(), *inputs)


def measured(
    mode: str, build: Callable[[], nn.Module], *inputs: Any, guard: Callable[[], Any] = torch.inference_mode
) -> dict[str, Any]:
    """Build a model and count it in a mode; nothing may be left uncounted.

    Args:
        mode: ``dry`` or ``real``.
        build: makes the model.
        inputs: of the model.
        guard: ``torch.no_grad`` for a model that takes gradients, as the worker's second attempt.
    """
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with dry_run() if mode == "dry" else nullcontext():
            counts = flat(count(build().eval(), inputs, guard))
    assert counts["unsupported_ops"]["uncounted"] == {}
    return counts


def figures(counts: dict[str, Any]) -> tuple[int, int, int]:
    """Return flops, params and activations."""
    return counts["flops"], counts["params"], counts["activations"]


def rows(counts: dict[str, Any], metric: str = "flops") -> dict[str, int]:
    """Return a metric by module, of the modules that have a figure."""
    return {module["name"]: module[metric] for module in counts["modules"] if "flops" in module}
