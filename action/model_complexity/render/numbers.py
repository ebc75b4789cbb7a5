"""Numbers as the comment writes them: the page's figures, and deltas with a sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from model_complexity.common.metrics import METRICS
from model_complexity.common.shapes import InputSpec
from model_complexity.common.text import format_count
from model_complexity.compare import Delta
from model_complexity.escape import plain
from model_complexity.report import BudgetCheck, Entry, Measurement

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
"""Between a number and its unit: a table cell breaks at any other space."""
LONGEST_CONDITION = 80
MOST_CONDITIONS = 4
"""Conditions of one measurement that are named, and their characters."""


def signed(delta: Delta) -> tuple[str, ...]:
    """``+0.715G`` and ``+4.24 %``, or ``no change``, or the first alone where the base is 0."""
    if delta.absolute == 0:
        return ("no change",)
    absolute = _sign(delta.absolute) + format_count(abs(delta.absolute))
    return (absolute,) if delta.relative is None else (absolute, percent(delta.relative))


def percent(relative: float) -> str:
    """Two decimals and a sign; a change too small to show is not shown as none."""
    if abs(relative) < 0.00005:
        return f"{_sign(relative)}<0.01{NBSP}%"
    return f"{_sign(relative)}{abs(relative) * 100:,.2f}{NBSP}%"


def shape_text(shape: Sequence[int]) -> str:
    """``(3, 224, 224)``, as the page's block writes it, kept on one line."""
    return f"({f',{NBSP}'.join(str(side) for side in shape)})"


def asked_text(asked: InputSpec) -> str:
    """What was asked for, where nothing was fed."""
    return asked if isinstance(asked, str) else shape_text(asked)


def format_input(measurement: Measurement, *, batch: bool = False) -> str:
    """What was fed: ``(3, 224, 224)``, or each named input with its name."""
    first = 0 if batch else 1
    if not measurement.inputs:
        return shape_text(measurement.input_shape[first:])
    return ", ".join(f"{name} {shape_text(shape[first:])}" for name, shape in measurement.inputs.items())


def conditions_text(conditions: Sequence[str], write: Callable[[str], str]) -> str:
    """What figures hold for, then what they leave out: ``for 1,000 proposals, without post-processing``; blank for nothing.

    Args:
        conditions: as a measurement has them. They are untrusted.
        write: makes one of them safe for where it is printed.
    """
    without = [one for one in conditions if is_without(one)]
    for_what = [one for one in conditions if not is_without(one)]
    primary = [write(plain(one, LONGEST_CONDITION)) for one in [*for_what, *without][:MOST_CONDITIONS]]
    if len(conditions) > MOST_CONDITIONS:
        primary.append(f"{len(conditions) - MOST_CONDITIONS} more conditions")
    return ("for " if for_what else "") + ", ".join(primary)


def before_text(conditions: Sequence[str], write: Callable[[str], str]) -> str:
    """The same of the base, where head's are others."""
    return f"at the base {conditions_text(conditions, write) or 'without such a condition'}"


def is_without(condition: str) -> bool:
    """Whether a condition names what was left out of the figures, not what they hold for."""
    return condition.startswith("without ")


def input_text(entry: Entry) -> str:
    """What an entry is about: what was fed, or what was asked for where it could not be measured."""
    return format_input(entry.primary) if isinstance(entry.primary, Measurement) else asked_text(entry.shape)


def share(part: float) -> str:
    """A part of a whole with one decimal: ``33.1 %``; a part too small to show is not shown as none."""
    return f"<0.1{NBSP}%" if 0 < part < 0.0005 else f"{part * 100:.1f}{NBSP}%"


def describe_budget(check: BudgetCheck) -> str:
    """What a budget says of a config: ``23.186G FLOPs, 3.186G over the limit of 20G``."""
    limit = f"the limit of {check.limit}"
    if check.rule == "max-increase":
        limit = f"the {format_count(check.most)} that an increase of {check.limit} allows"
    text = f"{format_count(check.head)} {METRICS[check.metric].noun}"
    over = check.head - check.most
    if over > 0:
        return f"{text}, {format_count(over)} over {limit}"
    return f"{text}, {share(check.head / check.most) if check.most else 'all'} of {limit}"


def pluralize(number: int, noun: str) -> str:
    """``1 config``, ``2 configs``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _sign(value: float) -> str:
    return MINUS if value < 0 else "+"
