"""Compare dry and real measurements of every config in every metric, module and operator."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.lib import our_worker

_IGNORED_FIELDS = ("mode", "seconds", "device")


def compare(root: Path, configs: Sequence[str], *, jobs: int, timeout: float, json_file: Path | None) -> int:
    """Print the differences. Exit code: 0 if there are none, else 1.

    Args:
        root: the folder that config paths start from.
        configs: their paths.
        jobs: number of configs measured in parallel.
        timeout: seconds for one config.
        json_file: file for the result, if any.
    """
    requests = [(config, "auto") for config in configs]
    dry, dry_used = our_worker.measure(root, requests, "dry", jobs=jobs, timeout=timeout, mode="auto")
    real, real_used = our_worker.measure(root, requests, "real", jobs=jobs, timeout=timeout, mode="real")
    outcome = outcomes(configs, dry, real)
    outcome["dry_cpu"], outcome["real_cpu"] = dry_used.cpu, real_used.cpu
    outcome["dry_peak_mib"], outcome["real_peak_mib"] = dry_used.peak_mib, real_used.peak_mib
    if json_file:
        json_file.write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    print(
        f"{outcome['equal']} of {outcome['both']} configs that both could run are equal in every metric, module and operator.\n"
        f"{len(outcome['fell_back'])} configs fell back to a real run: {', '.join(outcome['fell_back']) or 'none'}.\n"
        f"dry took {dry_used.cpu} CPU s and {dry_used.peak_mib} MiB at most, real {real_used.cpu} CPU s and "
        f"{real_used.peak_mib} MiB."
    )
    for name, fields in outcome["differ"].items():
        print(f"DIFFER {name}: {', '.join(fields)}")
    for name, (one, other) in outcome["only_one"].items():
        print(f"ONLY ONE {name}: dry: {one}; real: {other}")
    return 1 if outcome["differ"] or outcome["only_one"] else 0


def outcomes(configs: Sequence[str], dry: Sequence[dict[str, Any]], real: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Count equal configs; list those that differ, that one mode fails on, and that fell back to real."""
    result: dict[str, Any] = {"equal": 0, "both": 0, "differ": {}, "only_one": {}, "fell_back": []}
    for config, dry_answer, real_answer in zip(configs, dry, real, strict=True):
        if "measurement" in dry_answer and "measurement" in real_answer:
            result["both"] += 1
            dry_found, real_found = dry_answer["measurement"], real_answer["measurement"]
            if dry_found["mode"] == "real":
                result["fell_back"].append(config)
            fields = [name for name in dry_found if name not in _IGNORED_FIELDS and dry_found[name] != real_found[name]]
            if fields:
                result["differ"][config] = fields
            else:
                result["equal"] += 1
        elif "measurement" in dry_answer or "measurement" in real_answer:
            result["only_one"][config] = tuple(
                "measured"
                if "measurement" in answer
                else f"{answer['failure']['kind']}: {answer['failure']['message']}"
                for answer in (dry_answer, real_answer)
            )
    return result
