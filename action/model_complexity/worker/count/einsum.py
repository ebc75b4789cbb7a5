"""Count the multiply-accumulates of a contraction of several tensors, in torch's order. Arithmetic only."""

from __future__ import annotations

from math import prod
from typing import Dict, List, Sequence, Set, Tuple

Axes = Dict[str, int]
"""One operand of an einsum: index -> size. A repeated index is its diagonal, hence one entry."""


def einsum_macs(equation: str, shapes: Sequence[Sequence[int]], path: Sequence[int] = ()) -> int:
    """Count the multiply-accumulates of ``torch.einsum``.

    Each step contracts two operands and costs the product of the sizes of all indices that the two have, after an index
    that only one of them has, and no later step needs, was summed away. A single operand (a sum, a diagonal, a transposition)
    costs nothing. An outer product costs one multiplication for each element.

    Args:
        equation: as given to torch, with or without an output, with or without an ellipsis.
        shapes: of the operands.
        path: positions of the two operands of each step, flat, as torch records them; empty means from left to right.

    Source: torch.einsum, which contracts pair by pair through bmm (aten/src/ATen/native/Linear.cpp).
    """
    operands, output = _parse(equation.replace(" ", ""), shapes)
    steps = list(zip(path[::2], path[1::2])) or [(0, 1)] * (len(operands) - 1)
    total = 0
    for step in steps:
        right, left = operands.pop(max(step)), operands.pop(min(step))
        needed = output.union(*operands)
        joined = _joined(left, right, needed)
        total += prod(joined.values())
        result = {key: size for key, size in joined.items() if key in needed}
        operands.insert(len(operands) if path else 0, result)
    return total


def chain_macs(shapes: Sequence[Sequence[int]]) -> int:
    """Count the multiply-accumulates of a matrix chain in the cheapest order. A vector may be at either end.

    Source: torch.linalg.multi_dot, which chooses that order by dynamic programming (Cormen et al., "Introduction to
    Algorithms", section 15.2).
    """
    rows = [shape[0] if len(shape) == 2 or place else 1 for place, shape in enumerate(shapes)]
    sizes = [*rows, shapes[-1][1] if len(shapes[-1]) == 2 else 1]
    count = len(shapes)
    cost = [[0] * count for _ in range(count)]
    for length in range(1, count):
        for first in range(count - length):
            last = first + length
            cost[first][last] = min(
                cost[first][cut] + cost[cut + 1][last] + sizes[first] * sizes[cut + 1] * sizes[last + 1]
                for cut in range(first, last)
            )
    return cost[0][-1]


def _joined(left: Axes, right: Axes, needed: Set[str]) -> Axes:
    """Join the indices of two operands, less those that one of them sums away alone. A size of 1 is broadcast."""
    return {
        key: max(left.get(key, 1), right.get(key, 1))
        for key in {**left, **right}
        if key in needed or (key in left and key in right)
    }


def _parse(equation: str, shapes: Sequence[Sequence[int]]) -> Tuple[List[Axes], Set[str]]:
    """The operands of an equation without spaces, and the indices of its output."""
    left, arrow, output = equation.partition("->")
    operands = [_axes(term, shape) for term, shape in zip(left.split(","), shapes)]
    if not arrow:  # an index that occurs once is kept, and so is the ellipsis
        output = "..." + "".join(key for key in set(left) if key.isalpha() and left.count(key) == 1)
    kept = {key for key in output if key.isalpha()}
    if "..." in output:
        kept.update(key for operand in operands for key in operand if key.startswith("."))
    return operands, kept


def _axes(term: str, shape: Sequence[int]) -> Axes:
    """Sizes by index; the dimensions of an ellipsis are named from the right, as they are broadcast."""
    before, _, after = term.partition("...")
    hidden = len(shape) - len(before) - len(after)
    keys = [*before, *(f".{hidden - place}" for place in range(hidden)), *after]
    return dict(zip(keys, shape))
