"""Keep a model that names CUDA in its code on the CPU, where it is measured without a GPU."""

from __future__ import annotations

from typing import Any, Dict, Tuple

import torch
from torch.overrides import TorchFunctionMode

_CPU = torch.device("cpu")


class OnCPU(TorchFunctionMode):  # type: ignore[misc] # torch is absent where types are checked
    """Take every CUDA device for the CPU."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        func, args, kwargs = on_cpu(func, args, kwargs or {})
        return func(*args, **kwargs)


def on_cpu(func: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Tuple[Any, Tuple[Any, ...], Dict[str, Any]]:
    """Return the call of a torch function with each CUDA device replaced by the CPU.

    ``tensor.cuda()``, ``tensor.to("cuda")`` and ``torch.zeros(3, device="cuda")`` then work without one.
    """
    if func is torch.Tensor.cuda:
        return torch.Tensor.to, (args[0], _CPU), {}
    if func is torch.Tensor.pin_memory:
        return torch.Tensor.to, (args[0], _CPU), {}
    if "device" in kwargs and _is_cuda(kwargs["device"]):
        kwargs = {**kwargs, "device": _CPU}
    if func is torch.Tensor.to:
        args = (args[0], *(_CPU if _is_cuda(value) else value for value in args[1:]))
    return func, args, kwargs


def _is_cuda(device: Any) -> bool:
    # A number alone means that CUDA device.
    if isinstance(device, torch.device):
        return bool(device.type == "cuda")
    if isinstance(device, str):
        return device.partition(":")[0] == "cuda"
    return isinstance(device, int) and not isinstance(device, bool)
