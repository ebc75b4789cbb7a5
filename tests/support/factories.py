"""Factories of reports, and of models as trees of modules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

from model_complexity.common.metrics import METRICS
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


def module(name: str, depth: int, shape: tuple[int, ...] | None = None, **figures: int) -> Module:
    return Module(name=name, depth=depth, shape=shape, figures=figures)


def counts(flops: int = 0, params: int = 0, activations: int = 0) -> dict[str, int]:
    """Figures of every metric; 0 for metrics that the tests do not name."""
    return dict.fromkeys(METRICS, 0) | {"flops": flops, "params": params, "activations": activations}


def measured(flops: int, params: int = 1_000, activations: int = 500, **more: Any) -> Measurement:
    figures = counts(flops, params, activations)
    details: dict[str, Any] = {
        "figures": figures,
        "modules": (module("", 0, **figures),),
        "unsupported_ops": UnsupportedOps(),
        "entry_point": "extract_feat",
        "device": "cpu",
        "input_shape": (1, *SHAPE),
        "mode": "real",
    }
    return Measurement(
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
    defaults: dict[str, Any] = {
        "repository": "octocat/zoo",
        "pull_request": 7,
        "head": "a" * 40,
        "base": "b" * 40,
        "tool": "0.1.0",
    }
    return Report(**(defaults | {"entries": entries} | more))


@dataclass(frozen=True)
class Part:
    """A module by its own figures, with its parameters by shape and its children by name."""

    flops: int = 0
    activations: int = 0
    parameters: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    children: Mapping[str, Part] = field(default_factory=dict)

    def rows(self, name: str = "") -> list[Module]:
        """Its row, its parameters', its children's."""
        below = [row for label, child in self.children.items() for row in child.rows(f"{name}.{label}".lstrip("."))]
        flops, params, activations = self.totals()
        depth = name.count(".") + 1 if name else 0
        mine = module(name, depth, params=params, flops=flops, activations=activations)
        return [mine, *self._parameter_rows(name, depth), *below]

    def totals(self) -> tuple[int, int, int]:
        """Flops, params and activations of all of it."""
        own = (self.flops, sum(map(prod, self.parameters.values())), self.activations)
        parts = [own, *(child.totals() for child in self.children.values())]
        return tuple(sum(figures) for figures in zip(*parts, strict=True))  # type: ignore[return-value]

    def _parameter_rows(self, name: str, depth: int) -> Iterator[Module]:
        for label, shape in self.parameters.items():
            full = f"{name}.{label}".lstrip(".")
            yield module(full, depth + 1, shape, params=prod(shape))


def model(root: Part | None = None, /, **children: Part) -> Measurement:
    """The measurement of a model with these children, or of a whole tree."""
    root = root or Part(children=children)
    flops, params, activations = root.totals()
    more: dict[str, Any] = {"modules": tuple(root.rows())}
    return measured(flops, params, activations, **more)


def conv(out: int, into: int, side: int = 8) -> Part:
    """A 1×1 convolution on a square image."""
    return Part(out * into * side**2, out * side**2, {"weight": (out, into, 1, 1)})


def norm(channels: int, side: int = 8) -> Part:
    """A normalisation."""
    return Part(2 * channels * side**2, 0, {"weight": (channels,), "bias": (channels,)})


def pyramid(*, shared: bool) -> Measurement:
    """Three levels of a head, each a convolution with a norm of its own. The convolution may be one module for all levels."""
    sides = (16, 8, 4)
    all_levels = Part(
        sum(conv(4, 3, side).flops for side in sides), sum(conv(4, 3, side).activations for side in sides)
    )
    first = Part(all_levels.flops, all_levels.activations, conv(4, 3).parameters)
    levels = {
        str(n): Part(
            children={"bn": norm(4, side)} if shared and n else {"conv": conv(4, 3, side), "bn": norm(4, side)}
        )
        for n, side in enumerate(sides)
    }
    if not shared:
        return model(head=Part(children={"levels": Part(children=levels)}))
    levels["0"] = Part(children={"conv": first, "bn": norm(4, sides[0])})
    names = {"head.levels.0.conv": ("head.levels.1.conv", "head.levels.2.conv")}
    return model(head=Part(children={"levels": Part(children=levels)})).model_copy(update={"shared_modules": names})


def parts(**children: Part) -> Part:
    """A module that counts nothing itself."""
    return Part(children=children)
