#!/usr/bin/env python3
"""Print flops, params and activations of a config: the summary block, then the module table.

Run it with the worker environment's Python. It needs torch, fvcore, mmengine, tabulate and the config's library.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "action"))

from model_complexity.common.shapes import parse_shape


class _OneLineParser(argparse.ArgumentParser):
    """Reports an error on one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main() -> int:
    """Measure the config. Exit code: 0 done, 1 the measurement failed, 2 wrong arguments."""
    parser = _OneLineParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="path of the config file")
    parser.add_argument(
        "--shape",
        nargs="+",
        default=["224", "224"],
        metavar=("H", "W"),
        help="input size (default: 224 224). One value is a square, `auto` the size of the config's test pipeline. "
        "Write inputs by name as `points=40000x4`.",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--mode", choices=["dry", "real"], default="dry", help="dry traces without arithmetic (default), real computes"
    )
    arguments = parser.parse_args()
    try:
        shape = parse_shape(" ".join(arguments.shape))
    except ValueError as error:
        parser.error(f"argument --shape: {error}")
    if not arguments.config.is_file():
        parser.error(f"argument config: no such file: {arguments.config}")

    # Importing torch takes seconds, which a wrong argument need not wait for.
    from model_complexity.common.table import ModuleRow, format_input, module_table, summary_block
    from model_complexity.worker.build.model import disable_network
    from model_complexity.worker.job import run_job

    sys.path.insert(1, str(Path.cwd()))
    disable_network()
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the counts, whatever a config prints
        answer = run_job(arguments.config, shape, arguments.device, arguments.mode)
    failure = answer.get("failure")
    if failure:
        print(failure["detail"], file=sys.stderr)
        print(f"{arguments.config}: {failure['kind']}: {failure['message']}\n{failure['hint']}", file=sys.stderr)
        return 1
    measurement = answer["measurement"]
    print(summary_block(format_input(measurement), measurement["figures"]))
    print(module_table([ModuleRow.of(module) for module in measurement["modules"]]))
    if measurement["conditions"]:
        print(f"Conditions: {'; '.join(measurement['conditions'])}", file=sys.stderr)
    uncounted = measurement["unsupported_ops"]["uncounted"]
    if uncounted:
        print("Not counted: " + ", ".join(f"{name} ×{times}" for name, times in uncounted.items()), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
