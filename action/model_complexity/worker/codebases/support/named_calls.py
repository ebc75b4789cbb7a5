"""Count modules under their own names where a library calls ``module.forward(…)`` in place of ``module(…)``."""

from __future__ import annotations

from typing import Any, List

from torch import nn


def route_through_call(module: nn.Module) -> None:
    """Make ``module.forward(…)`` call ``module(…)``, as heads' ``predict`` does not.

    fvcore relies on the hooks of ``module(…)``. Without them, it attributes the module's own work to its parent.
    """
    forward = module.forward
    called: List[bool] = []

    def mark_called(*_: Any) -> None:
        called.append(True)

    def routed(*args: Any, **kwargs: Any) -> Any:
        if not called:
            return module(*args, **kwargs)  # which calls this function again
        called.pop()
        return forward(*args, **kwargs)

    module.register_forward_pre_hook(mark_called)
    module.forward = routed
