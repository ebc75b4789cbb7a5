#!/usr/bin/env python3
"""Compare what this checkout counts in a library's configs with what the last commit counted that used torch.jit's trace.

Run it with the Python of the environment that has the library: `.venv/openmmlab/bin/python scripts/benchmarks/crosscheck mmdet`.
scripts/benchmarks/crosscheck/run_all does so for every library. It needs a clone with the whole history.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from importlib.metadata import packages_distributions, version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from scripts.benchmarks.crosscheck.answers import recorded_answers, traced_answers
from scripts.benchmarks.crosscheck.compare import compare_answers, report
from scripts.benchmarks.crosscheck.explained import examples
from scripts.benchmarks.lib.traced_worker import COMMIT, MissingCommitError
from scripts.benchmarks.lib.zoo_configs import zoo_configs, zoo_root

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "model-complexity", "crosscheck")


def main() -> int:
    """Compare. Exit code: 0 equal or explained, 1 an unexplained difference, 2 the comparison is impossible."""
    options = _options()
    root = zoo_root(options.library)
    configs = options.configs or (_configs(root) if root else [])
    if root is None or not configs:
        print(f"crosscheck: {options.library!r} is not installed here or ships no configs", file=sys.stderr)
        return 2
    limits = {"jobs": options.jobs, "timeout": options.timeout}
    cache = options.cache / _cache_name(options.library)
    try:
        traced = traced_answers(root, configs, cache, measured=options.sample, **limits)
        if not options.configs:
            traced |= traced_answers(root, examples(options.library), cache, measured=0, **limits)
    except MissingCommitError as error:
        print(f"crosscheck: {error}", file=sys.stderr)
        return 2
    if options.traced_only:
        return 0
    recorded = recorded_answers(root, list(traced), **limits)
    outcome = compare_answers(options.library, traced, recorded)
    if options.json:
        options.json.write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    print(report(options.library, outcome))
    return 1 if outcome["unexplained"] else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", help="an installed package with configs in .mim, e.g. mmpretrain")
    parser.add_argument("configs", nargs="*", help="compare only these, e.g. configs/resnet/resnet50_8xb32_in1k.py")
    parser.add_argument(
        "--sample",
        type=int,
        default=0,
        metavar="N",
        help="compare only as many as have N with figures, in a random order with a fixed seed",
    )
    parser.add_argument(
        "--cache", type=Path, default=_CACHE, help=f"folder that keeps the traced answers; default: {_CACHE}"
    )
    parser.add_argument("--traced-only", action="store_true", help="only fill the cache")
    parser.add_argument("--json", type=Path, help="file for all results")
    parser.add_argument("--jobs", type=int, default=1, help="number of configs measured in parallel")
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds for one config")
    return parser.parse_intermixed_args()


def _cache_name(library: str) -> str:
    name = packages_distributions()[library][0]
    return f"{name}-{version(name)}-torch-{version('torch')}-{COMMIT[:7]}.jsonl"


def _configs(root: Path) -> list[str]:
    """Return all configs in a random order, so that the first ones are a sample of all."""
    configs = zoo_configs(root)
    random.Random(0).shuffle(configs)  # noqa: S311 - no secret
    return configs


if __name__ == "__main__":
    sys.exit(main())
