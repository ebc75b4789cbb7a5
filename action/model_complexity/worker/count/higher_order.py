"""Run torch's higher-order operators: those that take functions, which no schema describes."""

from __future__ import annotations

from functools import wraps
from types import FunctionType
from typing import Any, Callable, Dict, List, Sequence, Tuple

import torch
from torch.utils._pytree import tree_flatten, tree_unflatten

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
    result = operator(*_recorded(args, recorder), **_recorded(kwargs, recorder))
    recorder.add_computed(HIGHER_ORDER + name, args, result)
    return result


def _recorded(value: Any, recorder: Any) -> Any:
    """Return arguments whose functions, such as what changes a score of attention, are recorded when the operator calls them."""
    if isinstance(value, FunctionType):

        @wraps(value)
        def run(*args: Any, **kwargs: Any) -> Any:
            with recorder:
                return value(*args, **kwargs)

        return run
    if isinstance(value, (list, tuple)):
        parts = [_recorded(part, recorder) for part in value]
        return parts if isinstance(value, list) else tuple(parts)
    return {name: _recorded(part, recorder) for name, part in value.items()} if isinstance(value, dict) else value


def _cond(
    predicate: Any, true_function: Callable[..., Any], false_function: Callable[..., Any], operands: Any = ()
) -> Any:
    return (true_function if predicate else false_function)(*operands)


def _while_loop(condition: Callable[..., Any], body: Callable[..., Any], carried: Any, additional: Any = ()) -> Any:
    carried = tuple(carried)
    while condition(*carried, *additional):
        carried = tuple(body(*carried, *additional))
    return carried


def _map(function: Callable[..., Any], mapped: Sequence[torch.Tensor], arguments: Sequence[Any]) -> Any:
    return _stacked([function(*rows, *arguments) for rows in zip(*mapped)])


def _scan(
    combine: Callable[..., Any], carried: Sequence[Any], mapped: Sequence[torch.Tensor], additional: Sequence[Any] = ()
) -> Any:
    kept, rows = list(carried), []
    for row in zip(*mapped):
        results = combine(*kept, *row, *additional)
        kept = list(results[: len(kept)])
        rows.append(list(results[len(kept) :]))
    return (*kept, *(_stacked(rows) if rows else ()))


def _stacked(results: List[Any]) -> Any:
    forms = [tree_flatten(result) for result in results]
    columns = zip(*(parts for parts, _ in forms))
    stacked = [torch.stack(rows) if isinstance(rows[0], torch.Tensor) else rows[0] for rows in columns]
    return tree_unflatten(stacked, forms[0][1])


def _out_dtype(operator: Any, dtype: torch.dtype, *args: Any) -> Any:
    return operator(*args).to(dtype)


def _wrap(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


_CALLS: Dict[str, Callable[..., Any]] = {
    "cond": _cond,
    "while_loop": _while_loop,
    "out_dtype": _out_dtype,
    "wrap": _wrap,
    "map_impl": _map,
    "scan": _scan,
}
