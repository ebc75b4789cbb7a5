"""Note where a model reads random numbers while it is built: they may decide what it is built of.

A function mode is enough here, and leaves the model's constructor free to trace or quantize its modules, which a dispatch mode
does not.
"""

from __future__ import annotations

import sys
from typing import Any, List

import torch
from torch.overrides import TorchFunctionMode

from model_complexity.worker.count.operators import SHAPE_ONLY
from model_complexity.worker.count.values import ValueTracker, address_of, tensors_in

_RANDOM = frozenset(
    (
        *("rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli"),
        *("multinomial", "poisson", "normal_", "uniform_", "bernoulli_", "random_", "exponential_", "geometric_"),
        *("cauchy_", "log_normal_"),
    )
)
_READERS = frozenset(
    (
        *("item", "tolist", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__", "__dlpack__"),
        *("nonzero", "argwhere", "masked_select", "unique", "equal", "allclose"),
    )
)
_CONSTANT = ("constant_", "dirac_", "eye_", "ones_", "zeros_")
"""Functions of torch.nn.init that draw nothing. Inside of the others, a function mode is off."""
_INITIALIZERS = ("torch.nn.init", "mmengine.model.utils", "mmengine.model.weight_init")
"""Modules that read weights to initialise them, or to log how they did."""


class BuildReads(TorchFunctionMode):  # type: ignore[misc] # torch is absent where types are checked
    """Follows random numbers through torch's functions."""

    def __init__(self) -> None:
        super().__init__()
        self._values = ValueTracker([])

    def conditions(self) -> List[str]:
        """Return what to say beside the figures: at most one condition."""
        return self._values.conditions("depends on random values read while it is built")

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        tensors = tensors_in([*args, *kwargs.values()])
        masks = [tensor for tensor in tensors[1:] if name == "__getitem__" and tensor.dtype == torch.bool]
        if (name in _READERS or masks) and not _is_initializing():
            self._values.read("tensor[mask]" if masks else name.strip("_"), masks or tensors[:1], "")
        result = func(*args, **kwargs)
        self._values.follow(
            [address_of(tensor) for tensor in tensors],
            [address_of(tensor) for tensor in tensors_in([result])],
            depends=name not in SHAPE_ONLY,
            is_random=name in _RANDOM or (getattr(func, "__module__", "") == "torch.nn.init" and name not in _CONSTANT),
        )
        return result


def _is_initializing() -> bool:
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__") in _INITIALIZERS:
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
