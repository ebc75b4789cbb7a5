"""Reports to render and compare, made by hand."""

from __future__ import annotations

from typing import Any

from model_complexity.report import (
    Entry,
    Failure,
    Measurement,
    Module,
    Report,
    Result,
    Target,
    UnsupportedOps,
    Versions,
)

SHAPE = (3, 224, 224)
VERSIONS = Versions(python="3.11.9", torch="2.13.0", fvcore="0.1.5", mmengine="0.10.7")


def measured(flops: int, params: int = 1_000, activations: int = 500, **more: Any) -> Measurement:
    modules = (Module(name="", depth=0, params=params, flops=flops, activations=activations),)
    details: dict[str, Any] = {
        "modules": modules,
        "unsupported_ops": UnsupportedOps(),
        "entry_point": "extract_feat",
        "device": "cpu",
        "input_shape": (1, *SHAPE),
        "mode": "real",
    }
    return Measurement(
        flops=flops,
        params=params,
        activations=activations,
        seconds=1.5,
        versions=VERSIONS,
        **(details | more),
    )


def failed(
    kind: Any = "build", message: str = "KeyError: no such net", detail: str = "Traceback", hint: str = "Anything."
) -> Failure:
    return Failure(kind=kind, message=message, hint=hint, detail=detail)


def entry(name: str, head: Result | None, base: Result | None, **target: Any) -> Entry:
    where = {"config": name if head else None, "base_config": name if base else None, "reason": "modified"}
    return Entry(target=Target(**(where | target)), shape=SHAPE, head=head, base=base)


def report(*entries: Entry, **more: Any) -> Report:
    told: dict[str, Any] = {
        "repository": "octocat/zoo",
        "pull_request": 7,
        "head": "a" * 40,
        "base": "b" * 40,
        "tool": "0.1.0",
    }
    return Report(**(told | {"entries": entries} | more))
