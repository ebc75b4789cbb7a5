"""Measure a zoo: every config with our worker, then other forms of models whose published flops are not met."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from scripts.benchmarks.lib import our_worker
from scripts.benchmarks.zoo import causes, verdicts
from scripts.benchmarks.zoo.pool import Pool
from scripts.benchmarks.zoo.published import Published

Answer = dict[str, Any]
AUTO = "auto"
CHANNELS = 3
_SMALLEST_IMAGE = 28
"""Smaller ends of a shape are joints and coordinates, not height and width."""
_Shape = tuple[int, ...] | Literal["auto"]
_Key = tuple[str, _Shape, tuple[int, ...], str]
_STAGES = (("plain", "deploy"), ("head",), ("modules",))
"""The forms to try: the cheap ones that explain most come first."""


def measure_zoo(
    root: Path, library: str, configs: Sequence[str], published: Mapping[str, Published], *, jobs: int, timeout: float
) -> tuple[list[Answer], Answer]:
    """Return one row for each config, and the cost of all.

    Args:
        root: the folder that config paths start from.
        library: whose configs they are.
        configs: their paths.
        published: what is published of them, by path.
        jobs: number of configs measured in parallel.
        timeout: seconds for one config.
    """
    started = time.monotonic()
    requests = [(config, "auto") for config in configs]
    answers, used = our_worker.measure(root, requests, "measured", jobs=jobs, timeout=timeout)
    seconds = time.monotonic() - started
    rows = [
        _row(config, answer, published.get(config, Published()))
        for config, answer in zip(configs, answers, strict=True)
    ]
    cost = {
        "wall": round(seconds, 1),
        "cpu": used.cpu,
        "peak_mib": used.peak_mib,
        "workers": jobs,
        "configs": len(configs),
        "distinct": len({_identity(row) for row in rows if "failure" not in row}),
    }
    for row in rows:
        row.pop("modules", None)
    return rows, cost


def explore_zoo(root: Path, library: str, rows: Sequence[Answer], *, jobs: int, timeout: float) -> Answer:
    """Measure other forms of models whose published metrics are not met; return the cost."""
    started = time.monotonic()
    with Pool(root, library, size=jobs, timeout=timeout) as pool:
        others = _explore(pool, library, [row for row in rows if not _is_settled(row, library)])
    return {
        "forms": others,
        "forms_wall": round(time.monotonic() - started, 1),
        "forms_cpu": round(sum(use.get("own_cpu", 0) + use.get("jobs_cpu", 0) for use in pool.usage), 1),
        "forms_peak_mib": round(max(use.get("peak_kib", 0) for use in pool.usage) / 1024),
    }


def _row(config: str, answer: Answer, published: Published) -> Answer:
    row: Answer = {"config": config, "published": dataclasses.asdict(published)}
    if "failure" in answer:
        return {**row, "failure": answer["failure"]}
    measurement = answer["measurement"]
    shape = measurement["input_shape"][1:]
    size = shape[-2:]
    metrics = {**measurement["figures"], **{name: measurement[name] for name in ("operators", "entry_point", "mode")}}
    parts = {
        module["name"]: module["figures"].get("flops") for module in measurement["modules"] if module["depth"] == 1
    }
    return {
        **row,
        "shape": shape,
        "size": size,
        "measured": [{**metrics, "parts": parts, "form": "plain", "size": size}],
        "unsupported_ops": measurement["unsupported_ops"],
        "conditions": measurement["conditions"],
        "stubbed_ops": measurement["stubbed_ops"],
        "modules": len(measurement["modules"]),
    }


def _identity(row: Answer) -> tuple[Any, ...]:
    """Return what equal models have in common at one shape, and others almost never have."""
    own = row["measured"][0]
    return (*row["shape"], row["modules"], own["flops"], own["params"], own["activations"])


def _is_settled(row: Answer, library: str) -> bool:
    """Whether no other form need be tried: nothing to compare, the flops are close, or the cause is known."""
    if "failure" in row or not row["published"]["flops"]:
        return True
    verdict = verdicts.verdict(row, "flops", library, left_out=False)
    return verdict is not None and verdict.get("cause") != causes.NOT_FOUND


def _explore(pool: Pool, library: str, rows: Sequence[Answer]) -> int:
    """Add other forms to the rows, each distinct one measured once; return their number."""
    answers = pool.run([{"config": row["config"], "plan": True} for row in rows], "read")
    plans = {row["config"]: answer["plan"] for row, answer in zip(rows, answers, strict=True) if "plan" in answer}
    rows = [row for row in rows if row["config"] in plans]
    known: dict[_Key, Answer] = {}
    for stage in _STAGES:
        trials = [
            (row, shape, form)
            for row in rows
            if not _is_settled(row, library)
            for shape, form in _other_forms(row, plans[row["config"]], stage)
        ]
        keys = [(plans[row["config"]]["key"], *_sameness(row, shape), form) for row, shape, form in trials]
        jobs = {
            key: {"config": row["config"], "shape": shape, "form": form}
            for key, (row, shape, form) in zip(keys, trials, strict=True)
        }
        new = {key: job for key, job in jobs.items() if key not in known}
        known |= dict(zip(new, pool.run(list(new.values()), f"other forms: {' '.join(stage)}"), strict=True))
        for key, (row, shape, form) in zip(keys, trials, strict=True):
            if "metrics" in known[key]:
                size = list(row["size"] if shape == AUTO else shape[1:])
                row["measured"].append({"operators": {}, **known[key]["metrics"], "size": size, "form": form})
    return len(known)


def _sameness(row: Answer, shape: _Shape) -> tuple[_Shape, tuple[int, ...]]:
    """Return the key of equal jobs on one model: the requested shape, and the resolved shape of ``auto``."""
    return shape, tuple(row["shape"]) if shape == AUTO else ()


def _other_forms(row: Answer, plan: Answer, forms: Sequence[str]) -> list[tuple[_Shape, str]]:
    """Return pairs of shape and form to try; with a published size, only that one."""
    is_image, stated = len(row["shape"]) == len(("C", "H", "W")), row["published"]["size"]
    channels = row["shape"][0] if is_image else CHANNELS
    own: _Shape = AUTO
    if is_image:
        own = tuple(row["shape"])
    base: _Shape = (channels, *stated) if stated and list(stated) != row["size"] else own
    others = [stated] if stated else plan["sizes"] if min(row["size"]) >= _SMALLEST_IMAGE else ()
    sizes: list[_Shape] = [(channels, *size) for size in others if list(size) != row["size"]]
    plain = [(size, "plain") for size in sizes if "plain" in forms]
    possible = {"head": plan["headless"], "deploy": plan["deployable"], "modules": True}
    return plain + [(base, form) for form in forms if possible.get(form)]
