"""The comment's first sentence: what the pull request did and whether that is allowed, in plain words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from model_complexity.common.table import figure
from model_complexity.compare import (
    FIGURES,
    Figure,
    Status,
    counted_alike,
    delta_of,
    fate_of,
    held_alike,
    pressing,
    status_of,
    worst_first,
)
from model_complexity.render.numbers import NOUNS, budget_said, counted, percent, signed
from model_complexity.report import Entry, Failure, FailureKind, Measurement, Report

Writer = Callable[[str], str]
"""Writes a name of somebody else's for where it is printed."""

_VERBS: dict[FailureKind, str] = {
    "config_syntax": "loaded",
    "config_load": "loaded",
    "missing_dependency": "built",
    "build": "built",
    "forward": "run",
    "unsupported_input": "run",
}
_FAILING: tuple[Status, ...] = ("failing", "failed", "failed_before")
_PHRASES: dict[Status, str] = {
    "incomparable": "{} not comparable with the base, where another method was traced",
    "added": "{} new",
    "fixed": "{} failed before and can be measured now",
    "removed": "{} removed",
    "base_failed": "{} removed that could not be measured",
    "renamed": "{} renamed and otherwise unchanged",
    "unchanged": "{} unchanged",
}
"""In the order in which they are said, after what changed and what fails."""


class _Move(NamedTuple):
    """A figure that changed."""

    entry: Entry
    figure: Figure
    relative: float | None


def cannot(status: Status, kind: FailureKind) -> str:
    """``cannot be built any more``, ``cannot be run``, ``cannot be loaded, nor could it be before``."""
    verb = f"cannot be {_VERBS.get(kind, 'measured')}"
    return verb + {"failing": " any more", "failed_before": ", nor could it be before"}.get(status, "")


def verdict(report: Report, name: Writer, labels: Mapping[str, str]) -> str:
    """One sentence: broken budgets, the largest change by name, then how many configs met each other fate.

    Args:
        report: what was measured.
        name: writes a config's label for where the sentence is printed.
        labels: what each config is called (``view.labels_of``).
    """

    def called(config: str) -> str:
        return name(labels.get(config, config))

    fates = _fates(report)
    parts = [*_over_budget(report, called), *_changed(report, fates, called), *_failing(report)]
    if report.base is None and fates["measured"]:
        parts.append(_first_figures(report, fates["measured"], called))
    parts += [phrase.format(counted(fates[fate], "config")) for fate, phrase in _PHRASES.items() if fates[fate]]
    return ("; ".join(parts) or "Nothing was measured") + "."  # it starts with a number or a name, which stays as it is


def _fates(report: Report) -> Counter[Status]:
    """How many configs met each fate; one measured at several shapes counts once, by the worst."""
    compared = report.base is not None
    return Counter(fate_of(tuple(entries), compared=compared) for entries in _by_config(report).values())


def _by_config(report: Report) -> dict[str, list[Entry]]:
    configs: dict[str, list[Entry]] = {}
    for entry in report.entries:
        configs.setdefault(entry.target.name, []).append(entry)
    return configs


def _over_budget(report: Report, called: Writer) -> Iterator[str]:
    broken = [check for check in pressing(report) if check.state == "broken"]
    if not broken:
        return
    worst = broken[0]
    said = f"{called(worst.config)} breaks its budget with {budget_said(worst)}"
    if len(broken) > 1:
        configs = len({check.config for check in broken})
        said = f"{counted(len(broken), 'budget')} of {counted(configs, 'config')} are broken, first of all: {said}"
    yield said


def _changed(report: Report, fates: Counter[Status], called: Writer) -> Iterator[str]:
    if not fates["changed"]:
        return
    moves = [move for entry in worst_first(report) if (move := _move(entry))]
    if not moves:
        alike = all(held_alike(entry) for entry in report.entries)
        what = "which operators are not counted" if alike else "the conditions that its figures hold for"
        yield f"{counted(fates['changed'], 'config')} changed only in {what}"
        return
    # Flops before params before activations; the largest increase before any decrease.
    worst = min(moves, key=lambda move: (FIGURES.index(move.figure), -_size(move)))
    among = "" if fates["changed"] == 1 else f", the most of {fates['changed']} configs that changed"
    yield f"{_moved(worst, called)}{among}"


def _move(entry: Entry) -> _Move | None:
    for name in FIGURES:
        delta = delta_of(name, entry)
        if delta and delta.absolute:
            return _Move(entry, name, delta.relative)
    return None


def _size(move: _Move) -> float:
    return float("inf") if move.relative is None else move.relative


def _moved(move: _Move, called: Writer) -> str:
    """``a.py costs 12.40 % more FLOPs (17.582G → 23.186G)``."""
    delta = delta_of(move.figure, move.entry)
    head, base = move.entry.head, move.entry.base
    if delta is None or not isinstance(head, Measurement) or not isinstance(base, Measurement):
        raise AssertionError  # a move is of two measurements
    size = signed(delta)[0][1:] if delta.relative is None else percent(delta.relative)[1:]
    direction = "more" if delta.absolute > 0 else "fewer"
    verb = "costs" if move.figure == "flops" else "has"
    figures = f"{figure(getattr(base, move.figure))} → {figure(getattr(head, move.figure))}"
    if move.figure == "flops" and not counted_alike(move.entry):
        figures += "; other operators were not counted"
    if move.figure != "params" and not held_alike(move.entry):
        figures += "; under different conditions"
    return f"{called(move.entry.target.name)} {verb} {size} {direction} {NOUNS[move.figure]} ({figures})"


def _failing(report: Report) -> Iterator[str]:
    compared = report.base is not None
    found: Counter[str] = Counter()
    for entries in _by_config(report).values():
        for entry in entries:
            status = status_of(entry, compared=compared)
            if status in _FAILING and isinstance(entry.head, Failure):
                found[cannot(status, entry.head.kind)] += 1
                break  # a config counts once
    for said, configs in found.most_common():
        yield f"{counted(configs, 'config')} {said.replace('could it', 'could it' if configs == 1 else 'could they')}"


def _first_figures(report: Report, configs: int, called: Writer) -> str:
    shown = [entry for entry in report.entries if isinstance(entry.head, Measurement)]
    if configs > 1 or len(shown) != 1 or not isinstance(shown[0].head, Measurement):
        return f"{counted(configs, 'config')} measured, with no base to compare with"
    head = shown[0].head
    figures = [f"{figure(getattr(head, name))} {noun}" for name, noun in NOUNS.items()]
    return f"{called(shown[0].target.name)} has {figures[0]}, {figures[1]} and {figures[2]}; there is no base to compare with"
