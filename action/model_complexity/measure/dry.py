"""Analysis without arithmetic: the trace is needed, the numbers in the tensors are not.

fvcore traces over ordinary CPU tensors as ever, while a dispatch mode below the tracer answers each operator with a result of the
right shape and nothing in it. What steers a model is computed for real: views, integers, and small tensors. What would
depend on a value that was not computed stops the analysis (``UnsoundError``), and the model is then run for real.

Source of the mechanism: pytorch.org/docs, "Extending PyTorch" (torch_function and torch_dispatch modes).
"""

from __future__ import annotations

import contextlib
from math import prod
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_unflatten

SMALL = 4_096
"""Elements up to which a tensor is computed: sizes, scales, schedules, tables of indices."""


class UnsoundError(Exception):
    """The model asks for a value that was not computed, e.g. to branch on it."""


@contextlib.contextmanager
def without_arithmetic() -> Iterator[None]:
    """Builds and traces models without computing, and without initialising their parameters.

    Raises:
        UnsoundError: from the operator that asks for a value.
    """
    skip = _SkipArithmetic()
    with skip, _AsTraced(skip):
        yield


def warm_up() -> None:
    """Loads what torch needs for the first operator on meta tensors, so that forks of this process have it."""
    with without_arithmetic(), torch.no_grad():
        torch.nn.Linear(SMALL, 2)(torch.empty(1, SMALL))


class _Call(NamedTuple):
    """One operator call, its arguments in a row."""

    operator: Any
    arguments: List[Any]
    form: Any
    tensors: List[torch.Tensor]


class _SkipArithmetic(TorchDispatchMode):  # type: ignore[misc] # torch is absent where types are checked
    def __init__(self) -> None:
        super().__init__()
        self._empty: Dict[int, Any] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # without this, torch imports its compiler on entering

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        arguments, form = tree_flatten((args, kwargs))
        call = _Call(func, arguments, form, [value for value in arguments if isinstance(value, torch.Tensor)])
        tainted = any(map(self.is_empty, call.tensors))
        if tainted and _asks_for_values(func, [tensor for tensor in call.tensors if self.is_empty(tensor)]):
            raise UnsoundError(f"{func} asks for values that dry analysis does not compute")
        if not func.is_view and _may_skip(call):
            shapes = _shapes(call)
            if shapes is not None and (tainted or _is_worth_it(call, shapes)):
                return self._answer(call, shapes)
        result = func(*args, **kwargs)
        if tainted:
            self._mark([*tree_flatten(result)[0], *_written(call)])
        return result

    def is_empty(self, tensor: torch.Tensor) -> bool:
        """Whether what the tensor holds was not computed."""
        return bool(self._empty) and tensor.device.type == "cpu" and tensor.untyped_storage().data_ptr() in self._empty

    def _mark(self, values: Sequence[Any]) -> None:
        """Remembers storages that hold nothing. They are kept, so that no other can come to lie at their address."""
        for value in values:
            if isinstance(value, torch.Tensor) and _elements(value) and value.device.type == "cpu":
                storage = value.untyped_storage()
                self._empty[storage.data_ptr()] = storage

    def _answer(self, call: _Call, shapes: Any) -> Any:
        """What the operator would have returned, with nothing in it. What is written in place is returned itself."""
        flat, form = tree_flatten(shapes)
        written = iter(_written(call))
        in_place = [bool(part.alias_info and part.alias_info.is_write) for part in call.operator._schema.returns]
        results = []
        for position, shape in enumerate(flat):
            if position < len(in_place) and in_place[position]:
                results.append(next(written))
            else:
                results.append(_hollow(shape) if isinstance(shape, torch.Tensor) else shape)
        self._mark([*results, *_written(call)])
        return tree_unflatten(results, form)


def _asks_for_values(operator: Any, empty: Sequence[torch.Tensor]) -> bool:
    """Whether the result, or its shape, hangs on a value of one of the ``empty`` tensors."""
    if operator is torch.ops.aten.index.Tensor:
        # A mask decides how many elements there are; indices do not, and neither does what is indexed.
        return any(tensor.dtype in (torch.bool, torch.uint8) for tensor in empty)
    return torch.Tag.data_dependent_output in operator.tags or torch.Tag.dynamic_output_shape in operator.tags


def _may_skip(call: _Call) -> bool:
    """Integers steer (indices, masks, lengths): an operator on integers alone is computed."""
    return not call.tensors or any(_holds_numbers(tensor) for tensor in call.tensors)


def _is_worth_it(call: _Call, shapes: Any) -> bool:
    """Large numbers in or out, or an integer result of a large computation; a large table of integers from nothing is not."""
    if any(_elements(tensor) > SMALL and _holds_numbers(tensor) for tensor in call.tensors):
        return True
    results = [shape for shape in tree_flatten(shapes)[0] if isinstance(shape, torch.Tensor)]
    return any(_elements(shape) > SMALL and _holds_numbers(shape) for shape in results)


def _holds_numbers(tensor: torch.Tensor) -> bool:
    return bool(tensor.is_floating_point() or tensor.is_complex())


def _shapes(call: _Call) -> Any:
    """The results as meta tensors, or None where the operator has no meta kernel."""
    try:
        arguments, keywords = tree_unflatten([_meta(value) for value in call.arguments], call.form)
        if "device" in keywords:
            keywords["device"] = torch.device("meta")
        return call.operator(*arguments, **keywords)
    except (NotImplementedError, RuntimeError, TypeError):
        return None


def _meta(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return torch.empty_strided(_size(value), _stride(value), dtype=value.dtype, device="meta")
    return torch.device("meta") if isinstance(value, torch.device) else value


def _hollow(shape: torch.Tensor) -> torch.Tensor:
    if _holds_numbers(shape):
        return torch.empty_strided(_size(shape), _stride(shape), dtype=shape.dtype)  # memory that nobody touches
    return torch.zeros(_size(shape), dtype=shape.dtype)  # always a legal index


# Some operators (the clone in `reshape`) come here with the tracer still on. There, Tensor.size() gives traced tensors, and
# those that we pass on would be taken for the sizes of the next operator that the tracer records; these give numbers.
_size = torch.ops.aten.sym_size.default
_stride = torch.ops.aten.sym_stride.default


def _elements(tensor: torch.Tensor) -> int:
    return prod(_size(tensor))


def _written(call: _Call) -> List[torch.Tensor]:
    """The arguments that the operator writes to."""
    schema = call.operator._schema.arguments
    if not any(argument.alias_info and argument.alias_info.is_write for argument in schema):
        return []
    positional, keywords = tree_unflatten(call.arguments, call.form)
    written = []
    for position, argument in enumerate(schema):
        if argument.alias_info and argument.alias_info.is_write:
            value = keywords.get(argument.name, positional[position] if position < len(positional) else None)
            written += [tensor for tensor in tree_flatten(value)[0] if isinstance(tensor, torch.Tensor)]
    return written


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
        if func in _READERS and self._skip.is_empty(args[0]):
            raise UnsoundError(f"{func.__name__} asks for values that dry analysis does not compute")
        kind = _CONVOLUTIONS.get(func)
        result = None if kind is None else _convolution(kind, *args, **kwargs)
        return func(*args, **kwargs) if result is None else result


_READERS = (torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.__array__)


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
