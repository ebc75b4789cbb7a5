"""Record the operators that one forward pass dispatches, in place of a trace for fvcore's analyses.

A dispatch mode sees every operator that runs, whatever becomes of its result. In inference mode torch leaves the autograd keys
out, so that an operator that torch composes of others (linear, matmul, einsum, layer_norm, lstm, scaled_dot_product_attention)
arrives as itself, which is how fvcore counts it. One that has no handle is taken apart, and its parts are recorded.

Source: pytorch.org/docs, "Extending PyTorch" (TorchDispatchMode) and "Inference Mode".
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Any, Callable, ContextManager, Dict, Iterator, List, Mapping, Sequence, Set, Tuple

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from model_complexity.worker.count.dry_run import continue_dry_run
from model_complexity.worker.count.functions import FunctionCall, function_kind, recording_functions
from model_complexity.worker.count.gradients import refusing_gradients
from model_complexity.worker.count.higher_order import run_higher_order
from model_complexity.worker.count.node import Node, Value
from model_complexity.worker.count.operators import Operator, is_negligible
from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION
from model_complexity.worker.count.scopes import ScopeStack, tracking_scopes
from model_complexity.worker.count.threads import recording_threads
from model_complexity.worker.count.values import ValueTracker, address_of, tensors_in

os.environ.setdefault(
    "TORCHDYNAMO_DISABLE", "1"
)  # compiled parts run as what they are; read when something is compiled

UNCOUNTABLE = "uncountable "
"""Precedes the kind of a node whose handle raised, so that fvcore finds no handle for it."""
SPARSE = "sparse products by their stored values: zeros are not counted"

Handles = Mapping[str, Callable[..., Any]]
_READERS = (torch.Tensor.tolist, torch.Tensor.numpy, torch.Tensor.__array__, torch.Tensor.__dlpack__)
_DATA = torch.Tensor.data.__get__


class Recording:
    """What one forward pass ran, in order. fvcore asks it for ``nodes``."""

    def __init__(self) -> None:
        self._nodes: List[Node] = []
        self.negligible: Set[str] = set()
        """Kinds of operators that may be left out of the count silently."""
        self.called: Set[str] = set()
        """Canonical names of the modules whose ``forward`` ran."""
        self.used: Set[str] = set()
        """Canonical names of the modules whose own parameters or buffers were operands."""
        self.conditions: List[str] = []
        """What the figures depend on and leave out."""

    def nodes(self) -> List[Node]:
        """Return the operators that ran."""
        return self._nodes

    def scopes_of(self, kind: str) -> List[str]:
        """Return the modules whose own code ran an operator, in order, each once."""
        return list(dict.fromkeys(node.scopeName() for node in self._nodes if node.kind() == kind))


def record(
    model: nn.Module,
    inputs: Tuple[torch.Tensor, ...],
    names: Mapping[Any, str],
    handles: Sequence[Handles],
    guard: Callable[[], ContextManager[Any]] = torch.inference_mode,
) -> Recording:
    """Run ``model(*inputs)`` once and return what it ran. What the model returns does not matter.

    Args:
        model: in eval mode.
        inputs: tensors, or whatever else the model takes.
        names: canonical name of each module, as fvcore's.
        handles: tables of handles by kind of operator.
        guard: ``torch.inference_mode``, or ``torch.no_grad`` for a model that takes gradients in its forward pass. Then composed
            operators arrive in parts.

    Raises:
        Exception: whatever the model's own code raises.
    """
    recorder = _Recorder(handles, ValueTracker([*model.parameters(), *tensors_in(inputs)]), _owners(model, names))

    @contextlib.contextmanager
    def in_thread(scope: str) -> Iterator[None]:
        with guard(), continue_dry_run(), recorder, _Readers(recorder), recorder.in_thread(scope):
            yield

    with contextlib.ExitStack() as stack:
        stack.enter_context(tracking_scopes(model, names, recorder.scopes))
        stack.enter_context(recording_functions(recorder))
        stack.enter_context(recording_threads(lambda: in_thread(recorder.scopes.current)))
        if guard is torch.inference_mode:
            stack.enter_context(refusing_gradients())
        _active.append(recorder)
        stack.callback(_active.remove, recorder)
        with guard(), recorder, _Readers(recorder):
            model(*inputs)
    return recorder.finish()


def record_call(name: str, arguments: Sequence[Any], result: Any) -> None:
    """Record a call of compiled code that torch's dispatcher does not see, if a pass is being recorded."""
    for recorder in _active[-1:]:
        recorder.record_call(name, arguments, result)


