"""Imports that would fail for reasons that have nothing to do with a model, met half-way.

- ``mmcv._ext``, which mmcv-lite lacks: see ``standins``.
- Readers of data sets and the like, which a library imports at its top and no model needs (``Codebase.optional_imports``).
- ``pkg_resources``, which mmengine looks for and new versions of setuptools lack: see ``packages``.
- ``collections.Sequence`` and its like, which are in ``collections.abc`` alone since Python 3.10 (mmrotate 1.0.0rc1).
- A library's bounds on another's version: ``MMCV==2.1.0 is used but incompatible. Please install mmcv>=2.0.0rc4, <2.1.0.``
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
from typing import Any, Callable, Dict, Optional, Sequence, TypeVar

from model_complexity.common.failures import EXTENSION
from model_complexity.worker.build import pkg_resources_shim as packages
from model_complexity.worker.build.mmcv_ext import Guarded, StandIns
from model_complexity.worker.codebases import CODEBASES

T = TypeVar("T")
_BOUNDS = re.compile(r"(\w+)[ =]+\S+ is (?:used but )?incompatible.*?>=\s*([0-9][0-9a-z.]*)", re.IGNORECASE | re.DOTALL)
_PACKAGES = {"mmdetection": "mmdet", "mmsegmentation": "mmseg", "mmclassification": "mmcls"}
_MOST_BOUNDS = 8


def find_for_imports() -> None:
    """Lets the imports of this process find what is met half-way. Whatever is installed is found as ever."""
    for name in collections.abc.__all__:
        vars(collections).setdefault(name, getattr(collections.abc, name))
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
        sys.meta_path += [_Packages(), _StubFinder([name for row in CODEBASES for name in row.optional_imports])]


def import_ignoring_version_bounds(name: str) -> ModuleType:
    """Imports a library ``ignoring_version_bounds``."""
    return ignoring_version_bounds(partial(importlib.import_module, name))


def ignoring_version_bounds(imports: Callable[[], T]) -> T:
    """Does what imports libraries. Where one asserts a version of another, that says for the time being it is the oldest allowed.

    Args:
        imports: is called again after each such assertion.

    Raises:
        Exception: whatever it raises otherwise.
    """
    said: Dict[str, Any] = {}
    try:
        while True:
            try:
                return imports()
            except AssertionError as error:
                bounds = _BOUNDS.match(str(error))
                package = _PACKAGES.get(bounds[1].lower(), bounds[1].lower()) if bounds else ""
                other = sys.modules.get(package)
                if bounds is None or other is None or len(said) == _MOST_BOUNDS or package in said:
                    raise
                said[package] = other.__dict__.get("__version__")
                other.__dict__["__version__"] = bounds[2]
    finally:
        for package, version in said.items():
            sys.modules[package].__dict__["__version__"] = version


class _Finder(importlib.abc.MetaPathFinder):
    """Comes first."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        if name != EXTENSION:
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        return importlib.machinery.ModuleSpec(name, StandIns() if found is None else Guarded(found))


class _Packages(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes after all that is installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        return importlib.machinery.ModuleSpec(name, self) if name == packages.NAME else None

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(packages.exported())


class _StubFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Comes last, and finds modules of these names, and what is below them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = tuple(names)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Optional[importlib.machinery.ModuleSpec]:
        if not any(name == known or name.startswith(known + ".") for known in self._names):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec: Any) -> ModuleType:
        return _Empty(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


class _Empty(ModuleType):
    """Has a class of any name, which may be named and not be used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _COMPILERS:
            return _as_it_is
        module = self.__name__

        def refuse(*_: Any, **__: Any) -> Any:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)

        made = type(name, (), {"__new__": refuse, "__module__": module})
        setattr(self, name, made)
        return made


_COMPILERS = ("jit", "njit")
"""numba's, which stand over functions that a library defines on import."""


def _as_it_is(*given: Any, **_: Any) -> Any:
    """``@jit``, or ``@jit(…)``: the function runs as it is written, and does the same."""
    return given[0] if len(given) == 1 and isinstance(given[0], FunctionType) else _as_it_is
