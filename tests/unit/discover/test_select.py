"""Selection of targets from changed files."""

from pathlib import Path

import pytest

from model_complexity.discover import Graph, Patterns, Selection, select, select_explicit
from model_complexity.errors import ActionError
from model_complexity.git import ChangedFile
from model_complexity.report import DiscoveryWarning, Target

TREE = {
    "configs/_base_/m.py": "",
    "configs/_base_/n.py": "_base_ = 'm.py'",
    "configs/a.py": "_base_ = '_base_/m.py'",
    "configs/b.py": "_base_ = '_base_/n.py'",
    "configs/c.py": "_base_ = 'b.py'",
    "configs/d.py": "",
    "configs/e.yaml": "_base_: c.py",
    "configs/metafile.yml": "Models: []",
    "configs/__init__.py": "",
    "tools/x.py": "",
}


def write_files(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def graph(tmp_path: Path) -> Graph:
    return Graph.of_tree(write_files(tmp_path / "head", TREE), Patterns().matches)


def modified(*paths: str) -> list[ChangedFile]:
    return [ChangedFile(path, path, "modified") for path in paths]


def inherited(path: str, through: str) -> Target:
    return Target(config=path, base_config=path, reason="inherited", through=through)


def test_changed_base_selects_its_dependents_nearest_first(graph: Graph) -> None:
    assert select(modified("configs/_base_/m.py"), graph, Patterns(), 20) == Selection(
        (
            inherited("configs/a.py", "configs/_base_/m.py"),
            inherited("configs/b.py", "configs/_base_/m.py"),
            inherited("configs/c.py", "configs/_base_/m.py"),
            inherited("configs/e.yaml", "configs/_base_/m.py"),
        )
    )


def test_direct_changes_precede_inherited_ones_with_their_nearest_change(graph: Graph) -> None:
    assert select(modified("configs/c.py", "configs/_base_/m.py", "tools/x.py"), graph, Patterns(), 20).targets == (
        Target(config="configs/c.py", base_config="configs/c.py", reason="modified"),
        inherited("configs/a.py", "configs/_base_/m.py"),
        inherited("configs/e.yaml", "configs/c.py"),
        inherited("configs/b.py", "configs/_base_/m.py"),
    )


def test_direct_change_has_its_reason(graph: Graph) -> None:
    changed = [
        ChangedFile("configs/d.py", "configs/old.py", "renamed"),
        ChangedFile("configs/c.py", "tools/c.py", "renamed"),
        ChangedFile("tools/x.py", "configs/x.py", "renamed"),
        ChangedFile("configs/a.py", None, "added"),
        ChangedFile("configs/b.py", None, "copied"),
        ChangedFile(None, "configs/gone.py", "deleted"),
        ChangedFile(None, "configs/gone.json", "deleted"),
        ChangedFile(None, "configs/_base_/gone.py", "deleted"),
        *modified("configs/metafile.yml", "configs/__init__.py", "configs/e.yaml", "README.md"),
    ]
    assert select(changed, graph, Patterns(), 20).targets == (
        Target(config="configs/a.py", base_config=None, reason="added"),
        Target(config="configs/b.py", base_config=None, reason="added"),
        Target(config="configs/c.py", base_config=None, reason="added"),
        Target(config="configs/d.py", base_config="configs/old.py", reason="renamed"),
        Target(config="configs/e.yaml", base_config="configs/e.yaml", reason="modified"),
        Target(config=None, base_config="configs/gone.py", reason="deleted"),
        Target(config=None, base_config="configs/x.py", reason="deleted"),
    )


def test_renamed_base_selects_configs_that_use_its_old_path(graph: Graph) -> None:
    changed = [ChangedFile("configs/_base_/o.py", "configs/_base_/n.py", "renamed")]
    assert [target.name for target in select(changed, graph, Patterns(), 20).targets] == [
        "configs/b.py",
        "configs/c.py",
        "configs/e.yaml",
    ]


def test_deleted_data_is_a_target_if_it_was_a_config_at_the_merge_base(graph: Graph, tmp_path: Path) -> None:
    base = write_files(tmp_path / "base", {"configs/x.json": '{"model": {}}', "configs/y.yml": "Models: []"})
    changed = [ChangedFile(None, f"configs/{name}", "deleted") for name in ("x.json", "y.yml", "z.json")]
    assert select(changed, graph, Patterns(), 20, base).targets == (
        Target(config=None, base_config="configs/x.json", reason="deleted"),
    )


def test_max_configs_keeps_the_order_and_lists_the_rest(graph: Graph) -> None:
    changed = modified("configs/d.py", "configs/_base_/m.py")
    everything = select(changed, graph, Patterns(), 20).targets
    assert len(everything) == 5
    for max_configs in range(6):
        assert select(changed, graph, Patterns(), max_configs) == Selection(
            everything[:max_configs], everything[max_configs:]
        )


def test_excluded_config_is_no_target_and_has_dependents(tmp_path: Path) -> None:
    patterns = Patterns.parse("configs/**\n!configs/b.py")
    graph = Graph.of_tree(write_files(tmp_path, TREE), patterns.matches)
    assert [target.name for target in select(modified("configs/b.py"), graph, patterns, 20).targets] == [
        "configs/c.py",
        "configs/e.yaml",
    ]


def test_warnings_concern_targets_and_their_ancestors_only(tmp_path: Path) -> None:
    files = {
        "configs/_base_/m.py": "_base_ = f()",
        "configs/a.py": "_base_ = '_base_/m.py'",
        "configs/b.py": "_base_ = 'a.py'",
        "configs/unrelated.py": "_base_ = f()",
    }
    graph = Graph.of_tree(write_files(tmp_path, files), Patterns().matches)
    message = "the bases of {} cannot be read without running it: `_base_` contains a call"
    assert len(graph.warnings) == 2
    assert select(modified("configs/b.py"), graph, Patterns(), 20).warnings == (
        DiscoveryWarning(config="configs/_base_/m.py", message=message.format("m.py")),
    )
    assert select(modified("configs/unrelated.py"), graph, Patterns(), 20).warnings == (
        DiscoveryWarning(config="configs/unrelated.py", message=message.format("unrelated.py")),
    )
    assert select(modified("configs/b.py"), graph, Patterns(), 0).warnings == ()


def test_path_that_is_not_utf8_has_a_warning(graph: Graph) -> None:
    odd = Graph({**graph.edges, "configs/d.py": ("configs/_base_/\udcff.py",)}, graph.configs)
    assert select(modified("configs/\udcff.py", "configs/_base_/\udcff.py"), odd, Patterns(), 20) == Selection(
        (inherited("configs/d.py", "configs/_base_/\\udcff.py"),),
        warnings=(
            DiscoveryWarning(
                config="configs/\\udcff.py", message="the file's name is not UTF-8, so it is not measured"
            ),
        ),
    )


def test_incomplete_graph_has_a_warning_without_targets(graph: Graph) -> None:
    left_out = DiscoveryWarning(config=".", message="the rest was not read")
    assert select([], Graph(graph.edges, graph.configs, (), (left_out,)), Patterns(), 20) == Selection(
        warnings=(left_out,)
    )


def test_warnings_beyond_the_limit_are_counted(graph: Graph) -> None:
    warnings = tuple(DiscoveryWarning(config="configs/d.py", message=str(number)) for number in range(105))
    found = select(modified("configs/d.py"), Graph(graph.edges, graph.configs, warnings), Patterns(), 20).warnings
    assert found == (*warnings[:100], DiscoveryWarning(config=".", message="5 more warnings are not listed"))


def test_explicit_selection_matches_paths_and_globs(graph: Graph, tmp_path: Path) -> None:
    base = write_files(tmp_path / "base", {"configs/a.py": ""})
    assert select_explicit("configs/[ad].py\nconfigs/none.py, configs/_base_/m.py", graph, 1, base) == Selection(
        (Target(config="configs/a.py", base_config="configs/a.py", reason="requested"),),
        (Target(config="configs/d.py", base_config=None, reason="requested"),),
        (
            DiscoveryWarning(config="configs/none.py", message="no config matches this pattern"),
            DiscoveryWarning(config="configs/_base_/m.py", message="base files are not measured on their own"),
        ),
    )
    with pytest.raises(ActionError, match=r"No config matches 'configs/none\.py configs/no/"):
        select_explicit("configs/none.py\nconfigs/no/", graph, 1)
