"""What a library publishes about its configs: flops and parameters in the ``metafile.yml`` files of its wheel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Published:
    """The figures published for one config; more than one where several checkpoints of it name different ones."""

    flops: tuple[int, ...] = ()
    params: tuple[int, ...] = ()


def read_published(root: Path) -> dict[str, Published]:
    """Reads every ``metafile.yml`` below ``root``; returns the figures by the config's path below ``root``."""
    import yaml  # the analysis environment's, which has it through mmengine

    files = sorted(root.glob("configs/**/metafile.yml"))
    return published_of(yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)


def published_of(metafiles: Iterable[Any]) -> dict[str, Published]:
    """The figures by config path, from parsed metafiles: ``{"Models": [{"Config": …, "Metadata": {"FLOPs": …}}]}``."""
    found: dict[str, Published] = {}
    for metafile in metafiles:
        models = metafile.get("Models") if isinstance(metafile, Mapping) else None
        for model in models or ():
            config = model.get("Config")
            if not config:
                continue
            metadata = model.get("Metadata") or {}
            known = found.get(config, Published())
            found[config] = Published(
                _with(known.flops, metadata.get("FLOPs")), _with(known.params, metadata.get("Parameters"))
            )
    return found


def _with(known: tuple[int, ...], value: Any) -> tuple[int, ...]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value <= 0:
        return known
    return tuple(dict.fromkeys([*known, int(value)]))
