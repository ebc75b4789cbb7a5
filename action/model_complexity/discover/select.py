"""From changed files to targets: which configs are measured and why, and which exceed the limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from model_complexity.discover.globs import Pattern, Patterns, is_base
from model_complexity.discover.graph import Graph, contents_of, discovery_warning, printable
from model_complexity.errors import ActionError
from model_complexity.git import ChangedFile, SourceTree, UnreadableFileError
from model_complexity.report import DiscoveryWarning, Target

_MAX_WARNINGS: Final = 100


@dataclass(frozen=True)
class SelectionRequest:
    """What to select: configs that match ``explicit``, or changed ones that match ``patterns``, ``max_configs`` at most."""

    patterns: Patterns
    explicit: str | None
    max_configs: int


@dataclass(frozen=True)
class Selection:
    """The configs to measure, those beyond the limit, and warnings about the former."""

    targets: tuple[Target, ...] = ()
    not_measured: tuple[Target, ...] = ()
    warnings: tuple[DiscoveryWarning, ...] = ()
    notes: tuple[str, ...] = ()


def select(
    changed: Iterable[ChangedFile], graph: Graph, patterns: Patterns, max_configs: int, base_tree: Path | None = None
) -> Selection:
    """Select the configs that a change affects.

    Directly changed configs come first, by path; then those that inherit from a changed file, by distance and path.
    Each config is selected once, with the first of its reasons.

    Args:
        changed: what differs between the merge base and head.
        graph: the configs at head.
        patterns: where configs are.
        max_configs: the most configs to measure; the rest is in ``not_measured``.
        base_tree: the merge base's files. Without them a deleted .json or .yaml does not count as a config.
    """
    changes = tuple(changed)
    before = _MergeBaseConfigs(patterns, None if base_tree is None else SourceTree.at(base_tree))
    direct = {target.name: target for target in _direct(changes, graph, patterns, before)}
    targets = [direct[name] for name in sorted(direct)]
    targets += (target for target in _inherited(changes, graph, patterns) if target.name not in direct)
    unnamed = [
        discovery_warning(path, "the file's name is not UTF-8, so it is not measured")
        for change in changes
        for path in change.paths
        if patterns.selects(path) and path != printable(path)
    ]
    return _selection(targets, graph, max_configs, unnamed)


def select_explicit(text: str, graph: Graph, max_configs: int, base_tree: Path | None = None) -> Selection:
    """Select configs by paths or globs, ordered by path, with the reason ``requested``.

    Args:
        text: paths or globs as in `Patterns`, excludes too.
        graph: the configs at head, read with ``Patterns.parse(text)``.
        max_configs: the most configs to measure; the rest is in ``not_measured``.
        base_tree: the merge base's files, if it is measured too.

    Raises:
        ActionError: a pattern is malformed, or no config matches any of them.
    """
    patterns = Patterns.parse(text)
    names = sorted(path for path in graph.configs if patterns.matches(path))
    if not names:
        raise ActionError(
            f"No config matches {printable(' '.join(text.split()))[:200]!r}.",
            "Use paths from the repository's root, or globs such as configs/resnet/**.",
        )
    base = None if base_tree is None else SourceTree.at(base_tree)
    targets = [
        Target(config=name, base_config=name if base and _exists(base, name) else None, reason="requested")
        for name in names
    ]
    unmatched = [_unmatched(rule) for rule in patterns.rules if rule.include and not any(map(rule.matches, names))]
    return _selection(targets, graph, max_configs, unmatched)


def _unmatched(rule: Pattern) -> DiscoveryWarning:
    reason = "base files are not measured on their own" if is_base(rule.text) else "no config matches this pattern"
    return discovery_warning(rule.text, reason)


@dataclass(frozen=True)
class _MergeBaseConfigs:
    """The configs at the merge base, whose tree may be missing."""

    patterns: Patterns
    tree: SourceTree | None

    def contains(self, path: str, *, default: bool) -> bool:
        """Return whether a path was a config; ``default`` if that depends on missing content."""
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
    """Yield the configs that inherit from a changed file, the nearest first."""
    dependencies = graph.dependencies_on(path for change in changes for path in change.paths)
    for path, dependency in sorted(dependencies.items(), key=lambda item: (item[1].distance, item[0])):
        if path in graph.configs and patterns.matches(path):
            yield Target(config=path, base_config=path, reason="inherited", through=printable(dependency.through))


def _selection(targets: list[Target], graph: Graph, max_configs: int, warnings: list[DiscoveryWarning]) -> Selection:
    """Apply the limit, and add the warnings about the selected configs and their ancestors."""
    selected = tuple(targets[: max(max_configs, 0)])
    paths = {target.config for target in selected if target.config is not None}
    names = {printable(path) for path in paths.union(*(graph.ancestors(path) for path in paths))}
    relevant = [*warnings, *(warning for warning in graph.warnings if warning.config in names)]
    if len(relevant) > _MAX_WARNINGS:
        more = discovery_warning(".", f"{len(relevant) - _MAX_WARNINGS:,} more warnings are not listed")
        relevant = [*relevant[:_MAX_WARNINGS], more]
    return Selection(selected, tuple(targets[len(selected) :]), (*graph.incomplete, *relevant))


def _exists(tree: SourceTree, path: str) -> bool:
    try:
        return tree.read(path) is not None
    except UnreadableFileError:
        return True  # it exists, readable or not
