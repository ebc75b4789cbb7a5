"""Read the shapes and constants of a node's inputs and outputs."""

from __future__ import annotations

from math import prod
from typing import Any, List

from fvcore.nn.jit_handles import get_shape


def shape_of(value: Any) -> List[int]:
    """Return a tensor's shape, which the trace records for every tensor."""
    shape: List[int] = get_shape(value)
    return shape


def elements(value: Any) -> int:
    """Return the number of a tensor's elements."""
    return prod(shape_of(value))


def shapes_in(value: Any) -> List[List[int]]:
    """Return the shapes of a list of tensors."""
    return [shape_of(tensor) for tensor in value.node().inputs()]


def numbers_in(value: Any) -> List[Any]:
    """Return a constant number or list of numbers as a list.

    None gives an empty list. A number that was computed while tracing is None.
    """
    if is_list(value) and value.toIValue() is None:
        return [number.toIValue() for number in value.node().inputs()]
    constant = value.toIValue()
    return [] if constant is None else list(constant) if isinstance(constant, (list, tuple)) else [constant]


def is_list(value: Any) -> bool:
    """Return whether a value is a list."""
    return bool(value.type().kind() == "ListType")


def scalar_arguments(output: Any) -> List[Any]:
    """Return what an ``autograd.Function`` was called with other than tensors, in order."""
    return list(output.node().scalar_args())
