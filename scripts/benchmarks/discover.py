#!/usr/bin/env python3
"""Time the discovery of a tree and print JSON; exit code 1 if any of its code was executed.

An audit hook counts what Python runs while the graph is built: `exec` events of code that is neither the standard
library's nor this package's, imports of files in the tree, and started processes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import sysconfig
import time
from pathlib import Path
from types import CodeType

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action"))

from model_complexity.discover import Graph, Patterns, is_base

_OURS = (sysconfig.get_path("stdlib"), sysconfig.get_path("purelib"), str(Path(__file__).resolve().parents[2]))


class AuditLog:
    """What Python reports as executed, imported or started while ``enabled``."""

    def __init__(self, tree: Path) -> None:
        self.tree = str(tree)
        self.events: list[str] = []
        self.enabled = False
        sys.addaudithook(self._record)

    def _record(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.enabled:
            return
        if event == "exec" and isinstance(arguments[0], CodeType):
            name = arguments[0].co_filename
            if self._in_tree(name) or not name.startswith((*_OURS, "<frozen ")):
                self.events.append(f"exec {name}")
        elif event == "import" and any(self._in_tree(str(argument)) for argument in arguments[:2]):
            self.events.append(f"import {arguments[0]}")
        elif event in {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"}:
            self.events.append(event)

    def _in_tree(self, name: str) -> bool:
        return name.startswith(self.tree + os.sep)


def main() -> int:
    """Return the exit code: 0 if nothing of the tree was executed, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, help="the root of a checkout")
    parser.add_argument("--configs", default="", help="globs, as in the input `configs`")
    arguments = parser.parse_args()
    tree = arguments.tree.resolve()
    patterns = Patterns.parse(arguments.configs)
    log = AuditLog(tree)
    log.enabled = True
    started = time.perf_counter()
    graph = Graph.of_tree(tree, patterns.matches)
    seconds = time.perf_counter() - started
    log.enabled = False
    warnings = [f"{warning.config}: {warning.message}" for warning in (*graph.incomplete, *graph.warnings)]
    summary = {
        "files": len(graph.edges),
        "bases": sum(is_base(path) for path in graph.edges),
        "configs": len(graph.configs),
        "edges": sum(map(len, graph.edges.values())),
        "warnings": warnings,
        "executed": log.events,
        "seconds": round(seconds, 3),
    }
    print(json.dumps(summary, indent=2))
    return 1 if log.events else 0


if __name__ == "__main__":
    sys.exit(main())
