"""Analysis without arithmetic: the trace is needed, the numbers in the tensors are not.

fvcore traces over ordinary CPU tensors as ever, while a dispatch mode below the tracer answers each operator with a result of the
right shape and nothing in it. What steers a model is computed for real: views, integers, and small tensors. What would
depend on a value that was not computed stops the analysis (``DataDependentError``), and the model is then run for real.

Source of the mechanism: pytorch.org/docs, "Extending PyTorch" (torch_function and torch_dispatch modes).
"""

from __future__ import annotations

import contextlib
from functools import cache
from math import prod
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from model_complexity.common.failures import UNINITIALIZED

SMALL = 4_096
"""Elements up to which a tensor is computed: sizes, scales, schedules, tables of indices."""


class DataDependentError(Exception):
    """The model asks for a value that was not computed, e.g. to branch on it."""


@contextlib.contextmanager
def dry_run() -> Iterator[None]:
    """Builds and traces models without computing, and without initialising their parameters.

    Raises:
        UnsoundError: from the operator that asks for a value.
    """
    skip = _SkipArithmetic()
    _active.append(skip)
    try:
        with skip, _AsTraced(skip):
            yield
    finally:
        _active.remove(skip)


def is_on() -> bool:
    """Whether arithmetic is being skipped."""
    return bool(_active)


def mark_uninitialized(tensors: Sequence[torch.Tensor]) -> None:
    """Says of tensors that what they hold was not computed, by who makes them past torch's dispatcher."""
    for skip in _active[-1:]:
        skip.mark(tensors)


def require_initialized(name: str, values: Iterable[Any]) -> None:
    """Keeps what was not computed from an operator that torch's dispatcher does not see.

    Raises:
        UnsoundError: one of the values is a tensor that was not computed.
    """
    for skip in _active[-1:]:
        if any(skip.is_uninitialized(tensor) for tensor in _tensors_in(values)):
            raise DataDependentError(f"{name} reads values, {UNINITIALIZED}")


_active: List[Any] = []
"""The mode that is on, innermost last."""


class _Operator(NamedTuple):
    """What is known of an operator from its schema."""

    is_view: bool
    asks: bool
    """Whether its result, or the shape of it, hangs on values."""
    writes: Tuple[Tuple[int, str], ...]
    """Position and name of the arguments that it writes to."""
    returns: Tuple[bool, ...]
    """Which of its results are arguments that it wrote to."""


@cache
def _facts(operator: Any) -> _Operator:
    schema = operator._schema
    return _Operator(
        bool(operator.is_view),
        torch.Tag.data_dependent_output in operator.tags or torch.Tag.dynamic_output_shape in operator.tags,
        tuple((place, part.name) for place, part in enumerate(schema.arguments) if _is_written(part)),
        tuple(_is_written(part) for part in schema.returns),
    )


def _is_written(part: Any) -> bool:
    return bool(part.alias_info and part.alias_info.is_write)


