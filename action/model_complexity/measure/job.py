"""One job: a config at a shape goes in, a measurement or a failure comes out. Runs the config's code in this process."""

from __future__ import annotations

import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, Sequence

import torch
from torch import nn

from .building import build_model, load_config
from .counting import count
from .failures import failure_of

EXTRACT = "extract_feat"


def versions() -> Dict[str, str]:
    """What does the counting: Python, torch, fvcore and mmengine."""
    libraries = {name: metadata.version(name) for name in ("fvcore", "mmengine")}
    return {"python": platform.python_version(), "torch": str(torch.__version__), **libraries}


def run_job(config: Path, shape: Sequence[int], device: str = "cpu") -> Dict[str, Any]:
    """Loads, builds and counts.

    Args:
        config: path of the config file.
        shape: (C, H, W) of one image; the batch is 1.
        device: ``cpu`` or ``cuda``.

    Returns:
        ``{"measurement": …}`` or ``{"failure": …}`` with the fields of ``report.Measurement`` and ``report.Failure``.
        Nothing that the config does short of ending the process raises here.
    """
    started = time.monotonic()
    stage = "load"
    try:
        loaded = load_config(config)
        stage = "build"
        model = build_model(loaded).to(device)
        stage = "count"
        method = trace_method(model)
        inputs = image(shape, device)
        counts = count(model, (inputs,))
    except (Exception, SystemExit) as error:
        return {"failure": failure_of(error, stage, str(Path.cwd()))}
    return {
        "measurement": {
            **counts,
            "input_shape": list(inputs.shape),
            "forward": method,
            "device": device,
            "method": "real",
            "seconds": round(time.monotonic() - started, 3),
            "versions": versions(),
        }
    }


def trace_method(model: nn.Module) -> str:
    """Makes ``model(x)`` run ``extract_feat`` where the model has it, as the OpenMMLab tools do, and names the method.

    The head's parameters are then counted and its flops are not.
    """
    if not callable(getattr(model, EXTRACT, None)):
        return "forward"
    model.forward = model.extract_feat
    return EXTRACT


def image(shape: Sequence[int], device: str) -> torch.Tensor:
    """A batch of one image, (1, C, H, W), the same in every run."""
    return torch.rand((1, *shape), generator=torch.Generator().manual_seed(0)).to(device)
