"""Run torch's higher-order operators: those that take functions, which no schema describes."""

from __future__ import annotations

from typing import Any, Callable, Dict, Tuple

import torch

HIGHER_ORDER = "higher_order::"


def run_higher_order(recorder: Any, operator: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """Run a higher-order operator, and record the functions that it calls, or the operator where it computes by itself.

    Args:
        recorder: the active one, which does not see what runs here unless it is entered again.
        operator: e.g. ``torch.ops.higher_order.flex_attention``.
        args: of the operator.
        kwargs: of the operator.

    Source: torch._higher_order_ops, whose eager kernels refuse to run while a mode is active.
    """
    name = str(operator)
    calls = _CALLS.get(name)
    if calls is not None:
        with recorder:
            return calls(*args, **kwargs)
    result = operator(*args, **kwargs)
    recorder.add_computed(HIGHER_ORDER + name, args, result)
    return result


def _cond(
    predicate: Any, true_function: Callable[..., Any], false_function: Callable[..., Any], operands: Any = ()
) -> Any:
    return (true_function if predicate else false_function)(*operands)


def _while_loop(condition: Callable[..., Any], body: Callable[..., Any], carried: Any, additional: Any = ()) -> Any:
    carried = tuple(carried)
    while condition(*carried, *additional):
        carried = tuple(body(*carried, *additional))
    return carried


def _out_dtype(operator: Any, dtype: torch.dtype, *args: Any) -> Any:
    return operator(*args).to(dtype)


def _wrap(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


_CALLS: Dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "while_loop": _while_loop,
    "out_dtype": _out_dtype,
    "wrap": _wrap,
}
