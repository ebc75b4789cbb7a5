"""Calls that the trace does not show under a module's name: those of ``module.forward(…)`` in place of ``module(…)``."""

from __future__ import annotations

from typing import Any, List

from torch import nn


def route_through_call(module: nn.Module) -> None:
    """Has a module counted under its own name also where a library calls its ``forward`` directly, as heads' ``predict`` do.

    fvcore goes by the hooks of ``module(…)``; past them, what a module does itself would be its parent's.
    """
    forward = module.forward
    called: List[bool] = []

    def enter(*_: Any) -> None:
        called.append(True)

    def named(*args: Any, **kwargs: Any) -> Any:
        if not called:
            return module(*args, **kwargs)  # comes back here, called
        called.pop()
        return forward(*args, **kwargs)

    module.register_forward_pre_hook(enter)
    module.forward = named
