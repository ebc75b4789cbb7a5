"""The cost of the library's own ``get_flops.py``, in one process for each config."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarks.lib.our_worker import Usage

TOOL = Path("tools", "analysis_tools", "get_flops.py")


@dataclass(frozen=True)
class Cost:
    """The cost of one process: wall-clock seconds, CPU seconds, peak MiB. ``ok``: it exited with 0."""

    wall: float
    cpu: float
    peak_mib: int
    ok: bool


def cost_of(command: Sequence[str], cwd: Path) -> Cost:
    """Run a command without its output."""
    started = time.monotonic()
    with Path(os.devnull).open("w", encoding="utf-8") as null:
        process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=null, stderr=null)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    usage = Usage.of(used)
    return Cost(round(time.monotonic() - started, 2), usage.cpu, usage.peak_mib, process.returncode == 0)


def official_command(config: str, size: Sequence[int]) -> list[str]:
    """Return the command of the library's tool on one config, for its folder of configs and tools."""
    return [sys.executable, "-W", "ignore", str(TOOL), config, "--shape", *(str(side) for side in size)]


def sample(root: Path, rows: Sequence[dict[str, Any]], number: int) -> dict[str, Any]:
    """Run the library's tool on a sample of the measured configs, each at the measured size.

    Returns:
        ``configs`` (the number it measured), ``cpu`` (their mean CPU seconds), ``failed`` (the others).
    """
    measured = [row for row in rows if "failure" not in row]
    chosen = random.Random(1).sample(measured, min(number, len(measured)))  # noqa: S311 - no secret
    costs = {}
    for row in chosen:
        costs[row["config"]] = cost_of(official_command(row["config"], row["size"]), root)
        print(f"official get_flops.py: {row['config']} {costs[row['config']].cpu} CPU s", file=sys.stderr, flush=True)
    done = [cost for cost in costs.values() if cost.ok]
    return {
        "configs": len(done),
        "cpu": round(sum(cost.cpu for cost in done) / max(1, len(done)), 2),
        "peak_mib": max((cost.peak_mib for cost in done), default=0),
        "failed": [config for config, cost in costs.items() if not cost.ok],
    }
