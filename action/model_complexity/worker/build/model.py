"""Build the model of a config in eval mode with its library's registry. Weights are never fetched."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import re
import socket
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import torch
import torch.distributed
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from model_complexity.worker.build.imports import ignoring_version_bounds, import_ignoring_version_bounds
from model_complexity.worker.codebases import CODEBASES, codebase_of
from model_complexity.worker.codebases.support import hugging_face
from model_complexity.worker.patch import patch_attribute

ROOT_SCOPE = "mmengine"
_UNKNOWN = re.compile(r"([\w.]+) is not in the \S+ registry")


class NoModelError(Exception):
    """The config has no model."""


def load_config(path: Path) -> Config:
    """Read a ``.py`` (classic or with ``read_base()``), ``.json`` or ``.yaml`` config. Runs the file's code.

    Raises:
        NoModelError: the config has no ``model``.
        Exception: whatever the file's own code raises.
    """
    # A tree is read only, and yapf over a resolved config costs seconds without changing a value.
    config = ignoring_version_bounds(
        partial(Config.fromfile, str(path), format_python_code=False)
    )  # `custom_imports` is met here
    if not config.get("model"):
        raise NoModelError("the config has no `model`")
    return config


def enter_scope(config: Config) -> str:
    """Import the library of the config's default scope, make it the current scope, and return it.

    Raises:
        Exception: whatever importing the library raises.
    """
    scope = str(config.get("default_scope") or "")
    if scope:
        import_library(scope)
    else:
        scope = _scope_of_type(config.model.get("type") if isinstance(config.model, dict) else None)
    init_default_scope(scope)
    return scope


def _scope_of_type(kind: Any) -> str:
    """Return the scope of the model's class, for a config that names no scope.

    A class name is looked up in mmengine, where ``custom_imports`` may have registered it, then in each codebase that is
    installed or in the tree, in the order of the table.

    Raises:
        Exception: the first import error, if no codebase has the class.
    """
    if isinstance(kind, type):
        package = kind.__module__.partition(".")[0]
        return package if _has_registry(package) else ROOT_SCOPE
    prefix, dot, _ = str(kind).partition(".")
    if dot or MODELS.get(str(kind)) is not None:
        return prefix if dot and any(prefix in row.scopes for row in CODEBASES) else ROOT_SCOPE
    broken: Optional[Exception] = None
    for scope in [row.scopes[0] for row in CODEBASES]:
        if scope == ROOT_SCOPE or importlib.util.find_spec(scope) is None:
            continue
        try:
            import_library(scope)
        except Exception as error:
            broken = broken or error
            continue
        with MODELS.switch_scope_and_registry(scope) as registry:
            if registry.get(str(kind)) is not None:
                return scope
    if broken is not None:
        raise broken
    return ROOT_SCOPE


def import_library(scope: str) -> None:
    """Import the library of a scope, which registers its models below mmengine's registry.

    Raises:
        ModuleNotFoundError: it is not installed.
        ImportError: it, or something that it needs, does not import.
    """
    if scope == ROOT_SCOPE:
        return
    import_ignoring_version_bounds(scope)
    if _has_registry(scope):
        registries = importlib.import_module(f"{scope}.registry")
        models = getattr(registries, "MODELS", None)
        if models is not None:
            ignoring_version_bounds(models.import_from_location)


def _has_registry(package: str) -> bool:
    try:
        return importlib.util.find_spec(f"{package}.registry") is not None
    except ModuleNotFoundError:  # a module alone
        return False


def build_model(config: Config, scope: str) -> nn.Module:
    """Build ``config.model`` in ``scope``, the current one, in eval mode.

    Raises:
        Exception: whatever the model's constructor raises.
    """
    model_config = config.model
    if isinstance(model_config, dict) and config.get("data_preprocessor") is not None:
        model_config.setdefault("data_preprocessor", config.data_preprocessor)  # as mmengine's Runner does
    torch.default_generator.manual_seed(0)  # torch.manual_seed formats a stack for each kind of device
    with single_process_group(), codebase_of(scope).build_context():
        try:
            build = partial(MODELS.build, without_pretrained(model_config))
            model: nn.Module = ignoring_version_bounds(build)  # it imports other libraries
        except KeyError as error:
            unknown = _UNKNOWN.search(str(error))
            library = _absent_library(model_config, unknown[1]) if unknown else None
            if library is None:
                raise
            raise ModuleNotFoundError(f"No module named {library!r}", name=library) from error
    model.eval()  # not chained: a library's own train() may return nothing
    return model


@contextlib.contextmanager
def single_process_group() -> Iterator[None]:
    """Act as a process group of one, which synchronised batch norms query while they are built."""
    group = torch.distributed
    with contextlib.ExitStack() as stack:
        if group.is_available() and not group.is_initialized():
            stack.enter_context(patch_attribute(group, "get_world_size", lambda *_, **__: 1))
            stack.enter_context(patch_attribute(group, "get_rank", lambda *_, **__: 0))
        yield


def _absent_library(config: Any, kind: str, scope: str = "") -> Optional[str]:
    """Return the library that a class name refers to, if that library is not installed.

    mmengine then looks elsewhere, and only reports that the class is not in some registry.

    Args:
        config: the model's, or a part of it.
        kind: the class as the config names it, ``library.ConvNeXt`` or, below ``_scope_``, ``ConvNeXt``.
        scope: the ``_scope_`` above the part.
    """
    if isinstance(config, dict):
        scope = str(config.get("_scope_", scope))
        library = kind.partition(".")[0] if "." in kind else scope
        if str(config.get("type")) == kind and library and importlib.util.find_spec(library) is None:
            return library
    parts = config.values() if isinstance(config, dict) else config if isinstance(config, (list, tuple)) else ()
    return next((found for part in parts for found in [_absent_library(part, kind, scope)] if found), None)


def switch_to_deploy(model: nn.Module) -> None:
    """Switch each module to its deployed form, as the libraries' own tools do.

    Raises:
        Exception: whatever a module's ``switch_to_deploy`` raises.
    """
    for module in list(model.modules()):
        switch = getattr(module, "switch_to_deploy", None)
        if callable(switch):
            parameters = inspect.signature(switch).parameters.values()
            required = any(parameter.default is parameter.empty for parameter in parameters)
            switch(*[getattr(model, "test_cfg", None)] if required else [])  # some require the model's test settings


@contextlib.contextmanager
def skip_initialization() -> Iterator[None]:
    """Keep mmengine's modules from initialising their parameters while they are built, as LoRA does."""
    with patch_attribute(BaseModule, "init_weights", lambda self: None):
        yield


