"""Numbers, inputs, conditions and budgets as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from model_complexity.common import table
from model_complexity.common.metrics import METRICS
from model_complexity.common.shapes import InputSpec
from model_complexity.common.text import format_count
from model_complexity.compare import Delta
from model_complexity.escape import code, inline, plain
from model_complexity.report import BudgetCheck, Entry, Measurement

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
"""Between a number and its unit: a table cell breaks at any other space."""
LONGEST_CONDITION = 120
"""Characters of one condition."""
_LONGEST_WITH_NAMES = 240
_LONGEST_NAME = 40
"""Characters of a condition that names operators and modules, and of one such name."""
MAX_CONDITIONS = 4
"""Conditions of one measurement that are named."""
CONVENTION: Final = "One multiply-accumulate is one FLOP. Double the FLOPs to count additions as well."


def signed(delta: Delta) -> tuple[str, ...]:
    """Write a delta: ``+0.715G`` and ``+4.24 %``, or ``no change``. Without a percentage if the base is 0."""
    if delta.absolute == 0:
        return ("no change",)
    absolute = _sign(delta.absolute) + format_count(abs(delta.absolute))
    return (absolute,) if delta.relative is None else (absolute, percent(delta.relative))


def percent(relative: float) -> str:
    """Write a signed percentage with two decimals. A small change is not rounded to zero."""
    if abs(relative) < 0.00005:
        return f"{_sign(relative)}<0.01{NBSP}%"
    return f"{_sign(relative)}{abs(relative) * 100:,.2f}{NBSP}%"


def shape_text(shape: Sequence[int]) -> str:
    """Write a shape on one line of a table cell."""
    return table.format_shape(shape, NBSP)


def requested_text(requested: InputSpec) -> str:
    """Write the requested input, of a config without a resolved shape."""
    return requested if isinstance(requested, str) else shape_text(requested)


def format_input(measurement: Measurement, *, batch: bool = False) -> str:
    """Write the resolved input on one line of a table cell."""
    return table.format_input(_inputs_of(measurement), batch=batch, space=NBSP)


def input_text(entry: Entry) -> str:
    """Write the resolved input of an entry, or the requested one where it failed."""
    return format_input(entry.primary) if isinstance(entry.primary, Measurement) else requested_text(entry.shape)


def page_block(measurement: Measurement) -> str:
    """Write the summary block of the reference page."""
    return table.summary_block(table.format_input(_inputs_of(measurement)), measurement.figures)


def page_rows(measurement: Measurement) -> list[table.ModuleRow]:
    """Return the modules as the reference page's table takes them."""
    return [table.ModuleRow(module.name, module.figures, module.shape) for module in measurement.modules]


def _inputs_of(measurement: Measurement) -> dict[str, Any]:
    return {"input_shape": measurement.input_shape, "inputs": measurement.inputs}


def conditions_text(conditions: Sequence[str], write: Callable[[str], str]) -> str:
    """Write conditions, exclusions last: ``1,000 proposals; without post-processing``. Blank without any.

    What depends on values or on chance comes first, so that it is always named.

    Args:
        conditions: of a measurement. They are untrusted.
        write: makes one of them safe for where it is printed.
    """
    ordered = sorted(conditions, key=_rank)
    shown = [write(_shorten(condition)) for condition in ordered[:MAX_CONDITIONS]]
    if len(ordered) > MAX_CONDITIONS:
        shown.append(pluralize(len(ordered) - MAX_CONDITIONS, "more condition"))
    return "; ".join(shown)


def _rank(condition: str) -> int:
    return 0 if condition.startswith("depends on ") else 2 if is_exclusion(condition) else 1


def _shorten(condition: str) -> str:
    parts = condition.split("`")
    if len(parts) == 1 or not _has_names(parts):
        return plain(condition, LONGEST_CONDITION)
    names = (plain(part, _LONGEST_NAME) if place % 2 else part for place, part in enumerate(parts))
    return plain("`".join(names), _LONGEST_WITH_NAMES)


def condition_markdown(condition: str) -> str:
    """Write a condition or a reason as Markdown: plain words with names in backticks unchanged, any other as a code span."""
    parts = condition.split("`")
    if not _has_names(parts):
        return code(condition)
    return "".join(code(part) if place % 2 else part for place, part in enumerate(parts))


def _has_names(parts: Sequence[str]) -> bool:
    """Return whether a text, split at its backticks, is plain words with names between them."""
    words, names = parts[::2], parts[1::2]
    # Two code spans need words between them, or their backticks are one run.
    is_well_formed = len(parts) % 2 and all(part.strip() for part in (*words[1:-1], *names))
    return bool(is_well_formed) and all(map(_is_plain, words))


def _is_plain(words: str) -> bool:
    # A colon is an emoji's (`:tada:`) or an address's only before another character.
    words = words.replace(": ", " ")
    return inline(words) == words


def base_conditions_text(conditions: Sequence[str], head: Sequence[str], write: Callable[[str], str]) -> str:
    """Write the base's conditions, where ``head``'s differ."""
    if text := conditions_text(conditions, write):
        return f"at the base: {text}"
    return f"at the base without {'this condition' if len(head) < 2 else 'these conditions'}"


def is_exclusion(condition: str) -> bool:
    """Return whether a condition names what the figures leave out."""
    return condition.startswith("without ")


def share(part: float) -> str:
    """Write a part of a whole with one decimal: ``33.1 %``. A small part is not rounded to zero."""
    return f"<0.1{NBSP}%" if 0 < part < 0.0005 else f"{part * 100:.1f}{NBSP}%"


def describe_budget(check: BudgetCheck) -> str:
    """Write a figure against its limit: ``23.186G FLOPs, 3.186G over the limit of 20G``."""
    limit = f"the limit of {check.limit}"
    if check.rule == "max-increase":
        limit = f"the {format_count(check.max_value)} that an increase of {check.limit} allows"
    text = f"{format_count(check.head)} {METRICS[check.metric].noun}"
    over = check.head - check.max_value
    if over > 0:
        return f"{text}, {format_count(over)} over {limit}"
    return f"{text}, {share(check.head / check.max_value) if check.max_value else 'all'} of {limit}"


def join_limited(names: Sequence[str], limit: int) -> str:
    """Join the first names: ``a, b and 3 more``."""
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def pluralize(number: int, noun: str) -> str:
    """Write a number with its noun: ``1 config``, ``2 configs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sign(value: float) -> str:
    return MINUS if value < 0 else "+"
