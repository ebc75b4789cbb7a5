"""From changed files to targets: which configs are measured, why, and which are only listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from model_complexity.discover.globs import Pattern, Patterns, is_base
from model_complexity.discover.graph import Graph, contents_of, printable, problem
from model_complexity.errors import ActionError
from model_complexity.git import ChangedFile, SourceTree, UnreadableFileError
from model_complexity.report import DiscoveryWarning, Target

_MAX_PROBLEMS: Final = 100


@dataclass(frozen=True)
class SelectionRequest:
    """What to select: configs that match ``explicit``, or changed ones that match ``patterns``, ``max_configs`` at most."""

    patterns: Patterns
    explicit: str | None
    max_configs: int


@dataclass(frozen=True)
class Selection:
    """What is measured, what is only listed for lack of room, and what could not be read about the former."""

    targets: tuple[Target, ...] = ()
    not_measured: tuple[Target, ...] = ()
    warnings: tuple[DiscoveryWarning, ...] = ()
    notes: tuple[str, ...] = ()


def select(
    changed: Iterable[ChangedFile], graph: Graph, patterns: Patterns, max_configs: int, base_tree: Path | None = None
) -> Selection:
    """Chooses the configs that a change touches.

    Directly changed configs come first, by path; then those that inherit from a changed file, by distance and path.
    Each config is chosen once, and of the two reasons the first.

    Args:
        changed: what differs between the merge base and head.
        graph: the configs at head.
        patterns: where configs are.
        max_configs: how many are measured; the rest is listed in ``not_measured``.
        base_tree: the merge base's files. They tell whether a deleted .json or .yaml was a config; without them it
            was none.
    """
    changes = tuple(changed)
    before = _MergeBaseConfigs(patterns, None if base_tree is None else SourceTree.at(base_tree))
    direct = {target.name: target for target in _direct(changes, graph, patterns, before)}
    targets = [direct[name] for name in sorted(direct)]
    targets += (target for target in _inherited(changes, graph, patterns) if target.name not in direct)
    unnamed = [
        problem(path, "the file's name is not UTF-8: it is not measured")
        for change in changes
        for path in change.paths
        if patterns.selects(path) and path != printable(path)
    ]
    return _selection(targets, graph, max_configs, unnamed)


def select_explicit(text: str, graph: Graph, max_configs: int, base_tree: Path | None = None) -> Selection:
    """Chooses the configs that were named by hand, by path, each with the reason ``select_explicit``.

    Args:
        text: paths or globs as in `Patterns`; excludes work too.
        graph: the configs at head; its ``is_config`` must have let pass what is asked for (``Patterns.parse(text)``).
        max_configs: how many are measured; the rest is listed in ``not_measured``.
        base_tree: the merge base's files, if it is to be measured as well.

    Raises:
        ActionError: a pattern is malformed, or no config matches any of them.
    """
    patterns = Patterns.parse(text)
    names = sorted(path for path in graph.configs if patterns.matches(path))
    if not names:
        raise ActionError(
            f"No config matches what was asked for: {printable(' '.join(text.split()))[:200]}",
            "Give the path from the repository's root, or a glob such as configs/resnet/**.",
        )
    base = None if base_tree is None else SourceTree.at(base_tree)
    targets = [
        Target(config=name, base_config=name if base and _holds(base, name) else None, reason="requested")
        for name in names
    ]
    unmatched = [_unmatched(rule) for rule in patterns.rules if rule.include and not any(map(rule.matches, names))]
    return _selection(targets, graph, max_configs, unmatched)


def _unmatched(rule: Pattern) -> DiscoveryWarning:
    base = "it is a base file, which is never measured by itself"
    return problem(rule.text, base if is_base(rule.text) else "no config matches this")


@dataclass(frozen=True)
class _MergeBaseConfigs:
    """Says whether a path was a config at the merge base, whose tree may not be there."""

    patterns: Patterns
    tree: SourceTree | None

    def contains(self, path: str, *, default: bool) -> bool:
        """``default`` is the answer where only the content could tell, and it is not there."""
        if not self.patterns.selects(path) or path != printable(path):
            return False
        if path.endswith(".py"):
            return True
        if self.tree is None:
            return default
        try:
            content = self.tree.read(path)
        except UnreadableFileError:
            return False
        return content is not None and contents_of(path, content).is_config


def _direct(
    changes: Iterable[ChangedFile], graph: Graph, patterns: Patterns, before: _MergeBaseConfigs
) -> Iterator[Target]:
    for change in changes:
        path = change.path if change.path in graph.configs and patterns.matches(change.path) else None
        base = change.base_path
        if base is not None and not before.contains(base, default=path is not None):
            base = None
        if path is not None or base is not None:
            yield Target(config=path, base_config=base, reason=_reason(path, base))


def _reason(path: str | None, base: str | None) -> Literal["added", "modified", "renamed", "deleted"]:
    if base is None:
        return "added"
    if path is None:
        return "deleted"
    return "modified" if path == base else "renamed"


def _inherited(changes: Iterable[ChangedFile], graph: Graph, patterns: Patterns) -> Iterator[Target]:
    """Yields the configs that reach a changed file, the nearest first."""
    reached = graph.reached_from(path for change in changes for path in change.paths)
    for path, reach in sorted(reached.items(), key=lambda item: (item[1].distance, item[0])):
        if path in graph.configs and patterns.matches(path):
            yield Target(config=path, base_config=path, reason="inherited", through=printable(reach.through))


def _selection(targets: list[Target], graph: Graph, max_configs: int, warnings: list[DiscoveryWarning]) -> Selection:
    """Cuts at the cap, and adds the problems of what is measured and of the files that it inherits from."""
    chosen = tuple(targets[: max(max_configs, 0)])
    paths = {target.config for target in chosen if target.config is not None}
    concerned = paths.union(*(graph.ancestors(path) for path in paths))
    names = {printable(path) for path in concerned}
    found = [*warnings, *(each for each in graph.warnings if each.config in names)]
    if len(found) > _MAX_PROBLEMS:
        more = problem(".", f"{len(found) - _MAX_PROBLEMS:,} more problems are not listed")
        found = [*found[:_MAX_PROBLEMS], more]
    return Selection(chosen, tuple(targets[len(chosen) :]), (*graph.incomplete, *found))


def _holds(tree: SourceTree, path: str) -> bool:
    try:
        return tree.read(path) is not None
    except UnreadableFileError:
        return True  # it is there, whatever it is
