"""One job: a config at a shape goes in, a measurement or a failure comes out. Runs the config's code in this process."""

from __future__ import annotations

import contextlib
import inspect
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Callable, Dict, Sequence

import torch
from torch import nn

from .building import build_model, enter_scope, load_config
from .counting import count
from .dry import without_arithmetic
from .failures import failure_of

EXTRACT = "extract_feat"
EXTRACT_IMAGE = "extract_image_feat"


def versions() -> Dict[str, str]:
    """What does the counting: Python, torch, fvcore and mmengine."""
    libraries = {name: metadata.version(name) for name in ("fvcore", "mmengine")}
    return {"python": platform.python_version(), "torch": str(torch.__version__), **libraries}


def run_job(config: Path, shape: Sequence[int], device: str = "cpu", method: str = "dry") -> Dict[str, Any]:
    """Loads, builds and counts.

    Args:
        config: path of the config file.
        shape: (C, H, W) of one image; the batch is 1.
        device: ``cpu`` or ``cuda``: where a real run happens.
        method: ``dry`` traces without arithmetic, on the CPU; ``real`` computes.

    Returns:
        ``{"measurement": …}`` or ``{"failure": …}`` with the fields of ``report.Measurement`` and ``report.Failure``.
        Nothing that the config does short of ending the process raises here.
    """
    started = time.monotonic()
    attempt = _Attempt(config, shape, "cpu" if method == "dry" else device, dry=method == "dry")
    try:
        found = attempt.measure()
    except (Exception, SystemExit) as error:
        return {"failure": failure_of(error, attempt.stage, str(Path.cwd()))}
    return {"measurement": {**found, "seconds": round(time.monotonic() - started, 3)}}


class _Attempt:
    """One way through a job, which knows how far it came: ``load``, ``build`` or ``count``."""

    def __init__(self, config: Path, shape: Sequence[int], device: str, *, dry: bool) -> None:
        self._config, self._shape, self._device, self._dry = config, shape, device, dry
        self.stage = "load"

    def measure(self) -> Dict[str, Any]:
        config = load_config(self._config)
        self.stage = "build"
        scope = enter_scope(config)  # before arithmetic is skipped: modules compute things when they are imported
        with without_arithmetic() if self._dry else contextlib.nullcontext():
            model = build_model(config).to(self._device)
            self.stage = "count"
            method = trace_method(model)
            inputs = image(self._shape, self._device)
            counts = count(model, (inputs,))
        return {
            **counts,
            "input_shape": list(inputs.shape),
            "forward": method,
            "device": self._device,
            "method": "dry" if self._dry else "real",
            "versions": versions(),
            "scope": scope,
        }


def trace_method(model: nn.Module) -> str:
    """Makes ``model(x)`` run ``extract_feat`` where the model has it, as the OpenMMLab tools do, and names the method.

    The head's parameters are then counted and its flops are not. One that wants a text beside the image (CLIP's) gives way to
    ``extract_image_feat``, its own half for images.
    """
    if not callable(getattr(model, EXTRACT, None)):
        return "forward"
    image_half = callable(getattr(model, EXTRACT_IMAGE, None)) and not _takes_one(model.extract_feat)
    name = EXTRACT_IMAGE if image_half else EXTRACT
    model.forward = getattr(model, name)
    return name


def _takes_one(method: Callable[..., Any]) -> bool:
    """Whether it can be called with one argument."""
    try:
        inspect.signature(method).bind(None)
    except TypeError:
        return False
    return True


def image(shape: Sequence[int], device: str) -> torch.Tensor:
    """A batch of one image, (1, C, H, W), the same in every run."""
    return torch.rand((1, *shape), generator=torch.Generator().manual_seed(0)).to(device)
