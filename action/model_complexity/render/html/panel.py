"""What opens below a config's row in the HTML report: how it was measured on both sides, budgets, failures, its modules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.common.text import format_count
from model_complexity.escape import plain, plain_block
from model_complexity.render.html.table import Row
from model_complexity.render.numbers import conditions_text, format_input, pluralize
from model_complexity.report import Failure, Measurement, Result

MOST_NAMES = 50
"""Operators and uncalled modules named on each side."""


class Detail(NamedTuple):
    """One line of how the sides were measured. ``differs``: worth a reader's eye."""

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
    says: str


class Panel(NamedTuple):
    """What is said of one config."""

    row: Row
    path: str
    sides: tuple[str, ...]
    facts: tuple[Detail, ...]
    troubles: tuple[FailureView, ...]
    tree: str
    tree_says: str


def panel(row: Row, longest_detail: int, tree: str, tree_says: str) -> Panel:
    """The panel of a row. ``tree`` names the element that holds its modules, or is blank."""
    entry = row.entry
    both = {"base": entry.base, "head": entry.head}
    sides = {name: side for name, side in both.items() if isinstance(side, Measurement)}
    troubles = (_trouble(name, side, longest_detail) for name, side in both.items() if isinstance(side, Failure))
    path = plain(entry.target.name, len(entry.target.name))
    return Panel(row, path, tuple(sides), _facts(sides), tuple(troubles), tree, tree_says)


def _facts(sides: Mapping[str, Measurement]) -> tuple[Detail, ...]:
    if not sides:
        return ()
    said = {name: _said(side) for name, side in sides.items()}
    facts = []
    for title in next(iter(said.values())):
        base, head = (said.get(name, {}).get(title, "") for name in ("base", "head"))
        # Two runs never take the same time.
        differs = len(said) == 2 and base != head and title != "seconds"
        if base or head:
            facts.append(Detail(title, base or "nothing", head or "nothing", differs))
    return tuple(facts)


def _said(side: Measurement) -> dict[str, str]:
    operators, versions = side.unsupported_ops, side.versions
    without = ", without computing" if side.mode == "dry" else f", computing on {plain(side.device, 40)}"
    half = {"extract_feat": "the head's params", "extract_image_feat": "the params of the text's half"}.get(
        side.entry_point
    )
    rest = f"; {half} are counted, its flops are not" if half else ""
    costly = sorted(side.operators.items(), key=lambda item: (-item[1], item[0]))
    return {
        "traced": f"{plain(side.entry_point, 80)}{without}{rest}",
        "input, with batch": plain(format_input(side, batch=True)),
        "conditions": conditions_text(side.conditions, plain),
        "flops by operator": _names(
            [f"{plain(name, 80)} {format_count(flops)}" for name, flops in costly], len(costly)
        ),
        "deployed": _deployed(side),
        "not counted": _operators(operators.uncounted),
        "compiled operators not installed, by shape only": _names([*side.stubbed_ops], len(side.stubbed_ops)),
        "not counted, beside those nothing": _operators(operators.negligible),
        "never called": _names([*side.uncalled_modules], len(side.uncalled_modules)),
        "versions": plain(
            f"Python {versions.python}, torch {versions.torch}, fvcore {versions.fvcore}, mmengine {versions.mmengine}"
        ),
        "seconds": f"{side.seconds:.1f}",
    }


def _deployed(side: Measurement) -> str:
    if side.deployed is None:
        return plain(f"cannot be counted: {side.deployed_failure}", 500) if side.deployed_failure else ""
    return ", ".join(f"{name} {format_count(count)}" for name, count in side.deployed.figures.items())


def _operators(seen: Mapping[str, int]) -> str:
    often = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return _names([f"{plain(name, 80)} ×{times}" for name, times in often], len(often))


def _names(names: list[str], count: int) -> str:
    shown = ", ".join(plain(name, 120) for name in names[:MOST_NAMES])
    return f"{shown} and {count - MOST_NAMES:,} more" if count > MOST_NAMES else shown


def _trouble(side: str, failure: Failure, longest: int) -> FailureView:
    cut = len(failure.detail) > longest
    says = (
        f"Only the last {pluralize(longest, 'character')} of the detail are shown; report.json has all." if cut else ""
    )
    detail = plain_block(failure.detail[-longest:]).strip("\n")
    return FailureView(side, failure.kind, plain(failure.message, 500), FAILURE_KINDS[failure.kind].hint, detail, says)


def failures_of(*results: Result | None) -> int:
    """How many of these have a detail to show."""
    return sum(isinstance(result, Failure) and bool(result.detail) for result in results)
