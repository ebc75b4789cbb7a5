#!/usr/bin/env python3
"""Check the package's import rules (docs/architecture.md) and print what it found; exit code 1 if a rule is broken.

The rules: nothing outside ``worker/`` imports it or torch; ``common/`` imports only the standard library and tabulate; no import
cycle; no other module at the top level of the package than those named here.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

NAME = "model_complexity"
PACKAGE = Path(__file__).resolve().parents[2] / "action" / NAME
TOP_LEVEL = {"", "__main__", "cli", "action", "run", "revisions", "report", "errors", "escape", "api"}
IN_WORKER_ONLY = {"torch", "fvcore", "mmengine", "mmcv", "numpy"}


class Findings(NamedTuple):
    """What breaks a rule; module names are relative to the package."""

    worker_imports: list[str]
    foreign_common_imports: list[str]
    cycles: list[list[str]]
    stray_modules: list[str]

    @property
    def broken(self) -> bool:
        """Whether any rule is broken."""
        return any(self)


def read_imports(package: Path) -> dict[str, set[str]]:
    """Map each module below ``package`` to all that it imports, at load time or later."""
    sources = {_module_name(package, file): file for file in package.rglob("*.py")}
    return {name: set(_imports(name, file, set(sources))) for name, file in sources.items()}


def check(imports: Mapping[str, set[str]]) -> Findings:
    """Hold an import graph against the rules."""
    host = [name for name in imports if not name.startswith((f"{NAME}.worker", f"{NAME}.common"))]
    worker_imports = [
        f"{name} -> {used}"
        for name in host
        for used in sorted(imports[name])
        if (used.split(".")[0] in IN_WORKER_ONLY or f"{used}.".startswith(f"{NAME}.worker.")) and name != f"{NAME}.api"
    ]
    foreign = [
        f"{name} -> {used}"
        for name in imports
        if f"{name}.".startswith(f"{NAME}.common.")
        for used in sorted(imports[name])
        if not f"{used}.".startswith(f"{NAME}.common.")
        and used != NAME
        and used.split(".")[0] not in {*sys.stdlib_module_names, "tabulate"}
    ]
    own = {name: {used for used in found if used in imports} for name, found in imports.items()}
    folders_graph = _by_folder(own)
    top = {name.removeprefix(NAME).lstrip(".") for name in imports if name.count(".") <= 1}
    folders = {name.split(".")[1] for name in imports if name.count(".") > 1}
    return Findings(
        worker_imports, foreign, [*find_cycles(own), *find_cycles(folders_graph)], sorted(top - folders - TOP_LEVEL)
    )


def find_cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one module. Source: Tarjan 1972."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for used in sorted(graph[name]):
            if used not in order:
                visit(used)
                low[name] = min(low[name], low[used])
            elif used in stack:
                low[name] = min(low[name], order[used])
        if low[name] == order[name]:
            component = [stack.pop()]
            while component[-1] != name:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


def _by_folder(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    folder_of = {name: ".".join(name.split(".")[:2]) for name in graph}
    folders: dict[str, set[str]] = {folder: set() for folder in folder_of.values()}
    for name, used in graph.items():
        folders[folder_of[name]] |= {folder_of[one] for one in used} - {NAME, folder_of[name]}
    return folders


def _module_name(package: Path, file: Path) -> str:
    parts = [NAME, *file.relative_to(package).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, file: Path, known: set[str]) -> Iterator[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in known else base


def main() -> int:
    """Print the findings."""
    imports = read_imports(PACKAGE)
    found = check(imports)
    print(f"{len(imports)} modules")
    print(f"{len(found.worker_imports)} host modules that import torch or worker/", *found.worker_imports, sep="\n  ")
    print(f"{len(found.foreign_common_imports)} foreign imports in common/", *found.foreign_common_imports, sep="\n  ")
    print(f"{len(found.cycles)} import cycles", *(" <-> ".join(cycle) for cycle in found.cycles), sep="\n  ")
    print(f"{len(found.stray_modules)} stray top-level modules", *found.stray_modules, sep="\n  ")
    return int(found.broken)


if __name__ == "__main__":
    sys.exit(main())
