"""Run a model without computing: counting needs shapes, not the values in the tensors.

A dispatch mode below the recorder returns an uninitialized result of the right shape for each operator. What a model's control
flow depends on is computed: views, integers, and small tensors. An operator that reads uninitialized values stops the dry run
(``DataDependentError``), and a real run follows.

Source of the mechanism: pytorch.org/docs, "Extending PyTorch" (torch_function and torch_dispatch modes).
"""

from __future__ import annotations

import contextlib
from functools import cache
from math import prod
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from model_complexity.common.failures import UNINITIALIZED
from model_complexity.worker.count.device import on_cpu
from model_complexity.worker.count.operators import SHAPE_ONLY
from model_complexity.worker.count.values import tensors_in
from model_complexity.worker.patch import patch_attribute

SMALL = 4_096
"""Tensors of up to this many elements are computed: sizes, scales, schedules, tables of indices."""


class DataDependentError(Exception):
    """The model reads a tensor's values, which a dry run does not compute."""


@contextlib.contextmanager
def dry_run() -> Iterator[None]:
    """Build and run models without computing, and without initialising their parameters.

    Raises:
        DataDependentError: from the operator that reads values.
    """
    skip = _SkipArithmetic()
    _active.append(skip)
    try:
        with skip, _FunctionGuard(skip), _without_rejection_sampling(skip):
            yield
    finally:
        _active.remove(skip)


@contextlib.contextmanager
def _without_rejection_sampling(skip: Any) -> Iterator[None]:
    """Leave parameters uninitialized where torch draws their values until all are within bounds, which reads them."""
    draw = torch.nn.init._no_grad_trunc_normal_

    def draw_if_computed(tensor: torch.Tensor, *bounds: Any, **options: Any) -> torch.Tensor:
        return tensor if skip.is_uninitialized(tensor) else draw(tensor, *bounds, **options)

    with patch_attribute(torch.nn.init, "_no_grad_trunc_normal_", draw_if_computed):
        yield


@contextlib.contextmanager
def continue_dry_run() -> Iterator[None]:
    """Continue the active dry run, if there is one, in another thread: modes are a thread's own."""
    with contextlib.ExitStack() as stack:
        for skip in _active[-1:]:
            stack.enter_context(skip)
            stack.enter_context(_FunctionGuard(skip))
        yield


def is_on() -> bool:
    """Return whether a dry run is active."""
    return bool(_active)


def mark_uninitialized(tensors: Sequence[torch.Tensor]) -> None:
    """Mark tensors that were made outside torch's dispatcher as uninitialized."""
    for skip in _active[-1:]:
        skip.mark(tensors)


def require_initialized(name: str, values: Iterable[Any]) -> None:
    """Check the arguments of an operator that bypasses torch's dispatcher.

    Raises:
        DataDependentError: one of the values is an uninitialized tensor.
    """
    for skip in _active[-1:]:
        if any(skip.is_uninitialized(tensor) for tensor in tensors_in(values)):
            raise DataDependentError(f"{name} reads values, {UNINITIALIZED}")


_active: List[Any] = []
"""Active modes, innermost last."""


class _Operator(NamedTuple):
    """What an operator's schema declares."""

    is_view: bool
    reads_values: bool
    """Return whether its result, or the result's shape, is data-dependent."""
    writes: Tuple[Tuple[int, str], ...]
    """Position and name of the arguments that it writes to."""
    is_shape_only: bool
    """Whether it takes no values from its arguments."""
    returns: Tuple[bool, ...]
    """Which of its results are arguments that it writes to."""


_UNDECLARED_VIEWS = (torch.ops.aten._unsafe_view.default,)


@cache
def _schema_of(operator: Any) -> _Operator:
    declared = operator._schema
    return _Operator(
        bool(operator.is_view) or operator in _UNDECLARED_VIEWS,
        torch.Tag.data_dependent_output in operator.tags or torch.Tag.dynamic_output_shape in operator.tags,
        tuple((place, part.name) for place, part in enumerate(declared.arguments) if _is_written(part)),
        declared.name.rpartition("::")[2] in SHAPE_ONLY,
        tuple(_is_written(part) for part in declared.returns),
    )


def _is_written(part: Any) -> bool:
    return bool(part.alias_info and part.alias_info.is_write)


