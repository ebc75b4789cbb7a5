"""What a recording gives to fvcore's analyses and to handles: nodes, and the values that go in and out of them.

They answer what fvcore asks of ``torch._C.Node`` and ``torch._C.Value``. They keep shapes and constants, never a tensor.
"""

from __future__ import annotations

from math import prod
from typing import Any, List, Optional, Sequence, Tuple

import torch


class Value:
    """A tensor's shape, a list, or a constant.

    Args:
        value: as the operator got or returned it.
    """

    def __init__(self, value: Any) -> None:
        self.shape: Optional[List[int]] = None
        self.constant: Any = None
        self.parts: Optional[List[Value]] = None
        self.nonzeros: Optional[int] = None
        """Of a sparse tensor: how many elements it stores."""
        self.stored_by: Optional[Tuple[List[int], List[int]]] = None
        """Of a sparse matrix: how many elements each row and each column stores."""
        if isinstance(value, torch.Tensor):
            self.shape = _sizes(value)
            if value.layout != torch.strided:
                self.nonzeros, self.stored_by = _stored(value)
            return
        if isinstance(value, (list, tuple)):
            self.parts = [Value(part) for part in value]
            if any(part.shape is not None for part in self.parts):
                return
        elif isinstance(value, torch.ScriptObject):  # the packed weights of a quantized layer
            self.parts = [Value(part) for part in _unpacked(value)]
            return
        self.constant = value

    def isCompleteTensor(self) -> bool:  # noqa: N802 - fvcore's name
        """Return whether the value is a tensor."""
        return self.shape is not None

    def type(self) -> Value:
        """Return what has ``sizes``: fvcore asks a value's type."""
        return self

    def node(self) -> Value:
        """Return what has ``inputs``: fvcore asks a list's node."""
        return self

    def sizes(self) -> Optional[List[int]]:
        """Return a tensor's shape."""
        return self.shape

    def inputs(self) -> List[Value]:
        """Return the parts of a list."""
        return self.parts or []

    def toIValue(self) -> Any:  # noqa: N802 - fvcore's name
        """Return a constant."""
        return self.constant


class Node:
    """One operator that ran.

    Args:
        kind: ``namespace::name`` without the overload.
        scope: canonical name of the module whose code ran it, "" for the model itself.
        inputs: arguments in the schema's order, defaults included.
        outputs: results.
    """

    __slots__ = ("_inputs", "_kind", "_outputs", "_scope")

    def __init__(self, kind: str, scope: str, inputs: Sequence[Value] = (), outputs: Sequence[Value] = ()) -> None:
        self._kind, self._scope, self._inputs, self._outputs = kind, scope, inputs, outputs

    def kind(self) -> str:
        """Return ``namespace::name``."""
        return self._kind

    def scopeName(self) -> str:  # noqa: N802 - fvcore's name
        """Return the module's name."""
        return self._scope

    def inputs(self) -> Sequence[Value]:
        """Return the arguments."""
        return self._inputs

    def outputs(self) -> Sequence[Value]:
        """Return the results."""
        return self._outputs


def shape_of(value: Value) -> List[int]:
    """Return a tensor's shape.

    Raises:
        TypeError: the value is no tensor, or has no sizes (a nested one).
    """
    if value.shape is None:
        raise TypeError("not a tensor with sizes")
    return value.shape


def elements(value: Value) -> int:
    """Return the number of a tensor's elements."""
    return prod(shape_of(value))


def shapes_in(value: Value) -> List[List[int]]:
    """Return the shapes of a list of tensors."""
    return [shape_of(tensor) for tensor in value.inputs()]


def numbers_in(value: Value) -> List[Any]:
    """Return a number or list of numbers as a list. None gives an empty list."""
    constant = value.constant
    return [] if constant is None else list(constant) if isinstance(constant, (list, tuple)) else [constant]


def is_tensor_list(value: Value) -> bool:
    """Return whether a value is a list of tensors."""
    return bool(value.parts) and value.inputs()[0].shape is not None


def scalar_arguments(inputs: Sequence[Value]) -> List[Any]:
    """Return what an ``autograd.Function`` was called with other than tensors, in order: its last input."""
    return list(inputs[-1].constant or ())


def _stored(tensor: torch.Tensor) -> Tuple[int, Optional[Tuple[List[int], List[int]]]]:
    """Count the stored elements of a sparse tensor, zeros among them included, in all and by row and column."""
    if tensor.layout == torch.sparse_coo:
        stored, places = tensor._values(), tensor._indices()
        rows, columns = (places[0], places[1]) if len(places) == 2 and tensor.dim() == 2 else (None, None)
    else:
        stored, rows, columns = tensor.values(), None, None
        if tensor.layout in (torch.sparse_csr, torch.sparse_csc) and tensor.dim() == 2:
            coordinates = tensor.to_sparse_coo()._indices()
            rows, columns = coordinates[0], coordinates[1]
    if rows is None or columns is None:
        return stored.numel(), None
    sizes = tensor.shape
    return stored.numel(), (
        torch.bincount(rows, minlength=sizes[0]).tolist(),
        torch.bincount(columns, minlength=sizes[1]).tolist(),
    )


def _sizes(tensor: torch.Tensor) -> Optional[List[int]]:
    try:
        return list(tensor.shape)
    except RuntimeError:  # a nested tensor
        return None


def _unpacked(packed: Any) -> Sequence[Any]:
    try:
        return [part for part in packed.unpack() if isinstance(part, torch.Tensor)]
    except Exception:  # it may be any object of any extension
        return []
