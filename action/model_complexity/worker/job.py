"""Run one job: measure a config at a shape. Runs the config's code in this process."""

from __future__ import annotations

import contextlib
import platform
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Callable, ContextManager, Dict, Optional

import torch

from model_complexity.common.options import MeasureOptions
from model_complexity.common.shapes import InputSpec
from model_complexity.worker.build import stub_extension
from model_complexity.worker.build.imports import find_for_imports
from model_complexity.worker.build.model import (
    build_model,
    enter_scope,
    load_config,
    skip_initialization,
    switch_to_deploy,
)
from model_complexity.worker.codebases import codebase_of
from model_complexity.worker.count.analysis import count, takes_gradients
from model_complexity.worker.count.build_reads import BuildReads
from model_complexity.worker.count.device import OnCPU
from model_complexity.worker.count.dry_run import dry_run
from model_complexity.worker.failure_of import failure_of
from model_complexity.worker.model_key import model_key
from model_complexity.worker.random_draws import RandomDraws

_DEFAULTS = MeasureOptions()


def versions() -> Dict[str, str]:
    """Return the versions of what counts: Python, torch, fvcore and mmengine."""
    libraries = {name: metadata.version(name) for name in ("fvcore", "mmengine")}
    return {"python": platform.python_version(), "torch": str(torch.__version__), **libraries}


def never_shared(key: str) -> bool:
    """Answer the key query of a job that is measured in any case."""
    return False


def run_job(
    config: Path,
    shape: InputSpec,
    device: str = "cpu",
    mode: str = "dry",
    is_shared: Callable[[str], bool] = never_shared,
    *,
    options: MeasureOptions = _DEFAULTS,
) -> Optional[Dict[str, Any]]:
    """Load, build and count a config.

    Args:
        config: path of the config file.
        shape: (C, H, W) of one image, ``auto``, or named inputs (see ``common.shapes.InputSpec``); the batch is 1.
        device: ``cpu`` or ``cuda``: where a real run happens.
        mode: ``dry`` runs without arithmetic, on the CPU; ``real`` computes.
        is_shared: whether another job has this key, which equal jobs share, and measures it.
        options: those of the whole run, such as ``deploy``; ``device`` and ``mode`` above are those of this attempt.

    Returns:
        ``{"measurement": …}`` or ``{"failure": …}`` with the fields of ``report.Measurement`` and ``report.Failure``, and
        ``scope``, the library that the config used; None where ``is_shared`` is true.
        Nothing that the config does short of ending the process raises here.
    """
    started = time.monotonic()
    attempt = _Attempt(config, shape, "cpu" if mode == "dry" else device, dry=mode == "dry", options=options)
    try:
        key = attempt.load()
        if key is not None and is_shared(key):
            return None
        measurement = attempt.measure()
    except (Exception, SystemExit) as error:
        return {"failure": failure_of(error, attempt.stage, str(Path.cwd())), "scope": attempt.scope}
    return {"measurement": {**measurement, "seconds": round(time.monotonic() - started, 3)}, "scope": attempt.scope}


class _Attempt:
    """One attempt at a job. ``stage`` is ``load``, ``build`` or ``count``."""

    def __init__(self, path: Path, requested: InputSpec, device: str, *, dry: bool, options: MeasureOptions) -> None:
        self._path, self._input, self._device, self._dry, self._options = path, requested, device, dry, options
        self.stage, self.scope = "load", ""

    def load(self) -> Optional[str]:
        """Read the config; return its key, or None where it has none (see ``model_key``)."""
        find_for_imports()
        self._config = load_config(self._path)
        self.stage = "build"
        self.scope = enter_scope(self._config)  # before arithmetic is skipped: modules compute when they are imported
        self._codebase = codebase_of(self.scope)
        self._input = self._codebase.resolve(self._config, self._input)
        return model_key(self._config, self.scope, self._input)  # all jobs of a worker have the same options

    def measure(self) -> Dict[str, Any]:
        """Build and count what was loaded."""
        measurement = self._count()
        return {**measurement, **self._deployed(measurement)} if self._options.deploy else measurement

    def _deployed(self, measurement: Dict[str, Any]) -> Dict[str, Any]:
        # The deployed form's metrics, if they differ. A failure costs only these.
        try:
            deployed = self._count(deployed=True)
        except (Exception, SystemExit) as error:
            return {"deployed_failure": failure_of(error, "count", str(Path.cwd()))["message"]}
        same = deployed["figures"] == measurement["figures"]
        return {} if same else {"deployed": {"figures": deployed["figures"]}}

    def _count(self, *, deployed: bool = False) -> Dict[str, Any]:
        try:
            return self._count_within(torch.inference_mode, deployed=deployed)
        except RuntimeError as error:
            if not takes_gradients(error):
                raise
            self.stage = "build"
        return self._count_within(torch.no_grad, deployed=deployed)

    def _count_within(self, guard: Callable[[], ContextManager[Any]], *, deployed: bool) -> Dict[str, Any]:
        with contextlib.ExitStack() as stack:
            if self._dry:
                stack.enter_context(skip_initialization())
                stack.enter_context(dry_run())
            elif self._device == "cpu":
                stack.enter_context(OnCPU())
            random_draws = RandomDraws()
            stack.enter_context(random_draws.seeding())
            build_reads = BuildReads()
            with build_reads:
                model = build_model(self._config, self.scope)
            model = model.to(self._device)
            if deployed:
                switch_to_deploy(model)
            self.stage = "count"
            entry_point = self._codebase.entry_point(model)
            inputs = self._codebase.make_inputs(model, entry_point, self._input, self._device)
            self._codebase.before_forward(model, inputs)
            stub_extension.reset()
            random_draws.seed_again()
            counts = count(model, inputs.tensors, guard)
        return {
            **counts,
            "stubbed_ops": stub_extension.used(),
            "conditions": [
                *inputs.conditions,
                *counts["conditions"],
                *build_reads.conditions(),
                *random_draws.conditions(),
            ],
            "input_shape": list(inputs.tensors[0].shape),
            "inputs": inputs.named,
            "entry_point": entry_point,
            "device": self._device,
            "mode": "dry" if self._dry else "real",
            "versions": versions(),
        }
