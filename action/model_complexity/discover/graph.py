"""The inheritance graph of all configs in a tree. Reads text, executes nothing."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from model_complexity.discover.globs import SUFFIXES, may_be_config
from model_complexity.discover.references import Contents, Reference, display_name, read_references
from model_complexity.git import SourceTree, UnreadableFileError
from model_complexity.report import DiscoveryWarning

MAX_CONFIGS: Final = 20_000
"""The most configs and bases that are read. mmdetection, the largest OpenMMLab repository, has about 900."""
MAX_BYTES: Final = 64 * 2**20
"""The most bytes that are read in total."""
MAX_EDGES: Final = 200_000
"""The most pairs of a file and its base."""
_MAX_WARNINGS: Final = 5
"""The most warnings about one file."""


@dataclass(frozen=True)
class Dependency:
    """The nearest changed file that a file inherits from, and the number of steps to it."""

    distance: int
    through: str


@dataclass(frozen=True)
class Graph:
    """The bases of each config.

    Attributes:
        edges: the bases of every file that was read, in order; a base may be missing in the tree.
        configs: the files that are configs by place, name and content, without ``_base_`` folders.
        warnings: what could not be read. It was not run instead.
        incomplete: limits that were reached; such a warning concerns every config.
    """

    edges: Mapping[str, tuple[str, ...]]
    configs: frozenset[str]
    warnings: tuple[DiscoveryWarning, ...] = ()
    incomplete: tuple[DiscoveryWarning, ...] = ()

    @classmethod
    def of_tree(cls, root: Path, is_config: Callable[[str], bool]) -> Graph:
        """Read the configs of a checkout, and their bases anywhere in it.

        Args:
            root: the tree's folder.
            is_config: returns whether a relative path is where configs are.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in the repository's files
            return _Reader(SourceTree.scan(root, SUFFIXES), is_config).read()

    def bases(self, path: str) -> tuple[str, ...]:
        """Return the direct bases of a file."""
        return self.edges.get(path, ())

    def ancestors(self, path: str) -> frozenset[str]:
        """Return all files that a file inherits from, directly or not."""
        ancestors: set[str] = set()
        pending = list(self.bases(path))
        while pending:
            base = pending.pop()
            if base not in ancestors:
                ancestors.add(base)
                pending.extend(self.bases(base))
        return frozenset(ancestors)

    def dependents(self, path: str) -> dict[str, int]:
        """Return every file that inherits from this one, with the number of steps."""
        return {dependent: dependency.distance for dependent, dependency in self.dependencies_on([path]).items()}

    def dependencies_on(self, changed: Iterable[str]) -> dict[str, Dependency]:
        """Return the unchanged files that inherit from changed ones, each with its nearest; ties go by path."""
        frontier = {path: path for path in changed}
        seen = set(frontier)
        dependencies: dict[str, Dependency] = {}
        distance = 0
        while frontier:
            distance += 1
            previous, frontier = frontier, {}
            for path, through in previous.items():
                for dependent in self._dependents.get(path, ()):
                    if dependent not in seen:
                        frontier[dependent] = min(through, frontier.get(dependent, through))
            seen.update(frontier)
            dependencies.update((path, Dependency(distance, through)) for path, through in frontier.items())
        return dependencies

    @cached_property
    def _dependents(self) -> Mapping[str, tuple[str, ...]]:
        dependents: dict[str, list[str]] = {}
        for path, bases in self.edges.items():
            for base in bases:
                dependents.setdefault(base, []).append(path)
        return {base: tuple(paths) for base, paths in dependents.items()}


def discovery_warning(path: str, message: str) -> DiscoveryWarning:
    """Build a warning within the report's limits."""
    return DiscoveryWarning(config=printable(path), message=message[:500])


def printable(path: str) -> str:
    """Return a path that fits into a report: valid UTF-8, at most 4,096 characters."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")[:4_096]


@dataclass
class _Reader:
    tree: SourceTree
    is_config: Callable[[str], bool]
    edges: dict[str, tuple[str, ...]] = field(default_factory=dict)
    configs: set[str] = field(default_factory=set)
    warnings: list[DiscoveryWarning] = field(default_factory=list)
    incomplete: list[DiscoveryWarning] = field(default_factory=list)
    bytes_read: int = 0
    edge_count: int = 0

    def read(self) -> Graph:
        if not self.tree.complete:
            self.incomplete.append(
                discovery_warning(".", "the repository has too many files, so some configs were not read")
            )
        pending = deque(sorted(path for path in self.tree.paths if self.is_config(path)))
        known = set(pending)
        while pending and not self._limit_reached():
            for base in self._visit(pending.popleft()):
                if base not in known and base.endswith(SUFFIXES):
                    known.add(base)
                    pending.append(base)
        return Graph(self.edges, frozenset(self.configs), tuple(self.warnings), tuple(self.incomplete))

    def _limit_reached(self) -> bool:
        if len(self.edges) < MAX_CONFIGS and self.bytes_read < MAX_BYTES and self.edge_count < MAX_EDGES:
            return False
        limit = f"more than {MAX_CONFIGS:,} configs, {MAX_BYTES // 2**20} MiB of them, or {MAX_EDGES:,} bases"
        self.incomplete.append(discovery_warning(".", f"the repository has {limit}, so the rest was not read"))
        return True

    def _visit(self, path: str) -> tuple[str, ...]:
        """Add one file to the graph and return its bases."""
        contents = self._contents(path)
        if contents is None:
            return ()
        self.warnings.extend(discovery_warning(path, message) for message in contents.warnings[:_MAX_WARNINGS])
        if not contents.is_config:  # other data, such as a metafile.yml
            return ()
        bases = (base for reference in contents.references for base in self._resolve(reference))
        target = self.tree.target(path)
        linked = () if target is None else (target,)
        self.edges[path] = tuple(dict.fromkeys((*bases, *linked)))
        self.edge_count += len(self.edges[path])
        if self._is_measurable(path):
            self.configs.add(path)
        return self.edges[path]

    def _is_measurable(self, path: str) -> bool:
        # A file below a linked folder is listed under its own path.
        listed = path in self.tree.paths and path == printable(path)
        return listed and may_be_config(path) and self.is_config(path)

    def _contents(self, path: str) -> Contents | None:
        try:
            content = self.tree.read(path)
        except UnreadableFileError as error:
            return Contents(warnings=(f"{display_name(path)} {error}",), is_config=path.endswith(".py"))
        if content is None:
            return None
        self.bytes_read += len(content)
        return contents_of(path, content)

    def _resolve(self, reference: Reference) -> Iterator[str]:
        if reference.package is not None and not self._is_own_package(reference):
            return
        yield reference.path
        if reference.others and not self._exists(reference.path):
            yield from reference.others

    def _is_own_package(self, reference: Reference) -> bool:
        """Return whether the package is part of this repository, not an installed one."""
        in_tree = f"{reference.package}/__init__.py" in self.tree.paths
        return in_tree and (bool(reference.others) or self._has_configs)

    @cached_property
    def _has_configs(self) -> bool:
        return any(path.startswith("configs/") for path in self.tree.paths)

    def _exists(self, path: str) -> bool:
        return path in self.tree.paths


def contents_of(path: str, content: bytes) -> Contents:
    """Read a file's bases; a file that cannot have any is not parsed."""
    if path.endswith(".py") and b"_base_" not in content and b"read_base" not in content:
        return Contents()
    if b"_base_" not in content and b"model" not in content and b"read_base" not in content:
        return Contents(is_config=False)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Contents(warnings=(f"{display_name(path)} is not UTF-8",), is_config=path.endswith(".py"))
    return read_references(path, text)
