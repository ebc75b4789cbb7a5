"""From a config file to a model in eval mode, through the registry of the config's own library; weights are never fetched."""

from __future__ import annotations

import importlib
import importlib.util
import os
import socket
from pathlib import Path
from typing import Any, Dict

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from .codebases.mmpretrain import tokenizers_unread

ROOT_SCOPE = "mmengine"


class NoModelError(Exception):
    """The file was read and is not the config of a model."""


def load_config(path: Path) -> Config:
    """Reads a ``.py`` (classic or with ``read_base()``), ``.json`` or ``.yaml`` config. Runs the file's code.

    Raises:
        NoModelError: the config has no ``model``.
        Exception: whatever the file's own code raises.
    """
    # A tree is read only, and yapf over a resolved config costs seconds without changing a value.
    config = Config.fromfile(str(path), format_python_code=False)
    if not config.get("model"):
        raise NoModelError("the config has no `model`")
    return config


def enter_scope(config: Config) -> str:
    """Makes the config's default scope the current one, its library imported, and names it.

    Raises:
        Exception: whatever importing the library raises.
    """
    scope = str(config.get("default_scope") or ROOT_SCOPE)
    import_library(scope)
    init_default_scope(scope)
    return scope


def import_library(scope: str) -> None:
    """Imports the library of a scope, so that its registry hangs below mmengine's and its models are in it.

    Raises:
        ModuleNotFoundError: it is not installed.
        ImportError: it, or something that it needs, does not import.
    """
    if scope == ROOT_SCOPE:
        return
    importlib.import_module(scope)
    if importlib.util.find_spec(f"{scope}.registry") is not None:
        registries = importlib.import_module(f"{scope}.registry")
        models = getattr(registries, "MODELS", None)
        if models is not None:
            models.import_from_location()


def build_model(config: Config) -> nn.Module:
    """Builds ``config.model`` in the current scope, in eval mode.

    Raises:
        Exception: whatever the model's constructor raises.
    """
    model_config = config.model
    if isinstance(model_config, dict) and config.get("data_preprocessor") is not None:
        model_config.setdefault("data_preprocessor", config.data_preprocessor)  # as mmengine's Runner does
    torch.manual_seed(0)
    with tokenizers_unread():
        model = MODELS.build(without_weights(model_config))
    return model.eval()


def without_weights(config: Any) -> Any:
    """The same model config without what would make it fetch weights: ``pretrained`` and ``init_cfg`` of type Pretrained."""
    if isinstance(config, dict):
        kept: Dict[str, Any] = type(config)() if hasattr(config, "to_dict") else {}
        for key, value in config.items():
            if key == "pretrained":
                kept[key] = False if isinstance(value, bool) else None
            elif key == "init_cfg" and _is_pretrained(value):
                kept[key] = None
            else:
                kept[key] = without_weights(value)
        return kept
    if isinstance(config, (list, tuple)) and type(config) in (list, tuple):
        return type(config)(without_weights(value) for value in config)
    return config


def _is_pretrained(init_cfg: Any) -> bool:
    if isinstance(init_cfg, (list, tuple)):
        return any(_is_pretrained(part) for part in init_cfg)
    kind = init_cfg.get("type") if isinstance(init_cfg, dict) else None
    return str(getattr(kind, "__name__", kind)).rpartition(".")[2] in ("Pretrained", "PretrainedInit")


def cut_network() -> None:
    """Makes every network connection of this process fail at once with a message that says why.

    A promise to the user (building a model fetches nothing), not a wall: code that wants out finds a way around Python.
    """
    # Read when huggingface_hub is imported. Without it, each missing file is asked for six times, over 23 seconds.
    os.environ["HF_HUB_OFFLINE"] = "1"

    message = "Model Complexity fetches nothing while it measures: the network is off"

    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(message)

    def refuse_host(host: Any, *_: Any, **__: Any) -> Any:
        raise OSError(f"{message} ({host} was asked for)" if isinstance(host, str) else message)

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.socket.connect_ex = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse_host