class _SkipArithmetic(TorchDispatchMode):  # type: ignore[misc] # torch is absent where types are checked
    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()
        self._empty: Dict[int, Any] = {}
        self._unbacked: Dict[int, Any] = {}
        self._shapes: Dict[Any, Any] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # without this, torch imports its compiler on entering

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not isinstance(func, torch._ops.OpOverload):
            raise DataDependentError(f"{func} reads values, {UNINITIALIZED}")
        schema = _schema_of(func)
        tensors = tensors_in([*args, *kwargs.values()] if kwargs else args)
        if schema.is_shape_only and not self._unbacked:
            tensors = []
        empty = [tensor for tensor in tensors if self.is_uninitialized(tensor)]
        if self._unbacked and not schema.is_view and any(self.has_unbacked_size(tensor) for tensor in tensors):
            return self._write_to_unknown_indices(func, args)
        if empty and func is torch.ops.aten.nonzero.default:
            return self._unbacked_indices(tensors[0])
        if empty and _reads_values(func, schema, empty):
            raise DataDependentError(f"{func} reads values, {UNINITIALIZED}")
        if not schema.is_view and _may_skip(schema, tensors, tainted=bool(empty)):
            shapes = self._shapes_of(func, args, kwargs)
            if shapes is not None and (empty or _is_worth_it(tensors, shapes)):
                return self._answer(schema, shapes, args, kwargs)
        result = func(*args, **kwargs)
        if empty:
            self.mark([*tensors_in([result]), *_written(schema, args, kwargs)])
        return result

    def is_uninitialized(self, tensor: torch.Tensor) -> bool:
        """Return whether the tensor's storage was never computed."""
        if not self._empty or tensor.device.type != "cpu":
            return False
        _require_strided(tensor)
        return tensor.untyped_storage().data_ptr() in self._empty

    def has_unbacked_size(self, tensor: torch.Tensor) -> bool:
        """Return whether the tensor is, or is a view of, an index list of unknown length."""
        return (
            bool(self._unbacked)
            and tensor.device.type == "cpu"
            and tensor.untyped_storage().data_ptr() in self._unbacked
        )

    def has_unbacked(self) -> bool:
        """Return whether any index list has unbacked sizes."""
        return bool(self._unbacked)

    def _unbacked_indices(self, mask: torch.Tensor) -> torch.Tensor:
        """Return a placeholder for a mask's indices, (?, dimensions). It may only serve to write to those indices."""
        indices = torch.zeros((1, len(_size(mask))), dtype=torch.int64)
        storage = indices.untyped_storage()
        self._unbacked[storage.data_ptr()] = self._empty[storage.data_ptr()] = storage
        return indices

    def _write_to_unknown_indices(self, operator: Any, args: Any) -> torch.Tensor:
        """Return the uninitialized tensor that is left after a write to unknown indices.

        Raises:
            DataDependentError: the operator does something else with them.
        """
        target: torch.Tensor = args[0]
        if operator not in _WRITERS or self.has_unbacked_size(target):
            raise DataDependentError(f"{operator} reads values, {UNINITIALIZED}")
        if operator is torch.ops.aten.index_put.default:
            target = _empty_like_meta(_meta(target))
        self.mark([target])
        return target

    def mark(self, tensors: Sequence[torch.Tensor]) -> None:
        """Remember uninitialized storages. They are kept alive, so that no other gets their address."""
        for tensor in tensors:
            if tensor.device.type == "cpu" and _elements(tensor):
                _require_strided(tensor)
                storage = tensor.untyped_storage()
                self._empty[storage.data_ptr()] = storage

    def _shapes_of(self, operator: Any, args: Any, kwargs: Any) -> Any:
        """Return the results as meta tensors, cached; None where the operator has no meta kernel."""
        try:
            key = (operator, _signature(args), _signature(kwargs))
            if key not in self._shapes:
                self._shapes[key] = _shapes(operator, args, kwargs)
            return self._shapes[key]
        except (RuntimeError, TypeError):  # an argument that cannot be a key, or has no strides
            return _shapes(operator, args, kwargs)

    def _answer(self, schema: _Operator, shapes: Any, args: Any, kwargs: Any) -> Any:
        """Return uninitialized results of the right shapes. Arguments written in place are returned themselves."""
        written = _written(schema, args, kwargs)
        if isinstance(shapes, torch.Tensor):
            result: Any = written[0] if schema.returns[0] else _empty_like_meta(shapes)
            self.mark([result, *written])
            return result
        flat, form = tree_flatten(shapes)
        arguments, results = iter(written), []
        for place, shape in enumerate(flat):
            if place < len(schema.returns) and schema.returns[place]:
                results.append(next(arguments))
            else:
                results.append(_empty_like_meta(shape) if isinstance(shape, torch.Tensor) else shape)
        self.mark([*tensors_in(results), *written])
        return tree_unflatten(results, form)


def _require_strided(tensor: torch.Tensor) -> None:
    if tensor.layout != torch.strided:
        raise DataDependentError(f"a sparse tensor holds values, {UNINITIALIZED}")


