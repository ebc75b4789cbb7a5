"""The import rules: the checker on made-up graphs and packages, and the package itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from scripts.lib.architecture import NAME, PACKAGE, Findings, check, find_cycles, read_imports

CLEAN = Findings([], [], [], [], [])


def graph(**imports: str) -> dict[str, set[str]]:
    """An import graph from names below the package, ``__`` for a dot; a name that starts with ``.`` is in the package too."""
    return {
        NAME: set(),
        **{
            f"{NAME}.{name.replace('__', '.')}": {f"{NAME}{used}" if used[0] == "." else used for used in text.split()}
            for name, text in imports.items()
        },
    }


def test_package_breaks_no_rule() -> None:
    assert check(read_imports(PACKAGE)) == CLEAN


def test_allowed_imports_are_no_findings() -> None:
    imports = graph(
        cli=".run pydantic",
        run=".common.shapes",
        common__shapes=".common.failures re tabulate",
        common__failures="json",
        worker__main="torch .common.shapes numpy",
    )
    assert check(imports) == CLEAN
    assert not CLEAN.broken


@pytest.mark.parametrize("used", ["torch", "torch.nn", "fvcore.nn", "mmengine", "numpy", ".worker", ".worker.main"])
def test_worker_import_is_found_in_the_host(used: str) -> None:
    found = check(graph(run=used, worker="", worker__main="torch"))
    name = f"{NAME}{used}" if used[0] == "." else used
    assert found == Findings([f"{NAME}.run -> {name}"], [], [], [], [])
    assert found.broken


@pytest.mark.parametrize("used", [".report", ".sandbox.runner"])
def test_host_import_is_found_in_the_worker(used: str) -> None:
    found = check(graph(worker="", worker__job=used, report="", sandbox="", sandbox__runner=""))
    assert found == Findings([], [f"{NAME}.worker.job -> {NAME}{used}"], [], [], [])


def test_name_that_only_begins_like_the_worker_is_allowed() -> None:
    assert check(graph(sandbox__runner=".workers torchless", sandbox="")).worker_imports == []
    assert check(graph(workers="torch")).worker_imports == [f"{NAME}.workers -> torch"]


def test_api_may_import_the_worker() -> None:
    assert check(graph(api=".worker.job torch", worker="", worker__job="torch")) == CLEAN


@pytest.mark.parametrize("used", [".report", "pydantic", "torch"])
def test_foreign_import_is_found_in_common(used: str) -> None:
    found = check(graph(common="", common__shapes=used, report=""))
    name = f"{NAME}{used}" if used[0] == "." else used
    assert found == Findings([], [], [f"{NAME}.common.shapes -> {name}"], [], [])


def test_cycle_of_modules_is_found() -> None:
    found = check(graph(cli=".run", run=".report", report=".cli"))
    assert found.cycles[0] == [f"{NAME}.cli", f"{NAME}.report", f"{NAME}.run"]


def test_cycle_of_folders_is_found_without_a_cycle_of_modules() -> None:
    imports = graph(git__tree=".discover.globs", discover__globs="", discover__select=".git.changes", git__changes="")
    assert check(imports).cycles == [[f"{NAME}.discover", f"{NAME}.git"]]


def test_stray_module_is_found_at_the_top_level() -> None:
    assert check(graph(utils="", git="", git__tree="")) == Findings([], [], [], [], ["utils"])


def test_find_cycles_returns_strongly_connected_components() -> None:
    edges = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": {"d"}, "e": {"f"}, "f": {"a", "e"}}
    assert find_cycles(edges) == [["b", "c"], ["e", "f"]]


def test_read_imports_resolves_relative_imports_and_finds_late_ones(tmp_path: Path) -> None:
    files = {
        "__init__.py": "",
        "run.py": "import os.path\nfrom . import report\nfrom .git.tree import Tree\n",
        "report.py": "def load():\n    from model_complexity.git import tree\n    import yaml as y\n",
        "git/__init__.py": "from .tree import Tree\nfrom .. import errors\n",
        "git/tree.py": "from ..report import Report\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert read_imports(tmp_path) == graph(
        run="os.path .report .git.tree", report=".git.tree yaml", git__tree=".report"
    ) | {f"{NAME}.git": {f"{NAME}.git.tree", NAME}}
