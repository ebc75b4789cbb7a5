"""The inheritance graph of small trees."""

import os
import random
import sys
from pathlib import Path

import pytest

from model_complexity.discover import Graph, Patterns
from model_complexity.discover.graph import Dependency
from model_complexity.git import SourceTree


def write_files(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


def read_graph(root: Path, files: dict[str, str], configs: str = "") -> Graph:
    return Graph.of_tree(write_files(root, files), Patterns.parse(configs).matches)


def warnings_of(graph: Graph) -> list[tuple[str, str]]:
    return [(warning.config, warning.message) for warning in graph.warnings]


def test_graph_has_the_bases_of_all_formats(tmp_path: Path) -> None:
    graph = read_graph(
        tmp_path,
        {
            "configs/_base_/m.py": "model = dict()",
            "configs/_base_/d.yml": "data: 1",
            "configs/a.py": "_base_ = ['_base_/m.py', '_base_/d.yml']",
            "configs/b.json": '{"_base_": "a.py"}',
            "configs/c.yaml": "_base_: b.json",
            "configs/n/d.py": "with read_base():\n    from .._base_.m import *\n    from .. import a",
            "configs/n/e.py": "with read_base():\n    from .._base_ import m",
            "configs/n/__init__.py": "",
            "configs/metafile.yml": "Models: []",
            "configs/README.md": "_base_",
            "src/other.py": "_base_ = f()",
            ".git/configs/x.py": "_base_ = f()",
        },
    )
    assert graph == Graph(
        edges={
            "configs/_base_/m.py": (),
            "configs/a.py": ("configs/_base_/m.py", "configs/_base_/d.yml"),
            "configs/b.json": ("configs/a.py",),
            "configs/c.yaml": ("configs/b.json",),
            "configs/n/__init__.py": (),
            "configs/n/d.py": ("configs/_base_/m.py", "configs/a.py"),
            "configs/n/e.py": ("configs/_base_.py", "configs/_base_/m.py", "configs/_base_/__init__.py"),
        },
        configs=frozenset(f"configs/{name}" for name in ("a.py", "b.json", "c.yaml", "n/d.py", "n/e.py")),
    )
    assert graph.bases("configs/b.json") == ("configs/a.py",)
    assert graph.dependents("configs/_base_/m.py") == {
        "configs/a.py": 1,
        "configs/n/d.py": 1,
        "configs/n/e.py": 1,
        "configs/b.json": 2,
        "configs/c.yaml": 3,
    }
    assert graph.ancestors("configs/c.yaml") == {
        "configs/b.json",
        "configs/a.py",
        "configs/_base_/m.py",
        "configs/_base_/d.yml",
    }


def test_missing_base_keeps_its_dependents(tmp_path: Path) -> None:
    files = {
        "configs/a.py": "_base_ = 'gone.py'",
        "configs/b.py": "with read_base():\n    from ._base_ import gone, here",
        "configs/_base_/here.py": "",
    }
    graph = read_graph(tmp_path, files)
    assert graph.dependents("configs/gone.py") == {"configs/a.py": 1}
    assert graph.dependents("configs/_base_/gone.py") == {"configs/b.py": 1}
    assert graph.warnings == ()


def test_bases_outside_the_config_folders_are_read(tmp_path: Path) -> None:
    files = {
        "configs/a.py": "_base_ = '../common/b.py'",
        "common/b.py": "_base_ = 'c.py'",
        "common/c.py": "",
        "common/unused.py": "_base_ = f()",
    }
    graph = read_graph(tmp_path, files)
    assert graph.configs == {"configs/a.py"}
    assert graph.dependents("common/c.py") == {"common/b.py": 1, "configs/a.py": 2}
    assert graph.warnings == ()


def test_base_of_a_package_resolves_only_if_the_package_is_in_the_repository(tmp_path: Path) -> None:
    files = {
        "mine/__init__.py": "",
        "mine/configs/m.py": "",
        "configs/b.py": "",
        "configs/a.py": "_base_ = ['mine::b.py', 'mmdet::b.py']",
        "configs/c.py": "with read_base():\n    from mine.configs.m import *\n    from mmdet.configs.m import *",
    }
    graph = read_graph(tmp_path, files)
    assert graph.bases("configs/a.py") == ("configs/b.py",)
    assert graph.bases("configs/c.py") == ("mine/configs/m.py",)
    assert graph.warnings == ()


def test_own_package_does_not_resolve_without_a_configs_folder(tmp_path: Path) -> None:
    graph = read_graph(tmp_path, {"mine/__init__.py": "", "nets/a.py": "_base_ = 'mine::b.py'"}, "nets/**")
    assert graph.bases("nets/a.py") == ()


def test_cycle_has_finite_dependents_and_ancestors(tmp_path: Path) -> None:
    graph = read_graph(tmp_path, {f"configs/{a}.py": f"_base_ = '{b}.py'" for a, b in ("ab", "bc", "ca", "dd")})
    assert graph.dependents("configs/a.py") == {"configs/c.py": 1, "configs/b.py": 2}
    assert graph.dependents("configs/d.py") == {}
    assert graph.ancestors("configs/a.py") == {"configs/a.py", "configs/b.py", "configs/c.py"}


def test_dependencies_agree_with_a_search_from_each_config() -> None:
    choose = random.Random(2)  # noqa: S311
    for _ in range(300):
        nodes = [f"{number}.py" for number in range(12)]
        edges = {node: tuple(choose.sample(nodes, choose.randint(0, 3))) for node in nodes}
        graph = Graph(edges, frozenset(nodes))
        changed = set(choose.sample(nodes, choose.randint(0, 3)))
        assert graph.dependencies_on(changed) == {
            node: dependency for node in nodes if node not in changed and (dependency := nearest(edges, node, changed))
        }


def nearest(edges: dict[str, tuple[str, ...]], node: str, changed: set[str]) -> Dependency | None:
    level, seen, distance = {node}, {node}, 0
    while level:
        if level & changed:
            return Dependency(distance, min(level & changed))
        level = {base for each in level for base in edges[each]} - seen
        seen |= level
        distance += 1
    return None


def test_symbolic_links_are_followed_inside_the_tree_only(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text("_base_ = 'stolen.py'")
    root = write_files(
        tmp_path / "repo", {"configs/n/a.py": "_base_ = 'b.py'", "configs/n/b.py": "", ".git/x.py": "_base_ = 'y.py'"}
    )
    links = {
        "in.py": "n/a.py",
        "out.py": "../../secret.py",
        "nowhere.py": "none.py",
        "loop.py": "loop.py",
        "git.py": "../.git/x.py",
    }
    for name, target in links.items():
        (root / "configs" / name).symlink_to(target)
    (root / "configs/folder").symlink_to(tmp_path)
    (root / "configs/same").symlink_to("n")
    (root / "configs/c.py").write_text("_base_ = ['folder/secret.py', 'same/a.py']")
    graph = Graph.of_tree(root, Patterns().matches)
    assert graph.bases("configs/in.py") == ("configs/b.py", "configs/n/a.py")
    assert graph.dependents("configs/n/b.py") == {
        "configs/n/a.py": 1,
        "configs/in.py": 2,
        "configs/same/b.py": 1,
        "configs/same/a.py": 2,
        "configs/c.py": 3,
    }
    assert not {"configs/same/a.py", "configs/same/b.py", "configs/folder/secret.py"} & graph.configs
    assert "stolen" not in str(graph)
    assert "y.py" not in str(graph)
    assert warnings_of(graph) == [
        ("configs/git.py", "git.py is a symbolic link out of the repository"),
        ("configs/loop.py", "loop.py cannot be opened: Too many levels of symbolic links"),
        ("configs/nowhere.py", "nowhere.py is a broken symbolic link"),
        ("configs/out.py", "out.py is a symbolic link out of the repository"),
        ("configs/folder/secret.py", "secret.py is a symbolic link out of the repository"),
    ]


def test_unreadable_file_has_a_warning(tmp_path: Path) -> None:
    root = write_files(tmp_path, {"configs/big.py": "#" * (2**20 + 1), "configs/fine.py": "#" * 2**20})
    (root / "configs/latin.py").write_bytes(b"_base_ = 'caf\xe9.py'")
    (root / "configs/mark.py").write_bytes(b"\xef\xbb\xbf_base_ = 'fine.py'")
    os.mkfifo(root / "configs/pipe.py")
    (root / os.fsdecode(b"configs/\xff.py")).write_text("_base_ = 'fine.py'")
    graph = Graph.of_tree(root, Patterns().matches)
    assert warnings_of(graph) == [
        ("configs/big.py", "big.py is larger than 1,048,576 bytes"),
        ("configs/latin.py", "latin.py is not UTF-8"),
        ("configs/pipe.py", "pipe.py is not a regular file"),
    ]
    assert graph.configs == {f"configs/{name}.py" for name in ("big", "fine", "latin", "mark", "pipe")}
    assert graph.dependents("configs/fine.py") == {"configs/mark.py": 1, "configs/\udcff.py": 1}


def test_limit_has_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model_complexity.discover.graph.MAX_CONFIGS", 2)
    graph = read_graph(tmp_path, {f"configs/{number}.py": "" for number in range(3)})
    assert graph.configs == {"configs/0.py", "configs/1.py"}
    assert [warning.message for warning in graph.incomplete] == [
        "the repository has more than 2 configs, 64 MiB of them, or 200,000 bases, so the rest was not read"
    ]


def test_scan_is_incomplete_when_the_tree_exceeds_the_limit(tmp_path: Path) -> None:
    write_files(tmp_path, {f"configs/{number}.py": "" for number in range(5)})
    assert SourceTree.scan(tmp_path, (".py",), max_entries=3).complete is False
    assert SourceTree.scan(tmp_path, (".py",), max_entries=6).complete is True


def test_graph_executes_and_prints_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    mark = tmp_path / "ran"
    code = f"open({str(mark)!r}, 'w').write('x')"
    files = {
        "configs/a.py": f"_base_ = {code}",
        "configs/b.py": f"_base_ = 'a.py'\nx = '\\d'\n{code}",
        "configs/c.py": f"with read_base():\n    from .b import *\n{code}",
        "configs/d.yaml": f"_base_: !!python/object/apply:exec [{code!r}]",
    }
    before = set(sys.modules)
    graph = read_graph(tmp_path / "repo", files)
    assert not mark.exists()
    assert set(sys.modules) == before
    assert capfd.readouterr() == ("", "")
    assert warnings_of(graph) == [
        ("configs/a.py", "the bases of a.py cannot be read without running it: `_base_` contains a call"),
        (
            "configs/d.yaml",
            "d.yaml has a `_base_` in line 1 that is not a path or a list of paths",
        ),
    ]
