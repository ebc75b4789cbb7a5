"""Which modules changed between two measurements of one config. Pure functions over the data model.

A module is compared by its *own* part: its figures less those of its child modules. So a parent whose whole change is its
children's has no change of its own and is not named, and the changes together add up to the totals' difference, exactly.
Parameters are no modules here: each belongs to the module that holds it, as a name and a shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from model_complexity.common.metrics import METRICS, module_metrics
from model_complexity.compare.shared_modules import SharedModules, with_shared_rows
from model_complexity.report import Measurement, MetricName, Module

Shape = tuple[int, ...]


class Figures(tuple[int, ...]):
    """Exact counts, or differences of them, in the order of ``METRICS``. Hashable, unlike a dictionary."""

    __slots__ = ()

    @classmethod
    def of(cls, figures: Mapping[str, int]) -> Figures:
        """Read figures by metric. A missing one is 0."""
        return cls(figures.get(name, 0) for name in METRICS)

    def by_metric(self) -> dict[MetricName, int]:
        """Return the figures by metric."""
        return dict(zip(METRICS, self, strict=True))

    def less(self, other: Figures) -> Figures:
        """Subtract other figures."""
        return Figures(ours - theirs for ours, theirs in zip(self, other, strict=True))

    def plus(self, other: Figures) -> Figures:
        """Add other figures."""
        return Figures(ours + theirs for ours, theirs in zip(self, other, strict=True))


class Shares(tuple[float | None, ...]):
    """Parts of a whole change, each from 0 to 1, in the order of ``METRICS``; None where that metric did not change."""

    __slots__ = ()

    def by_metric(self) -> dict[MetricName, float | None]:
        """Return the shares by metric."""
        return dict(zip(METRICS, self, strict=True))


NO_FIGURES = Figures.of({})


class ParameterChange(NamedTuple):
    """A parameter whose shape differs. A shape is None on the side without the parameter."""

    name: str
    head: Shape | None
    base: Shape | None


class ModuleChange(NamedTuple):
    """One line of the difference.

    ``changed`` is about one module, by its own part. ``added``, ``removed`` and ``renamed`` are about a module with all
    that is below it, by its whole figures; ``modules`` says how many that are.
    """

    kind: Literal["added", "removed", "changed", "renamed"]
    name: str
    """At head; at the base for a removed one. The whole model's is ""."""
    base_name: str | None
    """At the base; None for an added one."""
    modules: int
    own: bool
    """Whether the module has children, so that the figures are a part of what its row in a table of modules says."""
    head: Figures | None
    base: Figures | None
    parameters: tuple[ParameterChange, ...] = ()
    """Of a changed one: its own parameters with another shape."""
    shared_with: str = ""
    """The name whose row has this module's work at head, where the two are one module at head only."""
    base_shared_with: str = ""
    """The same at the base."""
    share: Shares = Shares()
    """Empty until every change is known."""

    @property
    def delta(self) -> Figures:
        """Return head's figures less the base's."""
        return (self.head or NO_FIGURES).less(self.base or NO_FIGURES)


@dataclass(frozen=True)
class ModuleDiff:
    """The difference of one config's modules between base and head.

    The deltas of all changes add up to the difference of the measurements' totals. A share is a change's part of all that
    moved, the sum of the deltas' absolute values: so it is meaningful where changes cancel each other.
    """

    figures: tuple[MetricName, ...] = module_metrics()
    """What was compared; where the entry points differ, only the metrics that need no forward pass."""
    changes: tuple[ModuleChange, ...] = ()
    """Largest share of the flops first, then of the params, then of the activations; renames last."""
    counterparts: Mapping[str, str] | None = field(default=None, compare=False)
    """Of each module on both sides: its name at the base -> at head. None: every name that is on both sides."""
    unchanged: tuple[str, ...] = ()
    """The topmost modules (names at head) below which nothing changed."""
    unchanged_modules: int = 0
    """How many modules those are, with all that is below them."""


def module_changes(head: Measurement, base: Measurement) -> ModuleDiff:
    """Find the modules that were added, removed, changed or renamed.

    Modules are the same if their names are. A removed and an added module are *renamed* if they have the same parent, follow
    the same sibling, have a metric that is not 0, and are equal below: names, parameter shapes, metrics. Where several are
    equal, this holds only if the removed and the added siblings are equal one by one, in order. A rename is never guessed: all
    others are removed and added. A name on both sides is first tried as a removed and an added module if its parameters have
    other names or ranks: the numbers of a sequence may have shifted. An added or removed module without any metric is not
    reported.

    If the entry points differ, flops and activations are left out, as they are in the totals. Another name of a shared module
    is no removed or added module: it changes to 0, or from 0.
    """
    same_entry_point = head.entry_point == base.entry_point
    figures = tuple(name for name in module_metrics() if same_entry_point or not METRICS[name].needs_forward)
    ours, theirs = _Side.of(head, base, figures), _Side.of(base, head, figures)
    comparison = _Comparison(ours, theirs)
    comparison.walk()
    moved = [sum(map(abs, column)) for column in zip(*(change.delta for change in comparison.changes), strict=True)]
    changes = (change._replace(share=_shares(change.delta, moved)) for change in comparison.changes)
    shared, base_shared = SharedModules.of(head), SharedModules.of(base)
    changes = (_with_sharing(change, shared, base_shared) for change in changes)
    unchanged = comparison.unchanged()
    return ModuleDiff(
        figures=figures,
        changes=tuple(sorted(changes, key=_weight)),
        counterparts=comparison.counterparts(),
        unchanged=tuple(unchanged),
        unchanged_modules=sum(ours.sizes[name] for name in unchanged),
    )


