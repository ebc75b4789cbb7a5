"""Imports that would fail for reasons that do not concern a model.

- Compiled extensions that are not installed: see ``stub_extension``.
- Readers of data sets and the like, which a library imports at its top and no model needs (``Codebase.optional_imports``).
- ``pkg_resources``, which mmengine imports and new versions of setuptools lack: see ``pkg_resources_shim``.
- ``collections.Sequence`` and the like, which Python 3.10 removed in favour of ``collections.abc``.
- A library's bounds on another's version: ``A==2.1.0 is used but incompatible. Please install a>=2.0.0rc4, <2.1.0.``
"""

from __future__ import annotations

import collections
import collections.abc
import importlib
import importlib.abc
import importlib.machinery
import re
import sys
from functools import partial
from types import FunctionType, ModuleType
from typing import Any, Callable, Dict, FrozenSet, Optional, TypeVar

from model_complexity.worker.build import pkg_resources_shim
from model_complexity.worker.build.stub_extension import ExtensionFinder
from model_complexity.worker.codebases import CODEBASES

T = TypeVar("T")
_BOUNDS = re.compile(r"(\w+)[ =]+\S+ is (?:used but )?incompatible.*?>=\s*([0-9][0-9a-z.]*)", re.IGNORECASE | re.DOTALL)
_MAX_BOUNDS = 8


def find_for_imports() -> None:
    """Install this module's finders. What is installed is still found first."""
    for name in collections.abc.__all__:
        vars(collections).setdefault(name, getattr(collections.abc, name))
    if not any(isinstance(finder, ExtensionFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, ExtensionFinder([extension for row in CODEBASES for extension in row.extensions]))
        sys.meta_path += [_ShimFinder(), _StubFinder(optional_modules())]


def optional_modules() -> Dict[str, FrozenSet[str]]:
    """Map the modules that no model needs to their decorators that may leave a function unchanged."""
    decorators = [name.rpartition(".") for row in CODEBASES for name in row.optional_decorators]
    return {
        module: frozenset(name for owner, _, name in decorators if owner == module)
        for row in CODEBASES
        for module in row.optional_imports
    }


def import_ignoring_version_bounds(name: str) -> ModuleType:
    """Import a library by ``ignoring_version_bounds``."""
    return ignoring_version_bounds(partial(importlib.import_module, name))


def ignoring_version_bounds(imports: Callable[[], T]) -> T:
    """Call what imports libraries; where one asserts another's version, pretend the oldest allowed until it returns.

    Args:
        imports: is called again after each such assertion.

    Raises:
        Exception: whatever it raises otherwise.
    """
    replaced: Dict[str, Any] = {}
    try:
        while True:
            try:
                return imports()
            except AssertionError as error:
                bounds = _BOUNDS.match(str(error))
                package = _module_name(bounds[1]) if bounds else ""
                other = sys.modules.get(package)
                if bounds is None or other is None or len(replaced) == _MAX_BOUNDS or package in replaced:
                    raise
                replaced[package] = other.__dict__.get("__version__")
                other.__dict__["__version__"] = bounds[2]
    finally:
        for package, version in replaced.items():
            sys.modules[package].__dict__["__version__"] = version


def _module_name(asserted: str) -> str:
    """Return the module of a library by its name in a version assertion, e.g. ``MMDetection``."""
    known = {name.lower(): module for row in CODEBASES for name, module in row.asserted_names}
    return known.get(asserted.lower(), asserted.lower())


class _ShimFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Must follow the finders of what is installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        return importlib.machinery.ModuleSpec(name, self) if name == pkg_resources_shim.NAME else None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(pkg_resources_shim.exported())


class _StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Find modules of these names and all below them. Must come last."""

    def __init__(self, modules: Dict[str, FrozenSet[str]]) -> None:
        self._modules = modules

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        return None if self._owner(name) is None else importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        return StubModule(spec.name, self._modules[self._owner(spec.name) or spec.name])

    def exec_module(self, module: ModuleType) -> None:
        pass

    def _owner(self, name: str) -> Optional[str]:
        return next((known for known in self._modules if name == known or name.startswith(known + ".")), None)


class StubModule(ModuleType):
    """Has a class of any name, which can be referred to and not be used."""

    def __init__(self, name: str, decorators: FrozenSet[str]) -> None:
        super().__init__(name)
        self._decorators = decorators

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._decorators:
            return _identity
        module = self.__name__

        def refuse(*_: Any, **__: Any) -> Any:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)

        stub = type(name, (), {"__new__": refuse, "__module__": module})
        setattr(self, name, stub)
        return stub


def _identity(*given: Any, **_: Any) -> Any:
    """``@jit`` and ``@jit(…)`` return the function unchanged."""
    return given[0] if len(given) == 1 and isinstance(given[0], FunctionType) else _identity
