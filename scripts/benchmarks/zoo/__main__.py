#!/usr/bin/env python3
"""Measure every config that an installed library ships and compare the metrics with published ones.

Run it with the Python of the environment that has the library: `.venv/openmmlab/bin/python scripts/benchmarks/zoo mmdet`.
scripts/benchmarks/zoo/run_all does so for every library.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import sys
from collections.abc import Container
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts.benchmarks.lib import official_tool
from scripts.benchmarks.lib.zoo_configs import zoo_configs, zoo_root
from scripts.benchmarks.zoo import page, real
from scripts.benchmarks.zoo.measure import explore_zoo, measure_zoo
from scripts.benchmarks.zoo.published import Published, read_published
from scripts.benchmarks.zoo.verdicts import add_verdicts


def main() -> int:
    """Measure and compare. Exit code: 0 done, 1 real and dry runs differ, 2 the library ships no configs."""
    options = _options()
    root = zoo_root(options.library)
    published = read_published(root, options.library) if root else {}
    selected = {name for name, known in published.items() if known.flops or known.params} if options.published else None
    configs = [] if root is None else _configs(root, options.sample, selected)
    if root is None or not configs:
        print(f"zoo: {options.library!r} is not installed here or ships no configs", file=sys.stderr)
        return 2
    if options.against_real:
        return real.compare(root, configs, jobs=options.jobs, timeout=options.timeout, json_file=options.json)
    if options.again:
        result = json.loads(options.again.read_text(encoding="utf-8"))
        for row in result["configs"]:
            row["published"] = dataclasses.asdict(published.get(row["config"], Published()))
    else:
        rows, cost = measure_zoo(root, options.library, configs, published, jobs=options.jobs, timeout=options.timeout)
        name = packages_distributions()[options.library][0]
        result = {"library": name, "version": version(name), "cost": cost, "configs": rows}
        _write_json(result, options.json)  # --again can use it if a later step fails
        cost |= explore_zoo(root, options.library, rows, jobs=options.jobs, timeout=options.timeout)
        if options.against_official:
            cost["official"] = official_tool.sample(root, rows, options.against_official)
    result["configs"] = [add_verdicts(row, options.library) for row in result["configs"]]
    _write_json(result, options.json)
    summary = page.summary(result["library"], result["version"], result["configs"], result["cost"])
    print(summary)
    if options.docs:
        page.write_section(options.docs, options.library, summary)
        page.write_overview(options.docs, options.library, result["version"], result["configs"])
    return 0


def _write_json(result: dict[str, Any], file: Path | None) -> None:
    if file:
        file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", help="an installed package with configs in .mim, e.g. mmpretrain")
    parser.add_argument("--again", type=Path, help="compare the metrics in this JSON file again, instead of measuring")
    parser.add_argument("--json", type=Path, help="file for all results")
    parser.add_argument("--docs", type=Path, help="a Markdown file whose marked section is replaced by the summary")
    parser.add_argument(
        "--against-official",
        type=int,
        default=0,
        metavar="N",
        help="also run the library's own get_flops.py on N of the configs, and compare the CPU time",
    )
    parser.add_argument(
        "--against-real",
        action="store_true",
        help="instead: measure every config dry and real, and compare every metric (half an hour, 12 GiB)",
    )
    parser.add_argument("--published", action="store_true", help="measure only configs with published metrics")
    parser.add_argument(
        "--sample", type=int, default=0, help="measure only this number, a random sample with a fixed seed"
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="number of configs measured in parallel; default: one per core",
    )
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds for one config")
    return parser.parse_args()


def _configs(root: Path, sample: int, selected: Container[str] | None) -> list[str]:
    names = [name for name in zoo_configs(root) if selected is None or name in selected]
    return sorted(random.Random(0).sample(names, sample)) if 0 < sample < len(names) else names  # noqa: S311 - no secret


if __name__ == "__main__":
    sys.exit(main())
