"""Count flops, params and activations of a built model with fvcore's analyses over one trace."""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, Tuple

import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis, jit_analysis, parameter_count
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import CheckpointFunction

from model_complexity.worker.count.dry_run import dry_run
from model_complexity.worker.count.handles import ACTIVATION_HANDLES, FLOP_HANDLES
from model_complexity.worker.count.operators import sort_operators
from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION

_FUNCTION = AUTOGRAD_FUNCTION.partition("::")[2]
"""fvcore names operators without their namespace."""


class ZeroCountError(Exception):
    """The model was traced, and no FLOPs were counted."""

    failure_kind = "zero_count"


def count(model: nn.Module, inputs: Tuple[torch.Tensor, ...]) -> Dict[str, Any]:
    """Trace ``model(*inputs)`` once and count it.

    Args:
        model: in eval mode; its ``forward`` is what is traced.
        inputs: tensors with the batch dimension first.

    Returns:
        ``figures`` by metric (exact, one multiply-accumulate is one flop), ``operators`` (flops by operator),
        ``modules`` in call order as fvcore gives them (see ``report.Module``), ``unsupported_ops`` and ``uncalled_modules``.

    Raises:
        ZeroCountError: no operator was counted, so any number would be wrong.
        Exception: whatever the model's own code raises.
    """
    flops = FlopCountAnalysis(model, inputs).set_op_handle(**FLOP_HANDLES)
    activations = ActivationCountAnalysis(model, inputs).set_op_handle(**ACTIVATION_HANDLES)
    for analysis in (flops, activations):
        analysis.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False).tracer_warnings(
            "none"
        )
    with _one_trace(), _without_checkpoints(), _NoFusedAttention(), torch.no_grad():
        total = _as_int(flops.total())
        values = _as_int(activations.total())
    operators = sort_operators(flops.unsupported_ops().items())
    if total == 0:
        seen = ", ".join([*operators["uncounted"], *operators["negligible"]][:8]) or "no operator at all"
        raise ZeroCountError(f"no FLOPs were counted. The trace has {seen}")
    params = parameter_count(model)
    uncalled = flops.uncalled_modules()
    return {
        "figures": {"flops": total, "params": _as_int(params[""]), "activations": values},
        "operators": {name.replace(_FUNCTION, ""): _as_int(cost) for name, cost in flops.by_operator().items() if cost},
        "modules": _modules(model, params, flops.by_module(), activations.by_module(), uncalled),
        "unsupported_ops": operators,
        "uncalled_modules": sorted(uncalled),
    }


def warm_up() -> None:
    """Count a small model of common layers, which fills the caches that forks of this process inherit."""
    layers = (
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.AdaptiveAvgPool2d(8),
        nn.Flatten(2),
        nn.LayerNorm(64),
        nn.Linear(64, 16),
        nn.GELU(),
        nn.MultiheadAttention(16, 2),
    )
    with dry_run():
        model = _Chain(*layers).eval()
        count(model, (torch.rand(1, 3, 64, 64),))


class _Chain(nn.Sequential):  # type: ignore[misc] # torch is absent where types are checked
    def forward(self, value: torch.Tensor) -> torch.Tensor:
        for layer in self:
            value = layer(value, value, value)[0] if isinstance(layer, nn.MultiheadAttention) else layer(value)
        return value


def _modules(model: nn.Module, params: Any, flops: Any, activations: Any, uncalled: Any) -> List[Dict[str, Any]]:
    shapes = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    rows = []
    for name in dict.fromkeys([*params, *flops]):
        figures: Dict[str, int] = {}
        row: Dict[str, Any] = {"name": name, "depth": name.count(".") + 1 if name else 0, "figures": figures}
        if name in params:
            figures["params"] = _as_int(params[name])
        if name in shapes:
            row["shape"] = shapes[name]
        elif name not in uncalled:
            figures["flops"] = _as_int(flops.get(name, 0))
            figures["activations"] = _as_int(activations.get(name, 0))
        rows.append(row)
    return rows


def _as_int(value: Any) -> int:
    # fvcore's own handles may count in floats or numpy numbers.
    return round(float(value)) if isinstance(value, float) else int(value)


class _NoFusedAttention(TorchFunctionMode):  # type: ignore[misc] # torch is absent where types are checked
    """Keep nn.MultiheadAttention and nn.TransformerEncoderLayer off their fused path.

    Without gradients they call a fused operator (``_native_multi_head_attention``), which hides its matmuls. They do not
    while a torch function mode is active, in every torch 2.x.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


@contextlib.contextmanager
def _without_checkpoints() -> Iterator[None]:
    """Run activation checkpoints as plain calls: an autograd Function hides what it calls."""

    def run(function: Any, preserve_rng_state: Any, *inputs: Any) -> Any:
        return function(*inputs)

    CheckpointFunction.apply = run
    try:
        yield
    finally:
        del CheckpointFunction.apply


@contextlib.contextmanager
def _one_trace() -> Iterator[None]:
    """Let the analyses share one trace, nearly all of the cost. fvcore has no public way to do so."""
    trace = jit_analysis._get_scoped_trace_graph
    graphs: Dict[int, Any] = {}

    def traced_once(module: nn.Module, inputs: Any, aliases: Any) -> Any:
        if id(module) not in graphs:
            graphs[id(module)] = trace(module, inputs, aliases)
        return graphs[id(module)]

    jit_analysis._get_scoped_trace_graph = traced_once
    try:
        yield
    finally:
        jit_analysis._get_scoped_trace_graph = trace
