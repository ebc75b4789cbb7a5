#!/usr/bin/env python3
"""Compare the cost of a recording with that of the trace of an earlier commit: one model at a time, then mmpretrain's zoo.

Prints the ratios of costs of this run, recorded by traced, next to their targets. Run with the worker environment's Python:
`.venv/worker/bin/python scripts/benchmarks/crosscheck/cost.py`. It takes ten minutes and needs a clone with the whole history.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts.benchmarks.crosscheck.answers import SHAPE
from scripts.benchmarks.lib import official_tool, our_worker, traced_worker
from scripts.benchmarks.lib.zoo_configs import zoo_configs, zoo_root

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = "mmpretrain"
REPEATS = 5
MODELS = (
    ("Swin-L at 384", "configs/swin_transformer/swin-large_16xb64_in1k-384px.py", (3, 384, 384)),
    ("EfficientNet-B4 at 380", "configs/efficientnet/efficientnet-b4_8xb32_in1k.py", (3, 380, 380)),
)
_IN_FORKS = Path(__file__).with_name("cost_in_forks.py")


@dataclass(frozen=True)
class Figure:
    """One line of the result: a ratio, or a size, and what it should be at most."""

    name: str
    value: float
    target: float
    unit: str = ""

    def __str__(self) -> str:
        """Return the line."""
        verdict = "ok" if self.value <= self.target else "ABOVE"
        return f"{self.name:68} {self.value:8.3f}{self.unit}  (target {self.target:g}{self.unit})  {verdict}"


def main() -> int:
    """Measure and print. Exit code: 0 all targets are met, 1 one is not, 2 the clone lacks the commit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=0, help="measure only this number of the zoo's configs")
    parser.add_argument("--official", type=int, default=20, help="number of configs for mmpretrain's own get_flops.py")
    options = parser.parse_args()
    tree = zoo_root(LIBRARY)
    assert tree, f"{LIBRARY} is not installed here"
    try:
        with traced_worker.worktree() as old:
            figures = [*_of_models(tree, old), *_of_zoo(tree, old, options.sample, options.official)]
    except traced_worker.MissingCommitError as error:
        print(f"cost: {error}", file=sys.stderr)
        return 2
    print("\n".join(map(str, figures)))
    return 0 if all(figure.value <= figure.target for figure in figures) else 1


def _of_models(tree: Path, old: Path) -> list[Figure]:
    traced, recorded = (_in_forks(tree, *side) for side in ((old, "traced"), (ROOT, "recorded")))
    figures = []
    for (model, _, _), before, after in zip(MODELS, traced, recorded, strict=True):
        figures += [
            Figure(f"counting pass of {model}: CPU ÷ traced", after["pass"] / before["pass"], 0.25),
            Figure(f"job of {model}: CPU ÷ traced", after["job"] / before["job"], 0.5),
        ]
    return figures


def _in_forks(tree: Path, checkout: Path, layout: str) -> list[dict[str, float]]:
    """Return the median costs of the models with the package of a checkout."""
    reading, writing = os.pipe()
    arguments = [str(checkout / "action"), layout, LIBRARY, str(REPEATS), str(writing)]
    jobs = "".join(json.dumps({"config": config, "shape": shape}) + "\n" for _, config, shape in MODELS)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(_IN_FORKS), *arguments],
        cwd=tree,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        pass_fds=[writing],
        text=True,
    )
    os.close(writing)
    process.communicate(jobs)
    with os.fdopen(reading, encoding="utf-8") as answers:
        rows = [json.loads(line) for line in answers]
    assert len(rows) == len(MODELS), f"{layout}: exit code {process.returncode}"
    return [{key: statistics.median(cost[key] for cost in costs) for key in costs[0]} for costs in rows]


def _of_zoo(tree: Path, old: Path, sample: int, official: int) -> list[Figure]:
    configs = zoo_configs(tree)
    if sample:
        configs = sorted(random.Random(0).sample(configs, sample))  # noqa: S311 - no secret
    requests = [(config, SHAPE) for config in configs]
    _, before = our_worker.measure(tree, requests, "traced", launch=traced_worker.launch_from(old), timeout=180)
    answers, after = our_worker.measure(tree, requests, "recorded", timeout=180)
    figures = [
        Figure(f"{len(configs)} configs of {LIBRARY}: CPU ÷ traced", after.cpu / before.cpu, 0.6),
        Figure(f"{len(configs)} configs of {LIBRARY}: largest process", after.peak_mib, 512, " MiB"),
    ]
    if official:
        rows = _measured(configs, answers)
        packaged = official_tool.sample(tree, rows, official)
        name = f"{len(configs)} configs of {LIBRARY}: CPU ÷ its get_flops.py"
        figures.append(Figure(name, after.cpu / (packaged["cpu"] * len(configs)), 0.045))
    return figures


def _measured(configs: Sequence[str], answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"config": config, "size": answer["measurement"]["input_shape"][-2:]}
        for config, answer in zip(configs, answers, strict=True)
        if "measurement" in answer
    ]


if __name__ == "__main__":
    sys.exit(main())
