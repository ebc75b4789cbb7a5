"""The inheritance graph of all configs in a tree: which file leads to which. Reads text, executes nothing."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final

from model_complexity.discover.globs import SUFFIXES, may_be_config
from model_complexity.discover.references import Contents, Reference, read_references, show
from model_complexity.git import SourceTree, UnreadableFileError
from model_complexity.report import DiscoveryWarning

MAX_CONFIGS: Final = 20_000
"""Config files and bases that are read; mmdetection, the largest OpenMMLab repository, has about 900."""
MAX_BYTES: Final = 64 * 2**20
"""Text that is read in all."""
MAX_EDGES: Final = 200_000
"""Pairs of a file and its base."""
_MAX_PROBLEMS: Final = 5
"""Problems that are kept of one file."""


@dataclass(frozen=True)
class Dependency:
    """How a file depends on changed ones: over how many steps, and on which (the nearest; the first by path)."""

    distance: int
    through: str


@dataclass(frozen=True)
class Graph:
    """Which config inherits from which.

    Attributes:
        edges: the bases of every file that was read, in the order of its text; a base need not exist in the tree.
        configs: the files that are configs by place, name and content (not those under a ``_base_`` folder).
        problems: what could not be read, whichever file it concerns. None of it was run instead.
        incomplete: what was left out for its size; such a problem concerns every config.
    """

    edges: Mapping[str, tuple[str, ...]]
    configs: frozenset[str]
    warnings: tuple[DiscoveryWarning, ...] = ()
    incomplete: tuple[DiscoveryWarning, ...] = ()

    @classmethod
    def of_tree(cls, root: Path, is_config: Callable[[str], bool]) -> Graph:
        """Reads the configs of a checkout, and the bases they reach wherever those lie in it.

        Args:
            root: the tree's folder.
            is_config: says of a path (relative, with ``/``) whether it is in a place where configs are.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's parser warns of odd escapes in files that are not ours
            return _Reader(SourceTree.scan(root, SUFFIXES), is_config).read()

    def bases(self, path: str) -> tuple[str, ...]:
        """Returns the files that a file names as its bases."""
        return self.edges.get(path, ())

    def ancestors(self, path: str) -> frozenset[str]:
        """Returns all files that a file inherits from, over any number of steps."""
        found: set[str] = set()
        waiting = list(self.bases(path))
        while waiting:
            base = waiting.pop()
            if base not in found:
                found.add(base)
                waiting.extend(self.bases(base))
        return frozenset(found)

    def dependents(self, path: str) -> dict[str, int]:
        """Returns every file that inherits from this one, with the number of steps (1: names it itself)."""
        return {dependent: reach.distance for dependent, reach in self.reached_from([path]).items()}

    def reached_from(self, changed: Iterable[str]) -> dict[str, Dependency]:
        """Returns every file that inherits from a changed one and is not changed itself; cycles are no trouble."""
        frontier = {path: path for path in changed}
        seen = set(frontier)
        reached: dict[str, Dependency] = {}
        distance = 0
        while frontier:
            distance += 1
            nearer, frontier = frontier, {}
            for path, through in nearer.items():
                for dependent in self._dependents.get(path, ()):
                    if dependent not in seen:
                        frontier[dependent] = min(through, frontier.get(dependent, through))
            seen.update(frontier)
            reached.update((path, Dependency(distance, through)) for path, through in frontier.items())
        return reached

    @cached_property
    def _dependents(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for path, bases in self.edges.items():
            for base in bases:
                found.setdefault(base, []).append(path)
        return {base: tuple(dependents) for base, dependents in found.items()}


def problem(path: str, message: str) -> DiscoveryWarning:
    """Makes a problem out of any path and message, within the report's limits."""
    return DiscoveryWarning(config=printable(path), message=message[:500])


def printable(path: str) -> str:
    """Returns a path that a report can hold: bytes that are not UTF-8 are escaped, and a very long one is cut."""
    return path.encode("utf-8", "backslashreplace").decode("utf-8")[:4_096]


@dataclass
class _Reader:
    """Collects a graph while it reads."""

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
            self.incomplete.append(problem(".", "the repository has too many files; some configs were not looked at"))
        waiting = deque(sorted(path for path in self.tree.paths if self.is_config(path)))
        known = set(waiting)
        while waiting and not self._full():
            for base in self._visit(waiting.popleft()):
                if base not in known and base.endswith(SUFFIXES):
                    known.add(base)
                    waiting.append(base)
        return Graph(self.edges, frozenset(self.configs), tuple(self.warnings), tuple(self.incomplete))

    def _full(self) -> bool:
        if len(self.edges) < MAX_CONFIGS and self.bytes_read < MAX_BYTES and self.edge_count < MAX_EDGES:
            return False
        limit = f"more than {MAX_CONFIGS:,} configs, {MAX_BYTES // 2**20} MiB of them, or {MAX_EDGES:,} bases"
        self.incomplete.append(problem(".", f"the repository has {limit}; the rest was not read"))
        return True

    def _visit(self, path: str) -> tuple[str, ...]:
        """Takes one file into the graph and returns its bases."""
        contents = self._contents(path)
        if contents is None:
            return ()
        self.warnings.extend(problem(path, message) for message in contents.warnings[:_MAX_PROBLEMS])
        if not contents.is_config:  # other data, such as a metafile.yml
            return ()
        found = (base for reference in contents.references for base in self._resolve(reference))
        target = self.tree.target(path)
        linked = () if target is None else (target,)
        self.edges[path] = tuple(dict.fromkeys((*found, *linked)))
        self.edge_count += len(self.edges[path])
        if self._is_measurable(path):
            self.configs.add(path)
        return self.edges[path]

    def _is_measurable(self, path: str) -> bool:
        """Says whether the file is a config by its place; one seen through a linked folder is there already."""
        listed = path in self.tree.paths and path == printable(path)
        return listed and may_be_config(path) and self.is_config(path)

    def _contents(self, path: str) -> Contents | None:
        try:
            content = self.tree.read(path)
        except UnreadableFileError as error:
            return Contents(warnings=(f"{show(path)} {error}",), is_config=path.endswith(".py"))
        if content is None:
            return None
        self.bytes_read += len(content)
        return contents_of(path, content)

    def _resolve(self, reference: Reference) -> Iterator[str]:
        if reference.package is not None and not self._holds(reference):
            return
        yield reference.path
        if reference.others and not self._exists(reference.path):
            yield from reference.others

    def _holds(self, reference: Reference) -> bool:
        """Says whether a package that a base is in is this repository's own; otherwise it is an installed one."""
        in_tree = f"{reference.package}/__init__.py" in self.tree.paths
        return in_tree and (bool(reference.others) or self._has_configs)

    @cached_property
    def _has_configs(self) -> bool:
        return any(path.startswith("configs/") for path in self.tree.paths)

    def _exists(self, path: str) -> bool:
        return path in self.tree.paths


def contents_of(path: str, content: bytes) -> Contents:
    """Reads a file's bases; what names none costs a search, not a parser."""
    if path.endswith(".py") and b"_base_" not in content and b"read_base" not in content:
        return Contents()
    if b"_base_" not in content and b"model" not in content and b"read_base" not in content:
        return Contents(is_config=False)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return Contents(warnings=(f"{show(path)} is not UTF-8",), is_config=path.endswith(".py"))
    return read_references(path, text)
