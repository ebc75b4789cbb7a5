"""Stubs for compiled extensions that are not installed.

A library without its compiled part imports all the same, and a dry run runs it: a stub computes only the shapes of its results.
An installed extension is used, but refuses tensors that a dry run did not compute.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
from types import ModuleType
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence, Set

from model_complexity.common.failures import STUB
from model_complexity.worker.count import dry_run as dry
from model_complexity.worker.count.recording import record_call
from model_complexity.worker.count.values import tensors_in


class MissingExtensionError(ModuleNotFoundError):
    """The results of a compiled operator are needed, and its extension is not installed."""


class Extension(NamedTuple):
    """A compiled module and the stubs for its operators.

    Args:
        name: of the module.
        package: what provides it when compiled, for messages.
        returns: operator -> what its stub returns. Operators that are not listed fill their arguments and return nothing.
        dependent: operator -> what depends on its values, so that it has no stub.
        constants: operator -> its result, for those that compute nothing.
    """

    name: str
    package: str
    returns: Mapping[str, Callable[..., Any]]
    dependent: Mapping[str, str]
    constants: Mapping[str, str]

    def missing(self, reason: str) -> MissingExtensionError:
        """Return the error for a stub whose result is needed."""
        return MissingExtensionError(f"{reason} Install {self.package} with compiled ops.", name=self.name)


_used: Set[str] = set()


def used() -> List[str]:
    """Return the names of the stubs called since ``reset``."""
    return sorted(_used)


def reset() -> None:
    """Start a new list of used stubs."""
    _used.clear()


class ExtensionFinder(importlib.abc.MetaPathFinder):
    """Find each extension as installed, guarded, or else as stubs. Must precede other finders."""

    def __init__(self, extensions: Sequence[Extension]) -> None:
        self._extensions = {extension.name: extension for extension in extensions}

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        """Return the spec of an extension, None for other modules."""
        extension = self._extensions.get(name)
        if extension is None:
            return None
        installed = importlib.machinery.PathFinder.find_spec(name, path)
        loader = _StubLoader(extension) if installed is None else _GuardedLoader(installed)
        return importlib.machinery.ModuleSpec(name, loader)


class _StubLoader(importlib.abc.Loader):
    def __init__(self, extension: Extension) -> None:
        self._extension = extension

    def create_module(self, spec: Any) -> ModuleType:
        return _StubModule(self._extension)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _GuardedLoader(importlib.abc.Loader):
    """Compiled operators bypass torch's dispatcher, and so the dry run's own checks."""

    def __init__(self, installed: importlib.machinery.ModuleSpec) -> None:
        self._installed = installed

    def create_module(self, spec: Any) -> ModuleType:
        return importlib.util.module_from_spec(self._installed)

    def exec_module(self, module: ModuleType) -> None:
        if self._installed.loader is not None:
            self._installed.loader.exec_module(module)
        for name, operator in list(vars(module).items()):
            if callable(operator) and not name.startswith("__"):
                setattr(module, name, _guarded(name, operator))


def _guarded(name: str, operator: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        arguments = [*args, *kwargs.values()]
        dry.require_initialized(name, arguments)
        result = operator(*args, **kwargs)
        record_call(name, arguments, result)
        return result

    return call


class _StubModule(ModuleType):
    """Has an operator of any name."""

    def __init__(self, extension: Extension) -> None:
        super().__init__(extension.name)
        self._extension = extension

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        operator = _stub(self._extension, name)
        setattr(self, name, operator)
        return operator


def _stub(extension: Extension, name: str) -> Callable[..., Any]:
    if name in extension.constants:
        return lambda *_, **__: extension.constants[name]
    returns: Callable[..., Any] = extension.returns.get(name, _nothing)

    def call(*args: Any, **kwargs: Any) -> Any:
        if not dry.is_on():
            raise extension.missing(f"`{name}` {STUB} it supports dry runs only.")
        _used.add(name)
        if name in extension.dependent:
            raise extension.missing(f"`{name}` {STUB} {extension.dependent[name]} depends on its values.")
        result = returns(*args, **kwargs)
        arguments = [*args, *kwargs.values()]
        # Which of its arguments an operator fills is not known here: it may be any of them.
        dry.mark_uninitialized(tensors_in([*arguments, result]))
        record_call(name, arguments, result)
        return result

    return call


def _nothing(*_: Any, **__: Any) -> None:
    pass
