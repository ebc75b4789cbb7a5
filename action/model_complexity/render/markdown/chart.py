"""Where the FLOPs go: the few parts of a model that make up most of them, as a sentence and as a mermaid pie."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from model_complexity.escape import code
from model_complexity.render.numbers import share
from model_complexity.report import Measurement

MAX_SLICES = 8
SMALLEST = 0.01
"""Parts below 1 % are added to the rest."""
LABEL_LIMIT = 44
_ENOUGH = 4
_LARGE = 0.05
_WHOLE = 0.995
"""A part that makes up nearly all of the model is split further."""


class Slice(NamedTuple):
    """A part of the model. Its name has ``*`` for numbers: blocks that differ in numbers are one part."""

    name: str
    part: float


def slices(measurement: Measurement) -> tuple[Slice, ...]:
    """Return the parts that make up a model's flops, largest first, and the rest (named "").

    Start at the whole model and split the largest part until at least four parts have 5 % each, or one more split would make
    more than eight.
    """
    tree = _Tree.of(measurement)
    total = measurement.figures["flops"]
    if total <= 0:
        return ()
    flops_by_name, closed = {"": float(total)}, set[str]()
    while True:
        large = [flops for flops in flops_by_name.values() if flops >= _LARGE * total]
        open_parts = [name for name in flops_by_name if name not in closed and tree.children.get(name)]
        if not open_parts or (len(large) >= _ENOUGH and max(large) < _WHOLE * total):
            break
        largest = max(open_parts, key=lambda name: flops_by_name[name])
        inside = tree.inside(largest, flops_by_name[largest])
        rest = {name: flops for name, flops in flops_by_name.items() if name != largest}
        shown = [flops for flops in (rest | inside).values() if flops >= SMALLEST * total]
        closed.add(largest)
        if len(shown) > MAX_SLICES or largest in rest:
            continue
        flops_by_name = rest | inside
    return _largest_first(flops_by_name, total)


def sentence(parts: Sequence[Slice]) -> str:
    """Write the parts as a sentence, for readers without the chart."""
    named = [f"{code(part.name, 80)} {share(part.part)}" for part in parts if part.name]
    return f"Where the FLOPs go: {', '.join(named)}." if named else ""


def pie(parts: Sequence[Slice]) -> str:
    """Write the chart. Names keep letters, digits and ``._-*`` only: mermaid's syntax is unsafe otherwise."""
    lines, seen = [], dict[str, int]()
    for part in parts:
        label = _label(part.name) if part.name else "the rest"
        seen[label] = seen.get(label, 0) + 1
        if seen[label] > 1:
            label += f" ({seen[label]})"
        lines.append(f'  "{label}" : {max(part.part * 100, 0.1):.1f}')
    title = "pie showData\n  accTitle: Where the FLOPs go\n  accDescr: Parts of the model in percent of its FLOPs\n"
    return f"```mermaid\n{title}" + "\n".join(lines) + "\n```"


def _label(name: str) -> str:
    text = re.sub(r"[^A-Za-z0-9_.*-]", "?", name)
    return text if len(text) <= LABEL_LIMIT else "..." + text[-(LABEL_LIMIT - 3) :]


def _largest_first(flops_by_name: Mapping[str, float], total: int) -> tuple[Slice, ...]:
    parts = {name: flops / total for name, flops in flops_by_name.items() if name}
    kept = [Slice(name, part) for name, part in parts.items() if part >= SMALLEST][:MAX_SLICES]
    kept.sort(key=lambda part: (-part.part, part.name))
    rest = 1 - sum(part.part for part in kept)
    return (*kept, Slice("", rest)) if rest >= SMALLEST / 10 else tuple(kept)


class _Tree:
    """Flops by name, with every number of a name written ``*``."""

    def __init__(self) -> None:
        self.flops: dict[str, float] = {}
        self.children: dict[str, dict[str, None]] = {}

    @classmethod
    def of(cls, measurement: Measurement) -> _Tree:
        tree = cls()
        for module in measurement.modules:
            flops = module.figures.get("flops", 0)
            if flops and module.name:
                name = ".".join("*" if part.isdigit() else part for part in module.name.split("."))
                tree.flops[name] = tree.flops.get(name, 0) + flops
                tree.children.setdefault(name.rpartition(".")[0], {})[name] = None
        return tree

    def inside(self, name: str, flops: float) -> dict[str, float]:
        """Return the flops of a part's children, and its own under its name."""
        parts = {child: self.flops[child] for child in self.children[name]}
        own = flops - sum(parts.values())
        return parts if own <= 0 else {**parts, name: own}
