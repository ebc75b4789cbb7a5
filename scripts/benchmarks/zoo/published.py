"""Published metrics of a library's configs: in the ``metafile.yml`` files of its wheel, and in ``published_figures/``.

mmpretrain and mmaction2 write flops and params into the metafiles of their wheels. Numbers of READMEs, model zoos and
papers were collected by hand, with their source and input size.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

_COLLECTED = Path(__file__).with_name("published_figures")
_UNITS = {"": 0, "K": 3, "M": 6, "G": 9, "T": 12}
_WRITTEN = re.compile(r"(\d+(?:\.(\d+))?)([KMGT]?)")
METAFILES = "the wheel's metafiles"


@dataclass(frozen=True)
class Published:
    """The published metrics of one config: several values if checkpoints or sources differ.

    Args:
        flops: multiply-accumulates, whatever the source counts.
        params: of the whole model.
        size: height and width of the input, if published.
        steps: pairs of a value and the worth of its last digit, for rounded values.
        sources: where they are published.
    """

    flops: tuple[int, ...] = ()
    params: tuple[int, ...] = ()
    size: tuple[int, int] | None = None
    steps: tuple[tuple[int, int], ...] = ()
    sources: tuple[str, ...] = ()


def read_published(root: Path, library: str = "") -> dict[str, Published]:
    """Return the published metrics by config path, from metafiles and the library's collected file."""
    import yaml  # only the worker environment has it, through mmengine

    files = sorted(root.glob("configs/**/metafile.yml"))
    found = parse_metafiles(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    collected = _COLLECTED / f"{library}.toml"
    if not library or not collected.is_file():
        return found
    return {**found, **parse_collected(tomllib.loads(collected.read_text(encoding="utf-8")))}


def parse_metafiles(metafiles: Iterable[Any]) -> dict[str, Published]:
    """Return the metrics by config path of parsed metafiles: ``{"Models": [{"Config": …, "Metadata": {"FLOPs": …}}]}``."""
    found: dict[str, Published] = {}
    for metafile in metafiles:
        models = metafile.get("Models") if isinstance(metafile, Mapping) else None
        for model in models or ():
            if model.get("Config"):
                config = _path(model["Config"])
                metadata = model.get("Metadata") or {}
                found[config] = _with(
                    found.get(config, Published()), _figure(metadata.get("FLOPs")), _figure(metadata.get("Parameters"))
                )
    return found


def parse_collected(file: Mapping[str, Any]) -> dict[str, Published]:
    """Return the metrics by config path of a parsed file of ``published_figures/``.

    Raises:
        ValueError: two sources state different sizes for one config, or a number is malformed.
    """
    found: dict[str, Published] = {}
    for source in file["source"]:
        for name, flops, params, *own in source["configs"]:
            config = f"configs/{name}"
            size = own[0] if own else source["size"]
            known = found.get(config, Published(size=(size[0], size[1])))
            if known.size != tuple(size):
                raise ValueError(f"{config}: {known.size} and {tuple(size)} are stated")
            figures = _figure(flops, source.get("per_product", 1), strict=True), _figure(params, strict=True)
            new = _with(known, *figures)
            found[config] = Published(new.flops, new.params, new.size, new.steps, (*new.sources, source["name"]))
    return found


_Figure = tuple[int, int]
"""Value, and the worth of its last digit: 1 if exact."""


def _figure(written: Any, per_product: int = 1, *, strict: bool = False) -> _Figure | None:
    """Parse a number, or text such as ``32.88G``; None if there is none."""
    if isinstance(written, int) and not isinstance(written, bool) and written > 0:
        return written, 1
    if isinstance(written, float) and written > 0:
        return int(written), 1
    match = _WRITTEN.fullmatch(written) if isinstance(written, str) else None
    if match is None:
        if strict and written != "":
            raise ValueError(f"{written!r} is no number")
        return None
    number, decimals, unit = match.groups()
    exponent = _UNITS[unit]
    value = int(Decimal(number).scaleb(exponent) / per_product)
    return value, max(1, int(Decimal(1).scaleb(exponent - len(decimals or "")) / per_product))


def _with(known: Published, flops: _Figure | None, params: _Figure | None) -> Published:
    steps = dict(known.steps) | {value: step for value, step in filter(None, (flops, params)) if step > 1}
    return Published(
        _added(known.flops, flops), _added(known.params, params), known.size, tuple(steps.items()), known.sources
    )


def _added(known: tuple[int, ...], new: _Figure | None) -> tuple[int, ...]:
    return known if new is None else tuple(dict.fromkeys([*known, new[0]]))


def _path(config: str) -> str:
    """Normalise the suffix: mmaction2's metafiles have none or two."""
    return config.removesuffix(".py").removesuffix(".py") + ".py"
