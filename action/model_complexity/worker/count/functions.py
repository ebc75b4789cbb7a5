"""Record calls of ``torch.autograd.Function``: by what they run, or by their own name where compiled code hides it."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Iterator, List, Set

from torch.autograd import Function
from torch.autograd.function import FunctionCtx

from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION
from model_complexity.worker.count.values import address_of, tensors_in


class FunctionCall:
    """One call of a Function.

    Args:
        arguments: of its ``forward``.
    """

    def __init__(self, arguments: List[Any]) -> None:
        self.arguments = arguments
        self.computed: Set[int] = {0, *(address_of(tensor) for tensor in tensors_in(arguments))}
        """Storages of its arguments, and of what an operator has computed since."""

    def returns_unseen(self, result: Any) -> bool:
        """Return whether a result was only allocated, so that code outside of torch's dispatcher must have filled it."""
        return any(address_of(tensor) not in self.computed for tensor in tensors_in([result]))


def function_kind(function: Any, handled: Any) -> str:
    """Return the kind of a Function's node: with its module, or with the last part of it where a handle has that.

    ``ms_deform_attn_func.MSDeformAttnFunction`` is copied into many repositories, below other packages.
    """
    name = f"{function.__module__}.{function.__qualname__}"
    short = ".".join(name.split(".")[-2:])
    return AUTOGRAD_FUNCTION + (short if AUTOGRAD_FUNCTION + short in handled else name)


@contextlib.contextmanager
def recording_functions(recorder: Any) -> Iterator[None]:
    """Record the calls of all Functions within the context.

    ``forward`` is replaced, because many modules take ``apply`` from a Function when they are imported.
    """
    with contextlib.ExitStack() as cleanup:
        for function, run in [(function, function.forward) for function in _functions()]:  # also where it is inherited
            own = vars(function).get("forward")
            if own is None:
                cleanup.callback(delattr, function, "forward")
            else:
                cleanup.callback(setattr, function, "forward", own)
            function.forward = staticmethod(_recorded(function, run, recorder))
        yield


def _functions() -> List[Any]:
    """Return all Functions but torch's own, whose operators torch's dispatcher sees."""
    found, left = [], [Function]
    while left:
        subclasses = left.pop().__subclasses__()
        found += [kind for kind in subclasses if kind.__module__.partition(".")[0] != "torch"]
        left += subclasses
    return list(dict.fromkeys(found))


def _recorded(function: Any, forward: Callable[..., Any], recorder: Any) -> Callable[..., Any]:
    @functools.wraps(forward)
    def run(*args: Any, **kwargs: Any) -> Any:
        # The first argument is the context, but for a Function that has `setup_context`.
        given = list(args[1:] if args and isinstance(args[0], FunctionCtx) else args)
        with recorder.calling(function, FunctionCall([*given, *kwargs.values()])) as returned:
            returned.append(forward(*args, **kwargs))
        return returned[0]

    return run
