"""Discovery of all configs of mmpretrain: the graph is mmengine's, and nothing is executed."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from model_complexity.discover import Graph, Patterns, is_base, select
from model_complexity.git import ChangedFile

ROOT = Path(__file__).parents[2]
WORKER_PYTHON = ROOT / ".venv" / "worker" / "bin" / "python"
WHERE = "import importlib.util as u; print(u.find_spec('mmpretrain').submodule_search_locations[0])"
MMENGINE = """
import json, os, sys
from mmengine.config import Config

bases_by_path = {}
for folder, _, files in os.walk('configs'):
    for file in files:
        path = os.path.join(folder, file)
        if path.endswith('.py'):
            bases = [base for base in Config._get_base_files(path) if '::' not in base]  # other packages'
            bases_by_path[path] = [os.path.normpath(Config._get_cfg_path(base, path)[0]) for base in bases]
json.dump(bases_by_path, sys.stdout)
"""


@pytest.fixture(scope="module")
def zoo() -> Path:
    done = subprocess.run([str(WORKER_PYTHON), "-c", WHERE], capture_output=True, text=True, check=True)
    return Path(done.stdout.strip(), ".mim")


@pytest.fixture(scope="module")
def graph(zoo: Path) -> Graph:
    return Graph.of_tree(zoo, Patterns.parse("").matches)


def test_graph_has_all_configs(graph: Graph) -> None:
    assert (len(graph.edges), sum(map(is_base, graph.edges)), len(graph.configs), graph.warnings) == (846, 308, 538, ())


def test_bases_are_those_of_mmengine(zoo: Path, graph: Graph) -> None:
    done = subprocess.run(
        [str(WORKER_PYTHON), "-W", "ignore", "-c", MMENGINE], cwd=zoo, capture_output=True, text=True, check=True
    )
    expected = json.loads(done.stdout)
    assert len(expected) == 846
    assert {path: list(graph.bases(path)) for path in graph.edges} == expected


def test_changed_base_selects_hundreds_of_configs(graph: Graph) -> None:
    runtime = "configs/_base_/default_runtime.py"
    own = "configs/resnet/resnet50_8xb32_in1k.py"
    changed = (ChangedFile(runtime, runtime, "modified"), ChangedFile(own, own, "modified"))
    selection = select(changed, graph, Patterns.parse(""), max_configs=20)
    assert (len(selection.targets), len(selection.not_measured)) == (20, 498)
    assert (selection.targets[0].name, selection.targets[0].reason) == (own, "modified")
    assert {(target.reason, target.through) for target in selection.targets[1:]} == {("inherited", runtime)}


def test_discovery_executes_nothing(zoo: Path) -> None:
    """The script counts executed files of the tree with an audit hook."""
    command = [str(ROOT / ".venv/host/bin/python"), str(ROOT / "scripts/benchmarks/discover.py"), str(zoo)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["executed"] == []