def _reads_values(operator: Any, schema: _Operator, empty: Sequence[torch.Tensor]) -> bool:
    """Return whether the result, or its shape, depends on values of the ``empty`` tensors."""
    if operator is torch.ops.aten.index.Tensor:
        # A mask decides how many elements there are; indices do not, and neither does what is indexed.
        return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in empty)
    return schema.reads_values


def _may_skip(schema: _Operator, tensors: Sequence[torch.Tensor], *, tainted: bool) -> bool:
    # Control flow depends on integers (indices, masks, lengths): an operator on integers alone is computed.
    # So is one that fills a small tensor.
    if not tensors:
        return True
    if not any(_holds_numbers(tensor) for tensor in tensors):
        return False
    return tainted or not schema.writes or any(_elements(tensor) > SMALL for tensor in tensors)


def _is_worth_it(tensors: Sequence[torch.Tensor], shapes: Any) -> bool:
    # Large floating-point tensors in or out are. A large table of integers made from nothing is not.
    if any(_elements(tensor) > SMALL and _holds_numbers(tensor) for tensor in tensors):
        return True
    return any(_elements(shape) > SMALL and _holds_numbers(shape) for shape in tensors_in([shapes]))


def _holds_numbers(tensor: torch.Tensor) -> bool:
    return bool(tensor.is_floating_point() or tensor.is_complex())


def _signature(value: Any) -> Any:
    # All that the shape of a result can depend on, as a key.
    if isinstance(value, torch.Tensor):
        return (*_size(value), None, *_stride(value), value.dtype, value.device)
    if isinstance(value, (list, tuple)):
        return tuple([_signature(part) for part in value])
    if isinstance(value, dict):
        return tuple([(name, _signature(part)) for name, part in value.items()])
    return (value.__class__, value)  # 1, 1.0 and True are not the same


def _shapes(operator: Any, args: Any, kwargs: Any) -> Any:
    keywords = {name: _meta(value) for name, value in kwargs.items()}
    if "device" in keywords:
        keywords["device"] = torch.device("meta")
    try:
        return operator(*_meta(args), **keywords)
    except Exception:  # a meta kernel is missing or wrong: then the operator is computed, and says itself what is amiss
        return None


def _meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.empty_strided(_size(value), _stride(value), dtype=value.dtype, device="meta")
    if isinstance(value, (list, tuple)):
        return [_meta(part) for part in value]
    return torch.device("meta") if isinstance(value, torch.device) else value


def _empty_like_meta(shape: torch.Tensor) -> torch.Tensor:
    if _holds_numbers(shape):
        return torch.empty_strided(_size(shape), _stride(shape), dtype=shape.dtype)  # memory that is never touched
    return torch.zeros(_size(shape), dtype=shape.dtype)  # always a legal index


_size = torch.ops.aten.sym_size.default
_stride = torch.ops.aten.sym_stride.default
# Not the methods, which a subclass may override.


def _elements(tensor: torch.Tensor) -> int:
    return prod(_size(tensor))


def _written(schema: _Operator, args: Any, kwargs: Any) -> List[torch.Tensor]:
    values = [kwargs.get(name, args[place] if place < len(args) else None) for place, name in schema.writes]
    return tensors_in(values)


class _FunctionGuard(TorchFunctionMode):  # type: ignore[misc]
    """Stop reads that bypass the dispatch mode, and keep tensors on the CPU (see ``device.on_cpu``)."""

    def __init__(self, skip: _SkipArithmetic) -> None:
        super().__init__()
        self._skip = skip

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        func, args, kwargs = on_cpu(func, args, kwargs or {})
        if func in _READERS and self._skip.is_uninitialized(args[0]):
            raise DataDependentError(f"{func.__name__} reads values, {UNINITIALIZED}")
        if (
            self._skip.has_unbacked()
            and func not in _TAKE_UNBACKED
            and any(map(self._skip.has_unbacked_size, tensors_in([*args, *kwargs.values()])))
        ):
            name = getattr(func, "__name__", func)
            raise DataDependentError(f"{name} reads a size, {UNINITIALIZED}")
        return func(*args, **kwargs)


_READERS = (torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.__array__, torch.Tensor.__dlpack__)
_WRITERS = (torch.ops.aten.index_put_.default, torch.ops.aten.index_put.default)
_TAKE_UNBACKED = frozenset(
    (
        torch.where,
        torch.nonzero,
        torch.Tensor.nonzero,
        torch.Tensor.squeeze,
        torch.Tensor.__setitem__,
        torch.Tensor.index_put,
        torch.Tensor.index_put_,
    )
)
"""Functions that accept an index list of unknown length: they make it, cut it along its known dimension, or write by it.

Functions that return its length or read by it are excluded."""
