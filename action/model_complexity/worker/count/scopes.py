"""Know whose code runs: the stack of modules in a forward pass, by hooks and by the ``forward`` of their classes.

Hooks alone, as in fvcore, miss a module whose ``forward`` is called directly; its work would be its caller's.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from types import FunctionType
from typing import Any, Callable, Dict, Iterator, List, Mapping, Set

import torch
from fvcore.nn.jit_analysis import _named_modules_without_dup
from torch import nn
from torch.nn.modules import module as all_modules


class ScopeStack(threading.local):
    """Canonical names of the modules that are running in each thread, innermost last. The model itself is "".

    Args:
        called: gets the names of the modules that run, in any thread.
    """

    def __init__(self, called: Set[str]) -> None:
        self._names: List[str] = [""]
        self._called = called

    @property
    def current(self) -> str:
        """The module whose own code runs."""
        return self._names[-1]

    def enter(self, name: str) -> None:
        """Enter a module."""
        self._names.append(name)
        self._called.add(name)

    def leave(self, name: str) -> None:
        """Leave a module, and those within it that raised (torch 2.0 does not call their hooks then)."""
        while len(self._names) > 1 and self._names.pop() != name:
            pass


@contextlib.contextmanager
def tracking_scopes(model: nn.Module, names: Mapping[Any, str], stack: ScopeStack) -> Iterator[None]:
    """Keep a stack while ``model`` runs within the context.

    Args:
        model: its modules get hooks, and their classes another ``forward``, for the time of the context.
        names: canonical name of each module, as fvcore's.
        stack: is kept.
    """
    if isinstance(model, (nn.parallel.DistributedDataParallel, nn.DataParallel)):
        model = model.module
    modules = {id(module): names[module] for _, module in _named_modules_without_dup(model)}
    with contextlib.ExitStack() as cleanup:
        for _, module in _named_modules_without_dup(model):
            if not isinstance(module, torch.jit.ScriptModule):
                for hook in _hooks(module, modules[id(module)], stack):
                    cleanup.callback(hook.remove)
        if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
            for hook in _hooks_of_scripted(modules, stack):
                cleanup.callback(hook.remove)
        for kind in _classes(model):
            forward = vars(kind)["forward"]
            kind.forward = _scoped(forward, modules, stack)
            cleanup.callback(setattr, kind, "forward", forward)
        for module in model.modules():
            if "forward" in vars(module):
                forward = vars(module)["forward"]
                vars(module)["forward"] = _scoped_instance(forward, module, modules, stack)
                cleanup.callback(vars(module).__setitem__, "forward", forward)
        yield


def _hooks(module: nn.Module, name: str, stack: ScopeStack) -> Iterator[Any]:
    # Plain functions: a model may copy its modules, and would copy what any other callable holds.
    def enter(*_: Any) -> None:
        stack.enter(name)

    def leave(*_: Any) -> None:
        stack.leave(name)

    yield module.register_forward_pre_hook(enter)
    try:
        yield module.register_forward_hook(leave, always_call=True)
    except TypeError:  # torch 2.0
        yield module.register_forward_hook(leave)


def _hooks_of_scripted(modules: Mapping[int, str], stack: ScopeStack) -> Iterator[Any]:
    """A ScriptModule refuses hooks of its own. Those of all modules are called for it."""

    def enter(module: nn.Module, *_: Any) -> None:
        if isinstance(module, torch.jit.ScriptModule) and id(module) in modules:
            stack.enter(modules[id(module)])

    def leave(module: nn.Module, *_: Any) -> None:
        if isinstance(module, torch.jit.ScriptModule) and id(module) in modules:
            stack.leave(modules[id(module)])

    yield all_modules.register_module_forward_pre_hook(enter)
    yield all_modules.register_module_forward_hook(leave)


def _classes(model: nn.Module) -> List[Any]:
    """Return the classes that define the ``forward`` of the model's modules."""
    kinds: Dict[Any, None] = {}
    for module in model.modules():
        if not isinstance(module, torch.jit.ScriptModule):
            kinds.update(dict.fromkeys(type(module).__mro__))
    return [kind for kind in kinds if kind is not nn.Module and isinstance(vars(kind).get("forward"), FunctionType)]


def _scoped(forward: Callable[..., Any], modules: Mapping[int, str], stack: ScopeStack) -> Callable[..., Any]:
    @functools.wraps(forward)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        name = modules.get(id(self))
        if name is None or name == stack.current:
            return forward(self, *args, **kwargs)
        stack.enter(name)
        try:
            return forward(self, *args, **kwargs)
        finally:
            stack.leave(name)

    return run


def _scoped_instance(
    forward: Callable[..., Any], module: nn.Module, modules: Mapping[int, str], stack: ScopeStack
) -> Any:
    run = _scoped(lambda _, *args, **kwargs: forward(*args, **kwargs), modules, stack)

    def run_bound(*args: Any, **kwargs: Any) -> Any:
        return run(module, *args, **kwargs)

    run_bound.__wrapped__ = forward  # type: ignore[attr-defined] # for inspect.signature
    return run_bound
