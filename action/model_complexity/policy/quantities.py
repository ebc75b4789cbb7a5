"""Amounts and percentages of a policy, exact: limits are integers and fractions, never floats."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

MAX_COUNT: Final = 2**63 - 1
"""A report has no larger count."""
UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
"""Decimal multiples, as in the comment."""

AMOUNT: Final = r"^(0|[1-9][0-9]{0,18})(\.[0-9]{1,15})?[KMGTP]?$"
PERCENT: Final = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?%$"
WHOLE: Final = r"^(0|[1-9][0-9]{0,8})$"


@dataclass(frozen=True)
class Amount:
    """A limit on a count, and its text, such as ``5G``."""

    text: str
    value: int


@dataclass(frozen=True)
class Percent:
    """A limit on an increase, as a fraction of the base's count, and its text, such as ``3%``."""

    text: str
    fraction: Fraction

    def max_value(self, base: int) -> int:
        """Return the largest count that this increase over ``base`` allows."""
        return min(base + base * self.fraction.numerator // self.fraction.denominator, MAX_COUNT)


def boolean(value: object) -> object:
    """Parse the booleans of YAML 1.2's core schema, as GitHub's toolkit does, without ``yes`` and ``1``."""
    if isinstance(value, str):
        if value not in ("true", "True", "TRUE", "false", "False", "FALSE"):
            raise ValueError(f"{value[:80]!r} is neither true nor false")
        return value.lower() == "true"
    return value


def amount(value: object) -> Amount:
    """Parse ``5G``, ``1.5M`` or ``20000``.

    Raises:
        ValueError: it is not an amount; the message may suggest one.
    """
    text = _text(value, "an amount")
    if not re.fullmatch(AMOUNT, text):
        suggestion = re.sub(r"[\s_,]|FLOPS?|B$", "", text.upper())
        raise ValueError(
            f"{text[:40]!r} is not an amount, such as 5G: a number without leading zeros, then K, M, G, T, P or nothing"
            + _did_you_mean(suggestion, AMOUNT)
        )
    unit = text[-1] if text[-1] in UNITS else ""
    value = int(Fraction(text.removesuffix(unit)) * UNITS[unit])
    if value > MAX_COUNT:
        raise ValueError(f"{text[:40]!r} is more than the largest count, {MAX_COUNT:,}")
    return Amount(text, value)


def percent(value: object) -> Percent:
    """Parse ``3%`` or ``0.5%``.

    Raises:
        ValueError: it is not a percentage; the message may suggest one.
    """
    text = _text(value, "a percentage")
    if not re.fullmatch(PERCENT, text):
        suggestion = re.sub(r"[\s%+]", "", text) + "%"
        raise ValueError(f"{text[:40]!r} is not a percentage, such as 3%" + _did_you_mean(suggestion, PERCENT))
    return Percent(text, Fraction(text.removesuffix("%")) / 100)


def _whole(value: object) -> int:
    text = _text(value, "a whole number")
    if not re.fullmatch(WHOLE, text):
        raise ValueError(f"{text[:40]!r} is not a whole number without leading zeros")
    return int(text)


def _text(value: object, what: str) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"is not {what}")


def _did_you_mean(suggestion: str, pattern: str) -> str:
    return f". Did you mean {suggestion}?" if re.fullmatch(pattern, suggestion) else ""


Max = Annotated[
    Amount | None,
    PlainValidator(amount),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": AMOUNT}]}),
]
MaxIncrease = Annotated[Percent | None, PlainValidator(percent), WithJsonSchema({"type": "string", "pattern": PERCENT})]
MaxConfigs = Annotated[int, Field(ge=1, le=1_000)]
Timeout = Annotated[int, Field(ge=1, le=86_400)]
Jobs = Annotated[int, Field(ge=0, le=256)]
Whole = BeforeValidator(_whole)
