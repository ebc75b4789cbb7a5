"""The slow tier: every config measured dry and for real by the product's worker, and every figure compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.lib import our_worker

_APART = ("mode", "seconds", "device")


def compare(root: Path, configs: Sequence[str], *, jobs: int, timeout: float, json_file: Path | None) -> int:
    """Prints what differs and returns the exit code: 0 if nothing does, 1 otherwise.

    Args:
        root: the folder that config paths start from.
        configs: their paths.
        jobs: how many are measured side by side.
        timeout: seconds for one config.
        json_file: where the outcome is written, if anywhere.
    """
    asked = [(config, "auto") for config in configs]
    dry, dry_used = our_worker.measure(root, asked, "dry", jobs=jobs, timeout=timeout, mode="auto")
    real, real_used = our_worker.measure(root, asked, "real", jobs=jobs, timeout=timeout, mode="real")
    outcome = outcomes(configs, dry, real)
    outcome["dry_cpu"], outcome["real_cpu"] = dry_used.cpu, real_used.cpu
    outcome["dry_peak_mib"], outcome["real_peak_mib"] = dry_used.peak_mib, real_used.peak_mib
    if json_file:
        json_file.write_text(json.dumps(outcome, indent=1) + "\n", encoding="utf-8")
    print(
        f"{outcome['equal']} of {outcome['both']} configs that both could run are equal in every figure, module and operator;\n"
        f"{len(outcome['fell_back'])} configs fell back to a real run: {', '.join(outcome['fell_back']) or 'none'};\n"
        f"dry took {dry_used.cpu} CPU s and {dry_used.peak_mib} MiB at most, real {real_used.cpu} CPU s and "
        f"{real_used.peak_mib} MiB."
    )
    for name, fields in outcome["differ"].items():
        print(f"DIFFER {name}: {', '.join(fields)}")
    for name, (one, other) in outcome["only_one"].items():
        print(f"ONLY ONE {name}: dry: {one}; real: {other}")
    return 1 if outcome["differ"] or outcome["only_one"] else 0


def outcomes(configs: Sequence[str], dry: Sequence[dict[str, Any]], real: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How many are equal, which differ in what, which only one of the two methods could run, which fell back."""
    found: dict[str, Any] = {"equal": 0, "both": 0, "differ": {}, "only_one": {}, "fell_back": []}
    for config, one, other in zip(configs, dry, real, strict=True):
        if "measurement" in one and "measurement" in other:
            found["both"] += 1
            ours, theirs = one["measurement"], other["measurement"]
            if ours["mode"] == "real":
                found["fell_back"].append(config)
            fields = [name for name in ours if name not in _APART and ours[name] != theirs[name]]
            if fields:
                found["differ"][config] = fields
            else:
                found["equal"] += 1
        elif "measurement" in one or "measurement" in other:
            found["only_one"][config] = tuple(
                "measured"
                if "measurement" in answer
                else f"{answer['failure']['kind']}: {answer['failure']['message']}"
                for answer in (one, other)
            )
    return found
