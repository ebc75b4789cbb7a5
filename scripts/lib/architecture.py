#!/usr/bin/env python3
"""Check the package's import rules (docs/architecture.md). Exit code 1 if a rule is broken.

Nothing outside ``worker/`` imports it or torch. ``common/`` imports only the standard library and tabulate. There is no import
cycle between modules or folders. The package's top level has only the modules named here.
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
    """The violations of each rule."""

    worker_imports: list[str]
    host_imports: list[str]
    foreign_common_imports: list[str]
    cycles: list[list[str]]
    stray_modules: list[str]

    @property
    def broken(self) -> bool:
        """Whether any rule is broken."""
        return any(self)


def read_imports(package: Path) -> dict[str, set[str]]:
    """Map each module below ``package`` to its imports, those inside functions too."""
    sources = {_module_name(package, file): file for file in package.rglob("*.py")}
    return {name: set(_imports(name, file, set(sources))) for name, file in sources.items()}


def check(imports: Mapping[str, set[str]]) -> Findings:
    """Return the violations in an import graph."""
    host = [name for name in imports if not f"{name}.".startswith((f"{NAME}.worker.", f"{NAME}.common."))]
    worker_imports = [
        f"{name} -> {used}"
        for name in host
        for used in sorted(imports[name])
        if (used.split(".")[0] in IN_WORKER_ONLY or f"{used}.".startswith(f"{NAME}.worker.")) and name != f"{NAME}.api"
    ]
    host_imports = [
        f"{name} -> {used}"
        for name in imports
        if f"{name}.".startswith(f"{NAME}.worker.")
        for used in sorted(imports[name])
        if used in host and used != NAME
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
    own = {name: {used for used in targets if used in imports} for name, targets in imports.items()}
    top = {name.removeprefix(NAME).lstrip(".") for name in imports if name.count(".") <= 1}
    folders = {name.split(".")[1] for name in imports if name.count(".") > 1}
    return Findings(
        worker_imports,
        host_imports,
        foreign,
        [*find_cycles(own), *find_cycles(_by_folder(own))],
        sorted(top - folders - TOP_LEVEL),
    )


def find_cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected components of more than one module. Source: Tarjan 1972."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    cycles: list[list[str]] = []

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
                cycles.append(sorted(component))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return cycles


def _by_folder(graph: Mapping[str, set[str]]) -> dict[str, set[str]]:
    folder_of = {name: ".".join(name.split(".")[:2]) for name in graph}
    folders: dict[str, set[str]] = {folder: set() for folder in folder_of.values()}
    for name, used in graph.items():
        folders[folder_of[name]] |= {folder_of[target] for target in used} - {NAME, folder_of[name]}
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
    """Print the violations."""
    imports = read_imports(PACKAGE)
    findings = check(imports)
    print(f"{len(imports)} modules")
    print(
        f"{len(findings.worker_imports)} host modules that import torch or worker/",
        *findings.worker_imports,
        sep="\n  ",
    )
    print(
        f"{len(findings.host_imports)} host imports in worker/",
        *findings.host_imports,
        sep="\n  ",
    )
    print(
        f"{len(findings.foreign_common_imports)} foreign imports in common/",
        *findings.foreign_common_imports,
        sep="\n  ",
    )
    print(f"{len(findings.cycles)} import cycles", *(" <-> ".join(cycle) for cycle in findings.cycles), sep="\n  ")
    print(f"{len(findings.stray_modules)} stray top-level modules", *findings.stray_modules, sep="\n  ")
    return int(findings.broken)


if __name__ == "__main__":
    sys.exit(main())
