"""Tests of the OpenMMLab codebases other than mmpretrain. scripts/test runs them in the openmmlab environment."""

from __future__ import annotations

import importlib.util
import socket
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from model_complexity.common.shapes import InputSpec
from model_complexity.worker.job import run_job
from tests.support.flat import flat

Measure = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Block the network, and fail a test that connected to it, even if it caught the error."""
    connections: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> NoReturn:
        connections.append(str(arguments[-1] if isinstance(arguments[0], socket.socket) else arguments[0]))
        raise OSError(f"the network is blocked: {connections[-1]}")

    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield connections
    assert connections == []


@pytest.fixture(scope="session")
def measure() -> Measure:
    """Measure a config that a library ships: ``measure("mmdet", "yolox/yolox_s.py")``."""
    return _measure


def shipped(library: str, config: str) -> Path:
    """Return a config of a library's wheel."""
    spec = importlib.util.find_spec(library)
    assert spec, f"{library} is not installed. Run scripts/test."
    assert spec.origin
    return Path(spec.origin).parent / ".mim" / "configs" / config


def assert_dry_is_real(library: str, config: str, shape: InputSpec = "auto") -> None:
    """Compare a dry run with a real one: every metric, module and operator."""
    dry, real = (_measure(library, config, shape, mode) for mode in ("dry", "real"))
    assert (dry.pop("mode"), real.pop("mode")) == ("dry", "real")
    for found in (dry, real):
        del found["seconds"]
    assert dry == real


def _measure(library: str, config: str, shape: InputSpec = "auto", mode: str = "dry") -> dict[str, Any]:
    file = shipped(library, config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries'
        answer = run_job(file, shape, mode=mode)
    assert answer
    assert "measurement" in answer, answer
    found = flat(answer["measurement"])
    return {**found, "by_module": {row["name"]: row for row in found["modules"]}}