def without_pretrained(config: Any) -> Any:
    """Return the model config without what fetches weights: ``pretrained`` and ``init_cfg`` of type Pretrained."""
    if isinstance(config, dict):
        kept: Dict[str, Any] = type(config)() if hasattr(config, "to_dict") else {}
        for key, value in config.items():
            if key == "pretrained":
                kept[key] = False if isinstance(value, bool) else None
            elif key == "init_cfg" and _is_pretrained(value):
                kept[key] = None
            else:
                kept[key] = without_pretrained(value)
        return kept
    if isinstance(config, (list, tuple)) and type(config) in (list, tuple):
        return type(config)(without_pretrained(value) for value in config)
    return config


def _is_pretrained(init_cfg: Any) -> bool:
    if isinstance(init_cfg, (list, tuple)):
        return any(_is_pretrained(part) for part in init_cfg)
    kind = init_cfg.get("type") if isinstance(init_cfg, dict) else None
    return str(getattr(kind, "__name__", kind)).rpartition(".")[2] in ("Pretrained", "PretrainedInit")


def disable_network() -> None:
    """Make every network connection of this process fail at once, with the reason.

    A promise to the user (building a model fetches nothing), not a sandbox: hostile code finds a way around Python.
    """
    hugging_face.go_offline()
    message = "Model Complexity fetches nothing while it measures: the network is off"

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(message)

    def refuse_host(host: Any, *_: Any, **__: Any) -> Any:
        raise OSError(f"{message} (requested host: {host})" if isinstance(host, str) else message)

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.socket.connect_ex = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse_host