_active: List[Any] = []
"""Active recorders, innermost last."""


class _ThreadState(threading.local):
    """What belongs to one thread of the pass.

    Args:
        nodes: of the thread that runs the model.
    """

    def __init__(self, nodes: List[Node]) -> None:
        self.nodes = nodes
        self.calls: List[FunctionCall] = []
        """Functions that are running, innermost last."""
        self.unseen_calls = 0
        """How often ``record_call`` was called and no Function answers for it yet."""


class _Recorder(TorchDispatchMode):  # type: ignore[misc] # torch is absent where types are checked
    supports_higher_order_operators = True

    def __init__(self, handles: Sequence[Handles], values: ValueTracker, owners: Mapping[int, str]) -> None:
        super().__init__()
        self._recording, self._values = Recording(), values
        self.scopes = ScopeStack(self._recording.called)
        self._handles, self._owners = handles, owners
        self._handled = frozenset(kind for table in handles for kind in table)
        self._operators: Dict[Any, Operator] = {}
        self._thread = _ThreadState(self._recording.nodes())

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # without this, torch imports its compiler on entering

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if any(kind.__torch_dispatch__ is not torch._C._disabled_torch_dispatch_impl for kind in types):
            return NotImplemented  # the subclass runs operators on the tensors in it, and those arrive here
        if not isinstance(func, torch._ops.OpOverload):
            return run_higher_order(self, func, args, kwargs)
        operator = self._operators.get(func)
        if operator is None:
            operator = self._operators[func] = Operator(func, self._handled)
        if operator.is_composed and not operator.is_handled:
            return self._run_parts(operator, func, args, kwargs)
        result = func(*args, **kwargs)
        if not operator.is_bookkeeping:
            self._follow(operator, args, kwargs, result)
            if operator.is_negligible:
                self._recording.negligible.add(operator.kind)
            self.add(operator.kind, *operator.values(args, kwargs, result))
        return result

    def add(self, kind: str, arguments: Sequence[Any] = (), results: Sequence[Any] = ()) -> None:
        """Record one operator. If its handle raises, it is uncounted."""
        node = Node(
            kind, self.scopes.current, [Value(value) for value in arguments], [Value(value) for value in results]
        )
        if kind in self._handled:
            try:
                for table in self._handles:
                    if kind in table:
                        table[kind](node.inputs(), node.outputs())
            except Exception:  # arguments that the handle does not know, of any kind
                node = Node(UNCOUNTABLE + kind, self.scopes.current)
            else:
                if any(value.nonzeros is not None for value in node.inputs()):
                    self._note(SPARSE)
        self._thread.nodes.append(node)

    def add_computed(self, kind: str, arguments: Any, result: Any) -> None:
        """Record an operator without a schema, whose results depend on its arguments."""
        addresses = [address_of(tensor) for tensor in tensors_in(arguments)]
        self._values.follow(
            addresses, [address_of(tensor) for tensor in tensors_in([result])], depends=True, is_random=False
        )
        self.add(
            kind, arguments if kind in self._handled else (), tensors_in([result]) if kind in self._handled else ()
        )

    def record_call(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        """Record compiled code. Within a Function it is the Function that is recorded."""
        self._thread.unseen_calls += 1
        tensors = tensors_in(arguments)
        self._values.mark(address_of(tensor) for tensor in [*tensors, *tensors_in([result])])
        if not self._thread.calls:
            kind = AUTOGRAD_FUNCTION + name
            self.add(kind, *_function_values(arguments, result) if kind in self._handled else ())

    @contextlib.contextmanager
    def calling(self, function: Any, call: FunctionCall) -> Iterator[List[Any]]:
        """Record the call of a Function, whose result the caller puts into the list."""
        state = self._thread
        nodes = state.nodes
        returned: List[Any] = []
        place, unseen = len(nodes), state.unseen_calls
        state.calls.append(call)
        try:
            yield returned
        finally:
            state.calls.pop()
        if state.unseen_calls == unseen and not call.returns_unseen(returned[0]):
            return
        state.unseen_calls = unseen  # the Function answers for them
        kind = function_kind(function, self._handled)
        is_handled = kind in self._handled
        nodes[place:] = [] if is_handled else [node for node in nodes[place:] if not self._is_negligible(node)]
        if is_negligible(kind):
            self._recording.negligible.add(kind)
        self.add(kind, *_function_values(call.arguments, returned[0]) if is_handled else ())
        results = [address_of(tensor) for tensor in tensors_in([returned[0]])]
        self._values.follow(
            [address_of(tensor) for tensor in tensors_in(call.arguments)], results, depends=True, is_random=False
        )
        for outer in state.calls:
            outer.computed.update(results)

    @contextlib.contextmanager
    def in_thread(self, scope: str) -> Iterator[None]:
        """Record a thread that a module's code has started. Its operators come after those recorded when it ends."""
        self._thread.nodes = []
        self.scopes.enter(scope)
        try:
            yield
        finally:
            self._recording.nodes().extend(self._thread.nodes)

    def read(self, name: str, tensors: Sequence[torch.Tensor]) -> None:
        """Note that values are read."""
        self._values.read(name, tensors, self.scopes.current)

    def finish(self) -> Recording:
        """Return the recording."""
        self._recording.conditions += self._values.conditions()
        return self._recording

    def _run_parts(self, operator: Operator, func: Any, args: Any, kwargs: Any) -> Any:
        """Run a composed operator and record its parts; or it, in place of those that are negligible or not counted."""
        nodes = self._thread.nodes
        place = len(nodes)
        with self:
            result = func.decompose(*args, **kwargs)
        parts = nodes[place:]
        counted = [node for node in parts if node.kind() in self._handled]
        uncounted = [node for node in parts if node.kind() not in self._handled and not self._is_negligible(node)]
        if operator.is_negligible:
            nodes[place:] = [] if operator.hides_parts else [*counted, *uncounted]
            if not operator.is_bookkeeping:
                self._recording.negligible.add(operator.kind)
                self.add(operator.kind)
        elif uncounted:
            nodes[place:] = counted
            self.add(operator.kind)
        return result

    def _is_negligible(self, node: Node) -> bool:
        return node.kind() in self._recording.negligible

    def _follow(self, operator: Operator, args: Any, kwargs: Any, result: Any) -> None:
        tensors = tensors_in([*args, *kwargs.values()] if kwargs else args)
        addresses = [address_of(tensor) for tensor in tensors]
        written = tensors_in(operator.written(args, kwargs))
        results = [address_of(tensor) for tensor in [*tensors_in([result]), *written]]
        if operator.reads_values:
            self.read(operator.name, tensors)
        self._values.follow(addresses, results, depends=not operator.is_shape_only, is_random=operator.is_random)
        self._recording.used.update(self._owners[address] for address in addresses if address in self._owners)
        calls = self._thread.calls
        if calls and (operator.is_random or (tensors and not operator.is_shape_only)):
            for call in calls:
                call.computed.update(results)

    def _note(self, condition: str) -> None:
        if condition not in self._recording.conditions:
            self._recording.conditions.append(condition)


class _Readers(TorchFunctionMode):  # type: ignore[misc] # torch is absent where types are checked
    """Note reads that bypass the dispatcher.

    It also keeps nn.MultiheadAttention and nn.TransformerEncoderLayer off their fused path, which hides their matmuls: they do
    not take it while a torch function mode is active, in every torch 2.x.
    """

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _READERS:
            self._recorder.read(func.__name__.strip("_"), args[:1])
        if func == _DATA and type(args[0]) is torch.Tensor and args[0].is_inference():
            return args[0].detach()  # a dispatch mode cannot do the other in torch 2.1
        return func(*args, **(kwargs or {}))


def _owners(model: nn.Module, names: Mapping[Any, str]) -> Dict[int, str]:
    """Map the storage of each parameter and buffer to the canonical name of the module that has it."""
    owners: Dict[int, str] = {}
    for module in model.modules():
        for tensor in [*module.parameters(recurse=False), *module.buffers(recurse=False)]:
            owners.setdefault(address_of(tensor), names[module])
    owners.pop(0, None)
    return owners


def _function_values(arguments: Sequence[Any], result: Any) -> Tuple[List[Any], List[Any]]:
    """The tensors among a Function's arguments, then a list of the others; its results."""
    tensors = [value for value in arguments if isinstance(value, torch.Tensor)]
    others = [value for value in arguments if not isinstance(value, torch.Tensor)]
    return [*tensors, others], list(result) if isinstance(result, (list, tuple)) else [result]
