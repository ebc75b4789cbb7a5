"""Register what operators cost: one decorated function each, see ``flops``, ``product_flops`` and ``activations``.

A handle takes the inputs and outputs of one node of a recording and returns a count, as in ``fvcore.nn.jit_handles``.
One multiply-accumulate is one flop. The docstring of a flop handle is its row in docs/counting.md: the first line and what
follows ``Source:``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, List, Sequence, Set, TypeVar

from fvcore.nn.jit_handles import generic_activation_jit

Handle = Callable[[List[Any], List[Any]], int]
Function = TypeVar("Function", bound=Callable[..., int])

AUTOGRAD_FUNCTION = "prim::PythonOp."
"""Precedes the module and name of a ``torch.autograd.Function`` that runs compiled code; any other is counted by its parts."""

FLOP_HANDLES: Dict[str, Handle] = {}
ACTIVATION_HANDLES: Dict[str, Handle] = {}
REASONS: Dict[str, str] = {}
"""Operators that have no handle, and why, in a few words."""
NEGLIGIBLE_FUNCTIONS: Set[str] = set()
"""Autograd Functions that would be negligible if they were written with torch's operators."""


def flops(*operators: str, **arguments: Any) -> Callable[[Function], Function]:
    """Register the decorated function as the flop handle of operators.

    Args:
        operators: names as recorded, e.g. ``aten::cdist``.
        arguments: passed to the function at each call, where operators of a family differ in them.
    """
    return partial(_register, FLOP_HANDLES, operators, arguments)


def activations(*operators: str) -> Callable[[Function], Function]:
    """Register the decorated function as the activation handle of operators."""
    return partial(_register, ACTIVATION_HANDLES, operators, {})


def product_flops(*operators: str, **arguments: Any) -> Callable[[Function], Function]:
    """Register a matrix product or convolution, whose activations are its output, as in fvcore."""

    def decorate(function: Function) -> Function:
        _register(ACTIVATION_HANDLES, operators, {}, generic_activation_jit())
        return _register(FLOP_HANDLES, operators, arguments, function)

    return decorate


def negligible(*names: str) -> None:
    """Register autograd Functions whose work is not worth counting."""
    NEGLIGIBLE_FUNCTIONS.update(AUTOGRAD_FUNCTION + name for name in names)


def uncounted(reason: str, *operators: str) -> None:
    """Register why operators have no handle."""
    REASONS.update(dict.fromkeys(operators, reason))


def _register(table: Dict[str, Handle], operators: Sequence[str], arguments: Any, function: Function) -> Function:
    for operator in operators:
        if operator in table:
            raise ValueError(f"{operator} has two handles")
        table[operator] = partial(function, **arguments) if arguments else function
    return function
