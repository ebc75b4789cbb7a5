"""Count flops, params and activations of a built model with fvcore's analyses, over a recording of what ran."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections import Counter
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Set, Tuple

import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis, jit_analysis, parameter_count
from fvcore.nn.activation_count import _DEFAULT_SUPPORTED_OPS as FVCORE_ACTIVATIONS
from fvcore.nn.flop_count import _DEFAULT_SUPPORTED_OPS as FVCORE_FLOPS
from torch import nn

from model_complexity.worker.count.dry_run import dry_run
from model_complexity.worker.count.handles import ACTIVATION_HANDLES, FLOP_HANDLES
from model_complexity.worker.count.recording import Recording, record
from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION
from model_complexity.worker.count.sparse import by_stored_elements
from model_complexity.worker.count.uncounted import sort_operators
from model_complexity.worker.patch import patch_attribute

_FUNCTION = AUTOGRAD_FUNCTION.partition("::")[2]
"""fvcore names operators without their namespace."""
_TAKES_GRADIENTS = re.compile(r"inference tensor|does not require grad|requires_grad|require gradients?", re.IGNORECASE)
"""What torch says to a model that takes gradients in inference mode."""


class ZeroCountError(Exception):
    """The model ran, and no FLOPs were counted."""

    failure_kind = "zero_count"


def count(
    model: nn.Module,
    inputs: Tuple[torch.Tensor, ...],
    guard: Callable[[], ContextManager[Any]] = torch.inference_mode,
) -> Dict[str, Any]:
    """Run ``model(*inputs)`` once and count what ran.

    Args:
        model: in eval mode. What its ``forward`` returns does not matter.
        inputs: tensors with the batch dimension first.
        guard: see ``recording.record``.

    Returns:
        ``figures`` by metric (exact, one multiply-accumulate is one flop), ``operators`` (flops by operator),
        ``modules`` in call order as fvcore gives them (see ``report.Module``), ``unsupported_ops``, ``uncalled_modules``,
        ``shared_modules`` and ``conditions``.

    Raises:
        ZeroCountError: no operator was counted, so any number would be wrong.
        Exception: whatever the model's own code raises.
    """
    flop_handles = {kind: by_stored_elements(kind, handle) for kind, handle in {**FVCORE_FLOPS, **FLOP_HANDLES}.items()}
    activation_handles = {**FVCORE_ACTIVATIONS, **ACTIVATION_HANDLES}
    flops = FlopCountAnalysis(model, inputs).set_op_handle(**flop_handles)
    activations = ActivationCountAnalysis(model, inputs).set_op_handle(**activation_handles)
    for analysis in (flops, activations):
        analysis.unsupported_ops_warnings(enabled=False).uncalled_modules_warnings(enabled=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's
        recording = record(model, inputs, flops._aliases, (flop_handles, activation_handles), guard)
    with _analysing(recording, flops._named_modules):
        total = _as_int(flops.total())
        values = _as_int(activations.total())
    operators = sort_operators(flops.unsupported_ops(), recording)
    if total == 0:
        seen = ", ".join([*operators["uncounted"], *operators["negligible"]][:8]) or "no operator at all"
        raise ZeroCountError(f"no FLOPs were counted. The model ran {seen}.")
    params = parameter_count(model)
    return {
        "figures": {"flops": total, "params": _as_int(params[""]), "activations": values},
        "operators": _by_operator(flops),
        "modules": _modules(model, params, flops.by_module(), activations.by_module(), _called(flops, recording)),
        "unsupported_ops": operators,
        "uncalled_modules": sorted(_uncalled(flops, recording)),
        "shared_modules": _shared_modules(flops, recording),
        "conditions": recording.conditions,
    }


def takes_gradients(error: RuntimeError) -> bool:
    """Return whether a model failed because it takes gradients in its forward pass, which inference mode does not allow."""
    return _TAKES_GRADIENTS.search(str(error)) is not None


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


def _by_operator(flops: FlopCountAnalysis) -> Dict[str, int]:
    costs: Counter[str] = Counter()
    for name, cost in flops.by_operator().items():
        costs[name.rpartition(".")[2] if name.startswith(_FUNCTION) else name] += _as_int(cost)
    return {name: cost for name, cost in costs.items() if cost}


def _called(flops: FlopCountAnalysis, recording: Recording) -> Set[str]:
    """Return the modules that ran, and those that contain them: the ones that have figures."""
    called = {*recording.called, *(node.scopeName() for node in recording.nodes())}
    return {ancestor for name in called for ancestor in flops._get_all_ancestors(name)}


def _uncalled(flops: FlopCountAnalysis, recording: Recording) -> Set[str]:
    """Return the modules that did not run.

    One whose parameters were operands did run, in its caller's code. So may have what is inside of a scripted module. One
    that has no ``forward``, nor has anything inside of it, only holds something.
    """
    seen = _called(flops, recording)
    seen.update(ancestor for name in recording.used for ancestor in flops._get_all_ancestors(name))
    scripted = [name for name in seen if isinstance(flops._named_modules[name], torch.jit.ScriptModule)]
    return {
        name
        for name in set(flops._aliases.values()) - seen
        if not any(name.startswith(f"{above}." if above else "") for above in scripted)
        and any(type(part).forward is not nn.Module.forward for part in flops._named_modules[name].modules())
    }


def _shared_modules(flops: FlopCountAnalysis, recording: Recording) -> Dict[str, List[str]]:
    """Return the other names of each module that ran and has several; not of what is inside of it."""
    shared: Dict[str, List[str]] = {}
    for name, canonical in flops._aliases.items():
        if not isinstance(name, str) or name == canonical or canonical not in recording.called:
            continue
        parent, _, last = name.rpartition(".")
        above = flops._aliases.get(parent)
        if above != parent and f"{above}.{last}".lstrip(".") == canonical:
            continue  # it is shared because its parent is
        shared.setdefault(canonical, []).append(name)
    return shared


def _modules(model: nn.Module, params: Any, flops: Any, activations: Any, called: Set[str]) -> List[Dict[str, Any]]:
    shapes = {name: list(parameter.shape) for name, parameter in model.named_parameters()}
    rows = []
    for name in dict.fromkeys([*params, *flops]):
        figures: Dict[str, int] = {}
        row: Dict[str, Any] = {"name": name, "depth": name.count(".") + 1 if name else 0, "figures": figures}
        if name in params:
            figures["params"] = _as_int(params[name])
        if name in shapes:
            row["shape"] = shapes[name]
        elif name in called:
            figures["flops"] = _as_int(flops.get(name, 0))
            figures["activations"] = _as_int(activations.get(name, 0))
        rows.append(row)
    return rows


def _as_int(value: Any) -> int:
    # fvcore's own handles may count in floats or numpy numbers.
    return round(float(value)) if isinstance(value, float) else int(value)


@contextlib.contextmanager
def _analysing(recording: Recording, modules: Mapping[str, nn.Module]) -> Iterator[None]:
    """Have fvcore's analyses read a recording, where they would trace. fvcore has no public way to do so.

    Args:
        recording: is read.
        modules: those that the analyses know. A model may make more while it runs.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch_attribute(jit_analysis, "_get_scoped_trace_graph", lambda *_: recording))
        stack.enter_context(patch_attribute(jit_analysis, "_named_modules_with_dup", lambda _: modules.items()))
        yield
