#!/usr/bin/env python3
"""Measures every config that an installed library ships and holds the figures against those that its authors published.

Run with the analysis environment's Python: `.venv/analysis/bin/python scripts/zoo.py mmpretrain --json zoo.json`
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import random
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.lib import packaged, zoo_causes, zoo_judge, zoo_page, zoo_real
from scripts.lib.zoo_measure import measure_zoo


def main() -> int:
    """Returns the exit code: 0 done, 1 a real run gave other numbers than a dry one, 2 the library ships no configs."""
    options = _options()
    spec = importlib.util.find_spec(options.library)
    root = Path(spec.submodule_search_locations[0], ".mim") if spec and spec.submodule_search_locations else None
    configs = [] if root is None else _configs(root, options.sample)
    if root is None or not configs:
        print(f"zoo.py: {options.library!r} is not installed here or ships no configs", file=sys.stderr)
        return 2
    if options.against_real:
        return zoo_real.compare(root, configs, jobs=options.jobs, timeout=options.timeout, json_file=options.json)
    if options.again:
        result = json.loads(options.again.read_text(encoding="utf-8"))
    else:
        rows, cost = measure_zoo(root, options.library, configs, jobs=options.jobs, timeout=options.timeout)
        result = {"library": options.library, "version": version(options.library), "cost": cost, "configs": rows}
        if options.against_packaged:
            cost["packaged"] = packaged.sample(root, rows, options.against_packaged)
    result["configs"] = [judged(row) for row in result["configs"]]
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    page = zoo_page.summary(result["library"], result["version"], result["configs"], result["cost"])
    print(page)
    if options.docs:
        zoo_page.write_section(options.docs, page)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", help="an installed package with configs in .mim, e.g. mmpretrain")
    parser.add_argument("--again", type=Path, help="judge the figures in this JSON file again, instead of measuring")
    parser.add_argument("--json", type=Path, help="where everything is written")
    parser.add_argument("--docs", type=Path, help="a Markdown file whose marked section is replaced by the summary")
    parser.add_argument(
        "--against-packaged",
        type=int,
        default=0,
        metavar="N",
        help="also run the library's own get_flops.py on N of the configs, and compare the CPU time",
    )
    parser.add_argument(
        "--against-real",
        action="store_true",
        help="instead: measure every config dry and for real, and compare every figure (slow: half an hour and 12 GiB)",
    )
    parser.add_argument(
        "--sample", type=int, default=0, help="measure only so many, drawn at random (the same ones each time)"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="how many side by side; default: one a core"
    )
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds for one config")
    return parser.parse_args()


def _configs(root: Path, sample: int) -> list[str]:
    files = (file for file in (root / "configs").rglob("*.py") if "_base_" not in file.parts)
    names = sorted(file.relative_to(root).as_posix() for file in files)
    return sorted(random.Random(0).sample(names, sample)) if 0 < sample < len(names) else names  # noqa: S311 - no secret


def judged(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its verdicts on flops and params (None where nothing is published); a failure as it is."""
    if "failure" in row:
        return row
    config, published, known, own = row["config"], row["published"], row["measured"], row["size"]
    flops = zoo_judge.judge(published["flops"], zoo_judge.flop_trials(known, own))
    params = zoo_judge.judge(published["params"], zoo_judge.param_trials(known, own))
    return {
        **row,
        "flops": flops and _verdict(flops, zoo_causes.explain(config, "flops", published["flops"], known)),
        "params": params and _verdict(params, zoo_causes.explain(config, "params", published["params"], known)),
    }


def _verdict(verdict: zoo_judge.Verdict, cause: zoo_causes.Cause) -> dict[str, Any]:
    trial = dataclasses.asdict(verdict.trial)
    judged = {"published": verdict.published, **trial, "error": round(verdict.error, 5), "band": verdict.band}
    return judged if verdict.band == "within 1 %" else {**judged, "cause": cause.text}


if __name__ == "__main__":
    sys.exit(main())
