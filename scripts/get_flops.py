#!/usr/bin/env python3
"""Prints flops, params and activations of a config: the summary block, then the table of modules.

Needs torch, fvcore, mmengine, tabulate and the config's own library: run it with the worker environment's Python.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "action"))

from model_complexity.common.shapes import parse_shape


class _OneLine(argparse.ArgumentParser):
    """Says what is wrong with the arguments on one line, as a program that scripts call should."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def main() -> int:
    """Returns the exit code: 0 done, 1 the config could not be measured, 2 the arguments are wrong."""
    parser = _OneLine(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", type=Path, help="path of the config file")
    parser.add_argument(
        "--shape",
        nargs="+",
        default=["224", "224"],
        metavar=("H", "W"),
        help="input size (224 224); one value is a square; `auto` is what the config's own test pipeline makes; "
        "inputs by name are written `points=40000x4`",
    )
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--mode", choices=["dry", "real"], default="dry", help="trace without arithmetic (default), or compute"
    )
    arguments = parser.parse_args()
    try:
        shape = parse_shape(" ".join(arguments.shape))
    except ValueError as error:
        parser.error(f"argument --shape: {error}")
    if not arguments.config.is_file():
        parser.error(f"argument config: there is no file {arguments.config}")

    # Only now: importing torch takes seconds, and a wrong argument should not.
    from model_complexity.common.table import ModuleRow, format_input, module_table, summary_block
    from model_complexity.worker.build.model import disable_network
    from model_complexity.worker.job import run_job

    sys.path.insert(1, str(Path.cwd()))
    disable_network()
    with contextlib.redirect_stdout(sys.stderr):  # stdout is for the figures; a config may print what it likes
        answer = run_job(arguments.config, shape, arguments.device, arguments.mode)
    failure = answer.get("failure")
    if failure:
        print(failure["detail"], file=sys.stderr)
        print(f"{arguments.config}: {failure['kind']}: {failure['message']}\n{failure['hint']}", file=sys.stderr)
        return 1
    found = answer["measurement"]
    print(summary_block(format_input(found), found["figures"]))
    print(module_table([ModuleRow.of(module) for module in found["modules"]]))
    if found["conditions"]:
        print(f"Conditions: {'; '.join(found['conditions'])}", file=sys.stderr)
    uncounted = found["unsupported_ops"]["uncounted"]
    if uncounted:
        print("Not counted: " + ", ".join(f"{name} ×{times}" for name, times in uncounted.items()), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
