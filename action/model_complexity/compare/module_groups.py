"""Group equal changes: the twelve blocks of a ViT change in the same way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from model_complexity.compare.module_diff import Figures, ModuleChange, Shares


class ChangeGroup(NamedTuple):
    """Changes of one kind, whose names differ in numbers only and whose figures and parameters are the same."""

    name: str
    """``backbone.layers.{0–11}.attn`` for several; where numbers differ in two places, each of those is ``*``."""
    base_name: str | None
    changes: tuple[ModuleChange, ...]

    @property
    def first(self) -> ModuleChange:
        """Return the first change. The others differ in the numbers of their names only."""
        return self.changes[0]

    @property
    def shared_with(self) -> str:
        """Return the names whose rows have this work at head, where that is so at head only."""
        return pattern([change.shared_with for change in self.changes])

    @property
    def base_shared_with(self) -> str:
        """Return the names whose rows have this work at the base, where that is so at the base only."""
        return pattern([change.base_shared_with for change in self.changes])

    @property
    def delta(self) -> Figures:
        """Return the sum of all deltas."""
        return Figures(len(self.changes) * part for part in self.first.delta)

    @property
    def share(self) -> Shares:
        """Return the sum of all shares."""
        return Shares(None if part is None else len(self.changes) * part for part in self.first.share)


def group_changes(changes: Iterable[ModuleChange]) -> tuple[ChangeGroup, ...]:
    """Group equal changes, sorted by their shares of flops, params and activations. Renames are last."""
    groups: dict[object, list[ModuleChange]] = {}
    for change in changes:
        names = None if change.base_name is None else _wild(change.base_name)
        key = change._replace(
            name=_wild(change.name),
            base_name=names,
            shared_with=_wild(change.shared_with),
            base_shared_with=_wild(change.base_shared_with),
        )
        groups.setdefault(key, []).append(change)
    change_groups = [
        ChangeGroup(
            pattern([change.name for change in group]),
            None if group[0].base_name is None else pattern([change.base_name or "" for change in group]),
            tuple(group),
        )
        for group in groups.values()
    ]
    return tuple(sorted(change_groups, key=_weight))


def group_names(names: Iterable[str]) -> dict[str, int]:
    """Return patterns of names that differ in numbers only, each with how many names it stands for."""
    groups: dict[str, dict[str, None]] = {}
    for name in names:
        groups.setdefault(_wild(name), {})[name] = None
    return {pattern(list(group)): len(group) for group in groups.values()}


class SharedGroup(NamedTuple):
    """Shared modules whose names differ in numbers only."""

    name: str
    others: tuple[str, ...]
    modules: int


def group_shared(shared: Mapping[str, Sequence[str]]) -> tuple[SharedGroup, ...]:
    """Group shared modules (first name -> other names) that have equally many names, alike one by one."""
    groups: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for name, others in shared.items():
        names = (name, *others)
        groups.setdefault(tuple(map(_wild, names)), []).append(names)
    patterns = ([pattern(column) for column in zip(*group, strict=True)] for group in groups.values())
    return tuple(
        SharedGroup(name, tuple(others), len(group))
        for (name, *others), group in zip(patterns, groups.values(), strict=True)
    )


def pattern(names: Sequence[str]) -> str:
    """Write one name for several that differ in numbers only."""
    parts = [list(dict.fromkeys(column)) for column in zip(*(name.split(".") for name in names), strict=True)]
    varying = [place for place, values in enumerate(parts) if len(values) > 1]
    if len(varying) == 1:
        return ".".join(values[0] if len(values) == 1 else _ranges(values) for values in parts)
    return ".".join(values[0] if len(values) == 1 else "*" for values in parts)


def _wild(name: str) -> str:
    return ".".join("*" if _is_number(part) else part for part in name.split("."))


def _is_number(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) <= 9


def _ranges(numbers: Sequence[str]) -> str:
    """Write ranges: ``{0–3,5}``. Beyond four, only the first two and the last."""
    runs: list[list[int]] = []
    for number in sorted(map(int, numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1][1:] = [number]
        else:
            runs.append([number])
    written = ["–".join(map(str, run)) for run in runs]
    if len(written) > 4:
        written = [*written[:2], "…", written[-1]]
    return "{" + ",".join(written) + "}"


def _weight(group: ChangeGroup) -> tuple[bool, tuple[float, ...]]:
    return group.first.kind == "renamed", tuple(-(share or 0.0) for share in group.share)
