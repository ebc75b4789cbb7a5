"""Modules that have several names. fvcore counts all their work under the first name.

So a name can lose its row without losing its module: where the other side has a row, this side gets one without figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Self

from model_complexity.common.metrics import module_metrics
from model_complexity.report import Measurement, Module


@dataclass(frozen=True)
class SharedModules:
    """The shared modules of one measurement."""

    others: Mapping[str, tuple[str, ...]]
    """The first name -> the other names, without modules that are shared only because their parent is."""
    first: Mapping[str, str]
    """Each of the other names -> the first name."""

    @classmethod
    def of(cls, measurement: Measurement) -> Self:
        """Read the shared modules of a measurement."""
        shared = measurement.shared_modules
        sets = {name: set(others) for name, others in shared.items()}
        topmost = dict(shared)
        for name, others in shared.items():
            parent = next((prefix for prefix in _prefixes(name) if prefix in shared and prefix != name), None)
            if parent is not None:
                end = name[len(parent) :]
                implied = sets[parent]
                topmost[name] = tuple(
                    other for other in others if not (other.endswith(end) and other[: -len(end)] in implied)
                )
        topmost = {name: others for name, others in topmost.items() if others}
        return cls(topmost, {other: name for name, others in topmost.items() for other in others})

    def counted_under(self, name: str) -> str | None:
        """Return the name whose row has the work of a module or parameter, or None if it is not another name's."""
        for prefix in _prefixes(name):
            if prefix in self.first:
                return self.first[prefix] + name[len(prefix) :]
        return None


def with_shared_rows(side: Measurement, other: Measurement) -> tuple[Module, ...]:
    """Return a side's modules, with a row of zeros for each shared name that has a row on the other side only."""
    shared = SharedModules.of(side)
    if not shared.first:
        return side.modules
    rows = {module.name: module for module in side.modules}
    missing: dict[str, list[Module]] = {}
    before = ""
    for module in other.modules:
        if module.name in rows:
            before = module.name
        elif (row := rows.get(shared.counted_under(module.name) or "")) is not None and row.name:
            missing.setdefault(before, []).append(_row_of_zeros(module, row))
    joined = [row for module in side.modules for row in (module, *missing.pop(module.name, ()))]
    return (*joined, *(row for rest in missing.values() for row in rest))


def _row_of_zeros(module: Module, counted: Module) -> Module:
    metrics = module_metrics() if counted.shape is None else ("params",)
    return Module(name=module.name, depth=module.depth, shape=counted.shape, figures=dict.fromkeys(metrics, 0))


def _prefixes(name: str) -> Iterator[str]:
    """Yield a name and its ancestors, nearest first."""
    while name:
        yield name
        name = name.rpartition(".")[0]