def _with_sharing(change: ModuleChange, head: SharedModules, base: SharedModules) -> ModuleChange:
    ours = None if change.head is None else head.counted_under(change.name)
    theirs = None if change.base_name is None else base.counted_under(change.base_name)
    if (ours is None) == (theirs is None):
        return change
    return change._replace(shared_with=ours or "", base_shared_with=theirs or "")


def _shares(delta: Figures, moved: Sequence[int]) -> Shares:
    return Shares(abs(part) / whole if whole else None for part, whole in zip(delta, moved, strict=True))


def _weight(change: ModuleChange) -> tuple[bool, tuple[float, ...]]:
    # The sort is stable: changes of one weight stay in call order.
    return change.kind == "renamed", tuple(-(share or 0.0) for share in change.share)


@dataclass
class _Side:
    """A measurement's modules as a tree; every name that is not below another's is a child of the root, ""."""

    whole: dict[str, Figures]
    children: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of a module: the last part of a child's name -> its name, in call order."""
    parameters: dict[str, dict[str, Shape]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    """How many modules a subtree has, with its root."""
    below: dict[str, Figures] = field(default_factory=dict)
    """What the children count together."""

    @classmethod
    def of(cls, measurement: Measurement, other: Measurement, figures: Sequence[MetricName]) -> _Side:
        modules = with_shared_rows(measurement, other)
        rows = [module for module in modules if module.shape is None and module.name]
        side = cls({"": _figures(measurement, figures), **{row.name: _figures(row, figures) for row in rows}})
        for row in rows:
            parent, label = side.parent_and_label(row.name)
            side.children.setdefault(parent, {})[label] = row.name
            side.below[parent] = side.below.get(parent, NO_FIGURES).plus(side.whole[row.name])
        for module in modules:
            if module.shape is not None:
                parent, label = side.parent_and_label(module.name)
                side.parameters.setdefault(parent, {})[label] = module.shape
        for name in reversed(list(side.subtree(""))):
            side.sizes[name] = 1 + sum(side.sizes[child] for child in side.children_of(name))
        return side

    def parent_and_label(self, name: str) -> tuple[str, str]:
        """Return a module's parent and its label there."""
        parent, _, label = name.rpartition(".")
        return (parent, label) if parent in self.whole else ("", name)

    def children_of(self, name: str) -> Iterator[str]:
        return iter(self.children.get(name, {}).values())

    def subtree(self, name: str) -> Iterator[str]:
        """Yield a module and all below it, parents first."""
        waiting = [name]
        while waiting:
            current = waiting.pop()
            yield current
            waiting.extend(self.children_of(current))

    def signature(self, name: str) -> tuple[tuple[str, int], ...]:
        """Return names and ranks of its parameters. They tell a convolution from a normalization."""
        return tuple((label, len(shape)) for label, shape in self.parameters.get(name, {}).items())

    def own(self, name: str) -> Figures:
        return self.whole[name].less(self.below.get(name, NO_FIGURES))


def _figures(counted: Measurement | Module, figures: Sequence[MetricName]) -> Figures:
    return Figures.of({name: counted.figures.get(name, 0) for name in figures})


class _Digests:
    """Numbers for subtrees: two have the same number if they are equal in all but the name of their root."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}

    def of(self, side: _Side, root: str) -> int:
        numbers: dict[str, int] = {}
        for name in reversed(list(side.subtree(root))):
            below = tuple((label, numbers[child]) for label, child in side.children.get(name, {}).items())
            content = (side.whole[name], tuple(side.parameters.get(name, {}).items()), below)
            numbers[name] = self._numbers.setdefault(content, len(self._numbers))
        return numbers[root]


class _Comparison:
    def __init__(self, head: _Side, base: _Side) -> None:
        self.head, self.base = head, base
        self.changes: list[ModuleChange] = []
        self._digests = _Digests()
        self._pairs: list[tuple[str, str]] = [("", "")]
        """Modules that are the same, head's name first; parents before their children."""
        self._touched: set[str] = set()
        """Names at head of the pairs with a change of their own."""

    def walk(self) -> None:
        for ours, theirs in self._pairs:  # _compare appends to it
            self._compare(ours, theirs)

    def counterparts(self) -> dict[str, str]:
        """Return base name -> head name of every pair, with the modules below renamed ones."""
        counterparts = {theirs: ours for ours, theirs in self._pairs}
        for change in self.changes:
            if change.kind == "renamed" and change.base_name is not None:
                skip = len(change.base_name)
                counterparts |= {name: change.name + name[skip:] for name in self.base.subtree(change.base_name)}
        return counterparts

    def unchanged(self) -> list[str]:
        """Return the topmost pairs below which nothing changed."""
        touched = set(self._touched)
        for ours, _ in reversed(self._pairs):
            if ours in touched and ours:
                parent, _ = self.head.parent_and_label(ours)
                touched.add(parent)
        return [
            ours
            for ours, _ in self._pairs
            if ours not in touched and (not ours or self.head.parent_and_label(ours)[0] in touched)
        ]

    def _compare(self, ours: str, theirs: str) -> None:
        head, base = self.head.own(ours), self.base.own(theirs)
        parameters = _parameter_changes(self.head.parameters.get(ours, {}), self.base.parameters.get(theirs, {}))
        if head != base or parameters:
            self._touched.add(ours)
            own = ours in self.head.children or theirs in self.base.children
            self.changes.append(ModuleChange("changed", ours, theirs, 1, own, head, base, parameters))
        new, old = self.head.children.get(ours, {}), self.base.children.get(theirs, {})
        same = {
            label
            for label in new.keys() & old.keys()
            if self.head.signature(new[label]) == self.base.signature(old[label])
        }
        renamed = {} if len(same) == len(new) == len(old) else self._renames(new, old, same)
        followed = set(renamed.values())
        left = {label for label in old if label not in same and old[label] not in followed}
        for label, name in new.items():
            if name in renamed:
                self._report(ours, "renamed", name, renamed[name])
            elif label in same or label in left:
                left.discard(label)
                self._pairs.append((name, old[label]))
            else:
                self._report(ours, "added", name, None)
        for label, name in old.items():
            if label in left:
                self._report(ours, "removed", None, name)

    def _report(
        self, parent: str, kind: Literal["added", "removed", "renamed"], ours: str | None, theirs: str | None
    ) -> None:
        head = None if ours is None else self.head.whole[ours]
        base = None if theirs is None else self.base.whole[theirs]
        if not any(head or ()) and not any(base or ()):
            return
        name = ours if ours is not None else theirs or ""
        side = self.base if ours is None else self.head
        self._touched.add(parent)
        self.changes.append(ModuleChange(kind, name, theirs, side.sizes[name], own=False, head=head, base=base))

    def _renames(self, new: Mapping[str, str], old: Mapping[str, str], same: Set[str]) -> dict[str, str]:
        """Return head name -> base name of the renamed children."""
        added = _by_preceding_sibling(new, same, lambda name: self._digest(self.head, name))
        removed = _by_preceding_sibling(old, same, lambda name: self._digest(self.base, name))
        return {
            ours: its
            for place in added.keys() & removed.keys()
            for ours, its in _certain_pairs(added[place], removed[place])
        }

    def _digest(self, side: _Side, name: str) -> int | None:
        return self._digests.of(side, name) if any(side.whole[name]) else None


def _by_preceding_sibling(
    siblings: Mapping[str, str], same: Set[str], digest: Callable[[str], int | None]
) -> dict[str | None, list[tuple[str, int]]]:
    """Group the siblings of one side only by the common sibling before them."""
    places: dict[str | None, list[tuple[str, int]]] = {}
    before: str | None = None
    for label, name in siblings.items():
        if label in same:
            before = label
        elif (number := digest(name)) is not None:
            places.setdefault(before, []).append((name, number))
    return places


def _certain_pairs(ours: Sequence[tuple[str, int]], theirs: Sequence[tuple[str, int]]) -> Iterator[tuple[str, str]]:
    """Yield all pairs if the sequences are equal, else those with a unique match in order."""
    if [digest for _, digest in ours] == [digest for _, digest in theirs]:
        yield from ((name, other) for (name, _), (other, _) in zip(ours, theirs, strict=True))
        return
    once = {digest for digest, times in Counter(digest for _, digest in ours).items() if times == 1}
    once &= {digest for digest, times in Counter(digest for _, digest in theirs).items() if times == 1}
    left = [(name, digest) for name, digest in ours if digest in once]
    right = [(name, digest) for name, digest in theirs if digest in once]
    # A module that has moved as well is not renamed.
    yield from ((name, other) for (name, mine), (other, its) in zip(left, right, strict=True) if mine == its)


def _parameter_changes(ours: Mapping[str, Shape], theirs: Mapping[str, Shape]) -> tuple[ParameterChange, ...]:
    if ours == theirs:
        return ()
    return tuple(
        ParameterChange(name, ours.get(name), theirs.get(name))
        for name in dict.fromkeys([*ours, *theirs])
        if ours.get(name) != theirs.get(name)
    )
