"""Sort the operators that have no count into negligible and uncounted ones, and say why the latter have none."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

from model_complexity.worker.count.recording import UNCOUNTABLE, Recording
from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION, REASONS

_MOST_MODULES = 20
_OWN_NAMESPACES = ("aten", "higher_order", "prims", "quantized")


def sort_operators(operators: Mapping[str, int], recording: Recording) -> Dict[str, Dict[str, Any]]:
    """Split operators without a count.

    Args:
        operators: kind -> how often it ran, as fvcore gives them.
        recording: knows what is negligible, and which modules ran what.

    Returns:
        ``negligible`` and ``uncounted``, each name -> how often, sorted by name; of the uncounted ones ``modules``, name ->
        modules whose own code ran it, and ``reasons``, name -> why it has no count. A Function goes by its own name:
        ``prim::PythonOp.mmcv.ops.carafe.CARAFEFunction`` is ``CARAFEFunction``.
    """
    found: Dict[str, Dict[str, Any]] = {"negligible": {}, "uncounted": {}, "modules": {}, "reasons": {}}
    for kind, times in sorted(operators.items()):
        name = displayed_name(kind)
        sort = found["negligible" if kind in recording.negligible else "uncounted"]
        sort[name] = sort.get(name, 0) + times
        if kind not in recording.negligible:
            modules: List[str] = found["modules"].setdefault(name, [])
            modules.extend(scope for scope in recording.scopes_of(kind) if scope not in modules)
            del modules[_MOST_MODULES:]
            reason = reason_of(kind)
            if reason:
                found["reasons"][name] = reason
    return found


def displayed_name(kind: str) -> str:
    """Return the name of a kind of node for people."""
    kind = kind[len(UNCOUNTABLE) :] if kind.startswith(UNCOUNTABLE) else kind
    return kind.rpartition(".")[2] if kind.startswith(AUTOGRAD_FUNCTION) else kind


def reason_of(kind: str) -> Optional[str]:
    """Return why an operator has no count, None if it only lacks a formula so far."""
    if kind.startswith(UNCOUNTABLE):
        return "its formula does not cover these arguments"
    if kind in REASONS:
        return REASONS[kind]
    if kind.startswith(AUTOGRAD_FUNCTION):
        return "compiled code without a formula"
    namespace = kind.partition("::")[0]
    return None if namespace in _OWN_NAMESPACES else "a custom operator without a formula"