class _SkipArithmetic(TorchDispatchMode):  # type: ignore[misc] # torch is absent where types are checked
    def __init__(self) -> None:
        super().__init__()
        self._empty: Dict[int, Any] = {}
        self._lists: Dict[int, Any] = {}
        self._shapes: Dict[Any, Any] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # without this, torch imports its compiler on entering

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        facts = _facts(func)
        tensors = _tensors_in([*args, *kwargs.values()] if kwargs else args)
        empty = [tensor for tensor in tensors if self.is_uninitialized(tensor)]
        if self._lists and not facts.is_view and any(self.has_unbacked_size(tensor) for tensor in tensors):
            return self._written_somewhere(func, args)
        if empty and func is torch.ops.aten.nonzero.default:
            return self._list_of(tensors[0])
        if empty and _asks_for_values(func, facts, empty):
            raise DataDependentError(f"{func} reads values, {UNINITIALIZED}")
        if not facts.is_view and _may_skip(facts, tensors, tainted=bool(empty)):
            shapes = self._shapes_of(func, args, kwargs)
            if shapes is not None and (empty or _is_worth_it(tensors, shapes)):
                return self._answer(facts, shapes, args, kwargs)
        result = func(*args, **kwargs)
        if empty:
            self.mark([*_tensors_in([result]), *_written(facts, args, kwargs)])
        return result

    def is_uninitialized(self, tensor: torch.Tensor) -> bool:
        """Whether what the tensor holds was not computed."""
        return bool(self._empty) and tensor.device.type == "cpu" and tensor.untyped_storage().data_ptr() in self._empty

    def has_unbacked_size(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is, or is cut from, a list of indices of which not even the length is known."""
        return bool(self._lists) and tensor.device.type == "cpu" and tensor.untyped_storage().data_ptr() in self._lists

    def has_lists(self) -> bool:
        """Whether there are any."""
        return bool(self._lists)

    def _list_of(self, mask: torch.Tensor) -> torch.Tensor:
        """Stands for where a mask is true: (?, dimensions). All that may be done with it is to write to those places."""
        found = torch.zeros((1, len(_size(mask))), dtype=torch.int64)
        storage = found.untyped_storage()
        self._lists[storage.data_ptr()] = self._empty[storage.data_ptr()] = storage
        return found

    def _written_somewhere(self, operator: Any, args: Any) -> torch.Tensor:
        """What is left of a tensor after it was written to in places that are not known: its shape.

        Raises:
            UnsoundError: that is not what the operator does.
        """
        target: torch.Tensor = args[0]
        if operator not in _WRITERS or self.has_unbacked_size(target):
            raise DataDependentError(f"{operator} reads values, {UNINITIALIZED}")
        if operator is torch.ops.aten.index_put.default:
            target = _empty_like_meta(_meta(target))
        self.mark([target])
        return target

    def mark(self, tensors: Sequence[torch.Tensor]) -> None:
        """Remembers storages that hold nothing. They are kept, so that no other can come to lie at their address."""
        for tensor in tensors:
            if tensor.device.type == "cpu" and _elements(tensor):
                storage = tensor.untyped_storage()
                self._empty[storage.data_ptr()] = storage

    def _shapes_of(self, operator: Any, args: Any, kwargs: Any) -> Any:
        """The results as meta tensors, or None where the operator has no meta kernel. A deep model asks the same many times."""
        try:
            key = (operator, _signature(args), _signature(kwargs))
            if key not in self._shapes:
                self._shapes[key] = _shapes(operator, args, kwargs)
            return self._shapes[key]
        except TypeError:  # an argument that cannot be a key
            return _shapes(operator, args, kwargs)

    def _answer(self, facts: _Operator, shapes: Any, args: Any, kwargs: Any) -> Any:
        """What the operator would have returned, with nothing in it. What is written in place is returned itself."""
        written = _written(facts, args, kwargs)
        if isinstance(shapes, torch.Tensor):
            result: Any = written[0] if facts.returns[0] else _empty_like_meta(shapes)
            self.mark([result, *written])
            return result
        flat, form = tree_flatten(shapes)
        arguments, results = iter(written), []
        for place, shape in enumerate(flat):
            if place < len(facts.returns) and facts.returns[place]:
                results.append(next(arguments))
            else:
                results.append(_empty_like_meta(shape) if isinstance(shape, torch.Tensor) else shape)
        self.mark([*_tensors_in(results), *written])
        return tree_unflatten(results, form)


def _tensors_in(values: Iterable[Any]) -> List[torch.Tensor]:
    found: List[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += _tensors_in(value)
    return found


def _asks_for_values(operator: Any, facts: _Operator, empty: Sequence[torch.Tensor]) -> bool:
    """Whether the result, or its shape, hangs on a value of one of the ``empty`` tensors."""
    if operator is torch.ops.aten.index.Tensor:
        # A mask decides how many elements there are; indices do not, and neither does what is indexed.
        return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in empty)
    return facts.asks


def _may_skip(facts: _Operator, tensors: Sequence[torch.Tensor], *, tainted: bool) -> bool:
    """Integers steer (indices, masks, lengths): an operator on integers alone is computed. So is what fills a small tensor."""
    if not tensors:
        return True
    if not any(_holds_numbers(tensor) for tensor in tensors):
        return False
    return tainted or not facts.writes or any(_elements(tensor) > SMALL for tensor in tensors)


def _is_worth_it(tensors: Sequence[torch.Tensor], shapes: Any) -> bool:
    """Large numbers in or out, or an integer result of a large computation; a large table of integers from nothing is not."""
    if any(_elements(tensor) > SMALL and _holds_numbers(tensor) for tensor in tensors):
        return True
    return any(_elements(shape) > SMALL and _holds_numbers(shape) for shape in _tensors_in([shapes]))


def _holds_numbers(tensor: torch.Tensor) -> bool:
    return bool(tensor.is_floating_point() or tensor.is_complex())


def _signature(value: Any) -> Any:
    """What the shape of a result can hang on, as a key."""
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
    except (NotImplementedError, RuntimeError, TypeError):
        return None


def _meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.empty_strided(_size(value), _stride(value), dtype=value.dtype, device="meta")
    if isinstance(value, (list, tuple)):
        return [_meta(part) for part in value]
    return torch.device("meta") if isinstance(value, torch.device) else value


def _empty_like_meta(shape: torch.Tensor) -> torch.Tensor:
    if _holds_numbers(shape):
        return torch.empty_strided(_size(shape), _stride(shape), dtype=shape.dtype)  # memory that nobody touches
    return torch.zeros(_size(shape), dtype=shape.dtype)  # always a legal index


# Some operators (the clone in `reshape`) come here with the tracer still on. There, Tensor.size() gives traced tensors, and
# those that we pass on would be taken for the sizes of the next operator that the tracer records; these give numbers.
_size = torch.ops.aten.sym_size.default
_stride = torch.ops.aten.sym_stride.default


def _elements(tensor: torch.Tensor) -> int:
    return prod(_size(tensor))


def _written(facts: _Operator, args: Any, kwargs: Any) -> List[torch.Tensor]:
    """The arguments that the operator writes to."""
    values = [kwargs.get(name, args[place] if place < len(args) else None) for place, name in facts.writes]
    return _tensors_in(values)


class _AsTraced(TorchFunctionMode):  # type: ignore[misc]
    """Has convolutions recorded under the operator that fvcore counts.

    Without a dispatch mode, the tracer records the ``aten::_convolution`` that the kernel of ``conv2d`` calls; a dispatch mode
    takes that kernel's place, so the call is made here, above the tracer. Also stops what reads values past the dispatch mode.
    """

    def __init__(self, skip: _SkipArithmetic) -> None:
        super().__init__()
        self._skip = skip

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _READERS and self._skip.is_uninitialized(args[0]):
            raise DataDependentError(f"{func.__name__} reads values, {UNINITIALIZED}")
        if (
            self._skip.has_lists()
            and func not in _OF_LISTS
            and any(map(self._skip.has_unbacked_size, _tensors_in([*args, *kwargs.values()])))
        ):
            name = getattr(func, "__name__", func)
            raise DataDependentError(f"{name} reads a size, {UNINITIALIZED}")
        kind = _CONVOLUTIONS.get(func)
        result = None if kind is None else _convolution(kind, *args, **kwargs)
        return func(*args, **kwargs) if result is None else result


_READERS = (torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.__array__)
_WRITERS = (torch.ops.aten.index_put_.default, torch.ops.aten.index_put.default)
_OF_LISTS = frozenset(
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
"""What may be called with a list of unknown length: how it is made, cut along its known dimension, and written by.

Whatever tells its length is not here, nor what reads by it."""


class _Kind(NamedTuple):
    dimensions: int
    transposed: bool


_CONVOLUTIONS = {
    torch.conv1d: _Kind(1, transposed=False),
    torch.conv2d: _Kind(2, transposed=False),
    torch.conv3d: _Kind(3, transposed=False),
    torch.conv_transpose1d: _Kind(1, transposed=True),
    torch.conv_transpose2d: _Kind(2, transposed=True),
    torch.conv_transpose3d: _Kind(3, transposed=True),
}


def _convolution(
    kind: _Kind,
    input: torch.Tensor,  # noqa: A002 - torch's own name, which callers may use
    weight: torch.Tensor,
    bias: Optional[torch.Tensor] = None,
    *rest: Any,
    **more: Any,
) -> Optional[torch.Tensor]:
    names = ("output_padding", "groups", "dilation") if kind.transposed else ("dilation", "groups")
    options = {**_DEFAULTS, **dict(zip(("stride", "padding", *names), rest)), **more}
    if isinstance(options["padding"], str):
        return None  # recorded as aten::_convolution_mode either way
    single = input.dim() == kind.dimensions + 1
    result = torch._convolution(
        input.unsqueeze(0) if single else input,
        weight,
        bias,
        *(_each(options[name], kind) for name in ("stride", "padding", "dilation")),
        kind.transposed,
        _each(options["output_padding"], kind),
        options["groups"],
        *_BACKEND,
    )
    return result.squeeze(0) if single else result


_DEFAULTS = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "output_padding": 0}
_BACKEND: Tuple[bool, ...] = (False, False, False, False)
"""benchmark, deterministic, cudnn_enabled, allow_tf32: they say nothing here."""


def _each(value: Any, kind: _Kind) -> List[int]:
    return list(value) if isinstance(value, (tuple, list)) else [value] * kind.dimensions
