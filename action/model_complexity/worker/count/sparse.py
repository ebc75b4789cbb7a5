"""Count products of sparse tensors by the elements that they store."""

from __future__ import annotations

from functools import wraps
from math import prod
from typing import Any, Callable, List

from model_complexity.worker.count.node import Value, shape_of

Handle = Callable[[List[Any], List[Any]], Any]
_ADDING = frozenset(f"aten::{name}" for name in ("addmm", "addmv", "baddbmm", "addbmm", "sspaddmm", "_sparse_addmm"))
"""Kinds whose first input is added to the product."""
_SAMPLED = frozenset(("aten::sparse_sampled_addmm",))


def by_stored_elements(kind: str, handle: Handle) -> Handle:
    """Return the flop handle of a kind of operator, counting only the multiply-accumulates with stored elements.

    A (M, K) with S stored elements times B (K, N) costs S·N: the dense count times S / (M·K). Two sparse matrices cost the sum,
    over k, of what column k of the first stores times what row k of the second stores.

    Raises:
        TypeError: from the handle that is returned, where two sparse operands are not two matrices.

    Source: the definition; Gustavson, "Two Fast Algorithms for Sparse Matrices: Multiplication and Permuted Transposition".
    """

    @wraps(handle)
    def count(inputs: List[Any], outputs: List[Any]) -> Any:
        operands = inputs[1:3] if kind in _ADDING else inputs[:2]
        sparse = [value for value in operands if value.nonzeros is not None]
        if not sparse or kind in _SAMPLED:
            return handle(inputs, outputs)
        if len(sparse) > 1:
            return _both_sparse(*sparse)
        return int(handle(inputs, outputs)) * sparse[0].nonzeros // max(prod(shape_of(sparse[0])), 1)

    return count


def _both_sparse(*operands: Value) -> int:
    first, second = operands
    if first.stored_by is None or second.stored_by is None:
        raise TypeError("not two sparse matrices")
    return sum(column * row for column, row in zip(first.stored_by[1], second.stored_by[0]))
