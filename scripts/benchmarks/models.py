#!/usr/bin/env python3
"""Compare our cost for one config with mmpretrain's get_flops.py and mmengine's get_model_complexity_info, and dry with real.

Prints a table, and writes JSON with --json. Each ratio is of two costs of this run. Run with the worker environment's Python:
`.venv/worker/bin/python scripts/benchmarks/models.py`
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.benchmarks.lib.official_tool import Cost, cost_of, official_command
from scripts.benchmarks.lib.our_worker import Usage

ROOT = Path(__file__).resolve().parents[2]
MODELS = (
    ("ResNet-50", "configs/resnet/resnet50_8xb32_in1k.py", (224, 224)),
    ("ResNet-50", "configs/resnet/resnet50_8xb32_in1k.py", (1024, 1024)),
    ("ResNet-50", "configs/resnet/resnet50_8xb32_in1k.py", (800, 1333)),
    ("ViT-L/16", "configs/vision_transformer/vit-large-p16_64xb64_in1k-384px.py", (384, 384)),
    ("Swin-L", "configs/swin_transformer/swin-large_16xb64_in1k-384px.py", (384, 384)),
    ("ConvNeXt-L", "configs/convnext/convnext-large_64xb64_in1k.py", (224, 224)),
)
WAYS = {
    "official": "mmpretrain's get_flops.py, a whole process",
    "ours": "scripts/get_flops.py, a whole process",
    "mmengine": "build and get_model_complexity_info, in a process that has mmpretrain imported",
    "real": "our worker's job, computing, in a fork of such a process",
    "dry": "our worker's job, without computing, in a fork of such a process",
}
RATIOS = (("ours", "official"), ("dry", "official"), ("dry", "mmengine"), ("dry", "real"))


def main() -> int:
    """Measure and print. Exit code: 0 done, 1 a tool failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="file for all results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(ROOT / "action"))
    import mmpretrain

    tree = Path(mmpretrain.__file__).parent / ".mim"
    os.chdir(tree)
    _warm_up()
    rows = [_row(tree, *model) for model in MODELS]
    print(table(rows))
    if options.json:
        options.json.write_text(json.dumps({"ways": WAYS, "models": rows}, indent=1) + "\n", encoding="utf-8")
    return 0 if all(cost["ok"] for row in rows for cost in row["costs"].values()) else 1


def _row(tree: Path, model: str, config: str, size: tuple[int, int]) -> dict[str, Any]:
    ours = [sys.executable, "-W", "ignore", str(ROOT / "scripts" / "get_flops.py"), config, "--shape", *map(str, size)]
    costs = {
        "official": cost_of(official_command(config, size), tree),
        "ours": cost_of(ours, tree),
        "mmengine": _in_fork(lambda: _mmengine(config, size)),
        "real": _in_fork(lambda: _job(config, size, "real")),
        "dry": _in_fork(lambda: _job(config, size, "dry")),
    }
    print(f"{model} at {size[0]}x{size[1]}: {costs['official']}, {costs['ours']}", file=sys.stderr, flush=True)
    return {"model": model, "size": size, "costs": {way: asdict(cost) for way, cost in costs.items()}}


def _warm_up() -> None:
    """Do what the worker does before its first job, and import the library."""
    from model_complexity.worker.build import model as building
    from model_complexity.worker.count import analysis as counting

    building.disable_network()
    building.import_library("mmpretrain")
    counting.warm_up()


def _in_fork(work: Callable[[], None]) -> Cost:
    """Return the cost of ``work`` in a fork. Its memory includes pages shared with this process."""
    import gc

    gc.freeze()
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            work()
            status = 0
        finally:
            os._exit(status)
    _, status, used = os.wait4(child, 0)
    usage = Usage.of(used)
    return Cost(round(time.monotonic() - started, 2), usage.cpu, usage.peak_mib, status == 0)


def _mmengine(config: str, size: tuple[int, int]) -> None:
    from mmengine.analysis import get_model_complexity_info
    from mmpretrain import get_model

    model = get_model(config)
    model.eval()
    model.forward = model.extract_feat
    get_model_complexity_info(model, (3, *size))


def _job(config: str, size: tuple[int, int], mode: str) -> None:
    from model_complexity.worker.job import run_job

    answer = run_job(Path(config), (3, *size), mode=mode)
    assert answer is not None
    assert "measurement" in answer, answer


def table(rows: list[dict[str, Any]]) -> str:
    """Return costs and ratios as Markdown: wall-clock / CPU seconds / peak MiB."""
    head = ["model", *WAYS, *(f"{dividend} ÷ {divisor}" for dividend, divisor in RATIOS)]
    lines = [head, [":--", *["--:"] * (len(head) - 1)]]
    for row in rows:
        costs = row["costs"]
        cells = [f"{c['wall']:.1f} s / {c['cpu']:.1f} s / {c['peak_mib']} MiB" for c in costs.values()]
        cells += [
            " / ".join(
                f"{costs[dividend][key] / max(costs[divisor][key], 0.01):.2f}" for key in ("wall", "cpu", "peak_mib")
            )
            for dividend, divisor in RATIOS
        ]
        lines.append([f"{row['model']} at {row['size'][0]}x{row['size'][1]}", *cells])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
