"""The answers of the worker that traced, kept in a file, so that a second run costs only the worker of this checkout."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.lib import our_worker, traced_worker

Answer = dict[str, Any]
SHAPE = "auto"
_MAY_PASS_NEXT_TIME = ("crash", "out_of_memory", "timeout")


def traced_answers(
    root: Path, configs: Sequence[str], file: Path, *, measured: int, jobs: int, timeout: float
) -> dict[str, Answer]:
    """Return the traced answers by config, from the file where it has them.

    Args:
        root: the folder that config paths start from.
        configs: their paths, in the order in which they are tried.
        file: the answers of earlier runs, to which new ones are added.
        measured: the number of configs with figures that suffices; 0 for all configs.
        jobs: number of configs measured in parallel.
        timeout: seconds for one config.
    """
    known = _read(file)
    chosen: dict[str, Answer] = {}
    remaining = list(configs)
    while remaining:
        missing = measured - sum("measurement" in answer for answer in chosen.values()) if measured else len(remaining)
        if missing <= 0:
            break
        batch, remaining = remaining[:missing], remaining[missing:]
        unknown = [config for config in batch if config not in known]
        if unknown:
            known |= _measure(root, unknown, file, jobs=jobs, timeout=timeout)
        chosen |= {config: known[config] for config in batch}
    return chosen


def recorded_answers(root: Path, configs: Sequence[str], *, jobs: int, timeout: float) -> dict[str, Answer]:
    """Return the answers of this checkout's worker by config."""
    requests = [(config, SHAPE) for config in configs]
    answers, _ = our_worker.measure(root, requests, "recorded", jobs=jobs, timeout=timeout)
    return dict(zip(configs, answers, strict=True))


def _read(file: Path) -> dict[str, Answer]:
    if not file.exists():
        return {}
    known = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        with contextlib.suppress(ValueError):  # a run may have been interrupted in this line
            entry = json.loads(line)
            known[entry["config"]] = entry["answer"]
    return known


def _measure(root: Path, configs: Sequence[str], file: Path, *, jobs: int, timeout: float) -> dict[str, Answer]:
    file.parent.mkdir(parents=True, exist_ok=True)
    requests = [(config, SHAPE) for config in configs]
    with traced_worker.worktree() as tree, file.open("a", encoding="utf-8") as cache:
        if cache.tell():
            cache.write("\n")  # ends a line that an interrupted run left

        def keep(number: int, answer: Answer) -> None:
            if answer.get("failure", {}).get("kind") not in _MAY_PASS_NEXT_TIME:
                cache.write(json.dumps({"config": configs[number], "answer": answer}) + "\n")
                cache.flush()

        launch = traced_worker.launch_from(tree)
        answers, used = our_worker.measure(
            root, requests, "traced", launch=launch, on_answer=keep, jobs=jobs, timeout=timeout
        )
    print(f"traced: {used.cpu} CPU s, {used.peak_mib} MiB at most", file=sys.stderr)
    return dict(zip(configs, answers, strict=True))
