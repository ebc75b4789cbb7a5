"""Measurements of small models made by hand: a tree of modules, whose parents count their children's figures too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.factories import measured

from model_complexity.report import Measurement, Module


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
        mine = Module(name=name, depth=depth, params=params, flops=flops, activations=activations)
        return [mine, *self._parameter_rows(name, depth), *below]

    def totals(self) -> tuple[int, int, int]:
        """Flops, params and activations of all of it."""
        own = (self.flops, sum(map(_elements, self.parameters.values())), self.activations)
        parts = [own, *(child.totals() for child in self.children.values())]
        return tuple(sum(figures) for figures in zip(*parts, strict=True))  # type: ignore[return-value]

    def _parameter_rows(self, name: str, depth: int) -> Iterator[Module]:
        for label, shape in self.parameters.items():
            full = f"{name}.{label}".lstrip(".")
            yield Module(name=full, depth=depth + 1, params=_elements(shape), shape=shape)


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


def parts(**children: Part) -> Part:
    """A module that counts nothing itself."""
    return Part(children=children)


def _elements(shape: tuple[int, ...]) -> int:
    product = 1
    for side in shape:
        product *= side
    return product
