"""Measures a zoo: every config by the product's worker, then other forms of the models whose published flops are not met."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.lib import product, zoo_causes, zoo_judge
from scripts.lib.zoo_pool import Pool
from scripts.lib.zoo_published import Published, read_published

Answer = dict[str, Any]
_FORMS = ("head", "deploy", "modules")
_STAGES = (("plain", "deploy"), ("head",), ("modules",))
"""What is cheap to ask, and what explains most, first."""


def measure_zoo(
    root: Path, library: str, configs: Sequence[str], *, jobs: int, timeout: float
) -> tuple[list[Answer], Answer]:
    """One row for each config, and what it cost.

    Args:
        root: the folder that config paths start from.
        library: whose configs they are.
        configs: their paths.
        jobs: how many are measured side by side.
        timeout: seconds for one config.
    """
    started = time.monotonic()
    options = ("--jobs", str(jobs), "--timeout", str(timeout))
    answers, used = product.measure(root, [(config, "auto") for config in configs], "measured", *options)
    seconds = time.monotonic() - started
    published = read_published(root)
    rows = [
        _row(config, answer, published.get(config, Published()))
        for config, answer in zip(configs, answers, strict=True)
    ]
    with Pool(root, library, size=jobs, timeout=timeout) as pool:
        others = _explore(pool, [row for row in rows if not _is_settled(row)])
    cost = {
        "wall": round(seconds, 1),
        "cpu": used.cpu,
        "peak_mib": used.peak_mib,
        "workers": jobs,
        "configs": len(configs),
        "distinct": len({_identity(row) for row in rows if "failure" not in row}),
        "forms": others,
        "forms_wall": round(time.monotonic() - started - seconds, 1),
        "forms_cpu": round(sum(use["own_cpu"] + use["jobs_cpu"] for use in pool.usage), 1),
        "forms_peak_mib": round(max(use["peak_kib"] for use in pool.usage) / 1024),
    }
    for row in rows:
        row.pop("modules", None)
    return rows, cost


def _row(config: str, answer: Answer, published: Published) -> Answer:
    row: Answer = {"config": config, "published": dataclasses.asdict(published)}
    if "failure" in answer:
        return {**row, "failure": answer["failure"]}
    found = answer["measurement"]
    shape = found["input_shape"][1:]
    figures = {name: found[name] for name in ("flops", "params", "activations", "operators", "forward", "method")}
    own = {**figures, "form": "plain", "size": shape[1:]}
    return {
        **row,
        "shape": shape,
        "size": shape[1:],
        "measured": [own],
        "unsupported_ops": found["unsupported_ops"],
        "modules": len(found["modules"]),
    }


def _identity(row: Answer) -> tuple[Any, ...]:
    """What the same model gives at the same shape; nearly always only the same one does."""
    own = row["measured"][0]
    return (*row["shape"], row["modules"], own["flops"], own["params"], own["activations"])


def _is_settled(row: Answer) -> bool:
    """Whether nothing is left to try: nothing published or measured, the flops close already, or the cause known."""
    if "failure" in row:
        return True
    figures = row["published"]["flops"]
    verdict = zoo_judge.judge(figures, zoo_judge.flop_trials(row["measured"], row["size"]))
    if verdict is None or verdict.band == "within 1 %":
        return True
    return zoo_causes.explain(row["config"], "flops", figures, row["measured"]).text != zoo_causes.NOT_FOUND


def _explore(pool: Pool, rows: Sequence[Answer]) -> int:
    """Adds what the authors may have counted to the rows, each distinct one measured once; returns how many those were."""
    answers = pool.run([{"config": row["config"], "plan": True} for row in rows], "read")
    plans = {row["config"]: answer["plan"] for row, answer in zip(rows, answers, strict=True)}
    known: dict[tuple[str, tuple[int, ...], str], Answer] = {}
    for stage in _STAGES:
        wanted = [
            (row, shape, form)
            for row in rows
            if not _is_settled(row)
            for shape, form in _other_forms(row, plans[row["config"]], stage)
        ]
        jobs = {
            (plans[row["config"]]["key"], shape, form): {"config": row["config"], "shape": shape, "form": form}
            for row, shape, form in wanted
        }
        new = {key: job for key, job in jobs.items() if key not in known}
        known |= dict(zip(new, pool.run(list(new.values()), f"other forms: {' '.join(stage)}"), strict=True))
        for row, shape, form in wanted:
            answer = known[plans[row["config"]]["key"], shape, form]
            if "figures" in answer:
                row["measured"].append({"operators": {}, **answer["figures"], "size": list(shape[1:]), "form": form})
    return len(known)


def _other_forms(row: Answer, plan: Answer, forms: Sequence[str]) -> list[tuple[tuple[int, ...], str]]:
    """At the other sizes as is, in the other forms at the own size."""
    own = tuple(row["shape"])
    sizes = [(own[0], *size) for size in plan["sizes"] if list(size) != row["size"]] if "plain" in forms else []
    others = [form for form in forms if form in _FORMS and (form != "deploy" or plan["deployable"])]
    return [(size, "plain") for size in sizes] + [(own, form) for form in others]
