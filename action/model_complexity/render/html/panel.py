"""The panel below a config's row in the HTML report: how both sides were measured, failures, modules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from model_complexity.common.text import format_count
from model_complexity.escape import plain, plain_block
from model_complexity.render.html.sentence import html_sentence
from model_complexity.render.html.table import Row
from model_complexity.render.module_names import uncounted_texts
from model_complexity.render.numbers import (
    condition_markdown,
    conditions_text,
    format_input,
    join_limited,
    pluralize,
)
from model_complexity.render.view import uncalled_parts
from model_complexity.report import Failure, Measurement, Result

MAX_NAMES = 50
"""Operators and uncalled modules named on each side."""


class Detail(NamedTuple):
    """One line of how the sides were measured."""

    title: str
    base: str
    head: str
    differs: bool


class FailureView(NamedTuple):
    """A failure of one side. The hint is its kind's: the one in the answer came through the pull request's own process."""

    side: str
    kind: str
    message: str
    hint: str
    detail: str
    notice: str


class Panel(NamedTuple):
    """The panel of one config."""

    row: Row
    path: str
    sides: tuple[str, ...]
    details: tuple[Detail, ...]
    failures: tuple[FailureView, ...]
    tree: str
    tree_notice: str


def panel(row: Row, longest_detail: int, tree: str, tree_notice: str) -> Panel:
    """Build the panel of a row. ``tree`` is the id of its modules' element, or blank."""
    entry = row.entry
    both = {"base": entry.base, "head": entry.head}
    sides = {name: side for name, side in both.items() if isinstance(side, Measurement)}
    failures = (_failure(name, side, longest_detail) for name, side in both.items() if isinstance(side, Failure))
    path = plain(entry.target.name, len(entry.target.name))
    return Panel(row, path, tuple(sides), _details(sides), tuple(failures), tree, tree_notice)


def _details(sides: Mapping[str, Measurement]) -> tuple[Detail, ...]:
    if not sides:
        return ()
    texts = {name: _texts(side) for name, side in sides.items()}
    details = []
    for title in next(iter(texts.values())):
        base, head = (texts.get(name, {}).get(title, "") for name in ("base", "head"))
        # Two runs never take the same time.
        differs = len(texts) == 2 and base != head and title != "seconds"
        if base or head:
            details.append(Detail(title, base or "nothing", head or "nothing", differs))
    return tuple(details)


def _texts(side: Measurement) -> dict[str, str]:
    operators, versions = side.unsupported_ops, side.versions
    mode = "dry run" if side.mode == "dry" else f"real run on {plain(side.device, 40)}"
    uncalled = uncalled_parts(side)
    costly = sorted(side.operators.items(), key=lambda item: (-item[1], item[0]))
    return {
        "entry point": f"{plain(side.entry_point, 80)}, {mode}",
        "input, with batch": plain(format_input(side, batch=True)),
        "conditions": html_sentence(conditions_text(side.conditions, condition_markdown)),
        "flops by operator": _names([f"{plain(name, 80)} {format_count(flops)}" for name, flops in costly]),
        "deployed": _deployed(side),
        "uncounted operators": join_limited(uncounted_texts(side, plain, plain), MAX_NAMES),
        "stubbed operators": _names(side.stubbed_ops),
        "negligible operators": _operators(operators.negligible),
        "only params counted": _names(uncalled),
        "never called": _names(side.uncalled_modules),
        "versions": plain(
            f"Python {versions.python}, torch {versions.torch}, fvcore {versions.fvcore}, mmengine {versions.mmengine}"
        ),
        "seconds": f"{side.seconds:.1f}",
    }


def _deployed(side: Measurement) -> str:
    if side.deployed is None:
        return plain(f"failed: {side.deployed_failure}", 500) if side.deployed_failure else ""
    return ", ".join(f"{name} {format_count(count)}" for name, count in side.deployed.figures.items())


def _operators(seen: Mapping[str, int]) -> str:
    often = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return _names([f"{plain(name, 80)} ×{times}" for name, times in often])


def _names(names: Sequence[str]) -> str:
    return join_limited([plain(name, 120) for name in names], MAX_NAMES)


def _failure(side: str, failure: Failure, longest: int) -> FailureView:
    cut = len(failure.detail) > longest
    notice = (
        f"Only the last {pluralize(longest, 'character')} of the detail are shown. See report.json for all."
        if cut
        else ""
    )
    detail = plain_block(failure.detail[-longest:]).strip("\n")
    return FailureView(side, failure.kind, plain(failure.message, 500), failure.hint, detail, notice)


def failures_of(*results: Result | None) -> int:
    """Count the failures with a detail."""
    return sum(isinstance(result, Failure) and bool(result.detail) for result in results)
