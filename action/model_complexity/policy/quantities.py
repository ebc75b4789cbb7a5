"""Amounts and percentages as a policy writes them, exact: a limit is compared as an integer or a fraction, never as a float."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

LARGEST: Final = 2**63 - 1
"""Of every count in a report."""
UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15}
"""Decimal, as the comment writes figures."""

AMOUNT: Final = r"^(0|[1-9][0-9]{0,18})(\.[0-9]{1,15})?[KMGTP]?$"
PERCENT: Final = r"^(0|[1-9][0-9]{0,5})(\.[0-9]{1,9})?%$"
WHOLE: Final = r"^(0|[1-9][0-9]{0,8})$"


@dataclass(frozen=True)
class Amount:
    """A limit on a figure: the largest count that keeps it, and the text that says so, such as ``5G``."""

    text: str
    most: int


@dataclass(frozen=True)
class Percent:
    """A limit on an increase: a fraction of the base's figure, and the text that says so, such as ``3%``."""

    text: str
    share: Fraction

    def most(self, base: int) -> int:
        """The largest count that is no more above ``base`` than this."""
        return min(base + base * self.share.numerator // self.share.denominator, LARGEST)


def boolean(value: object) -> object:
    """The YAML 1.2 core schema's booleans, as GitHub's own toolkit takes them; ``yes`` and ``1`` are not among them."""
    if isinstance(value, str):
        if value not in ("true", "True", "TRUE", "false", "False", "FALSE"):
            raise ValueError(f"{value[:80]!r} is neither true nor false")
        return value.lower() == "true"
    return value


def amount(value: object) -> Amount:
    """Reads ``5G``, ``1.5M`` or ``20000``.

    Raises:
        ValueError: it is not an amount; with a suggestion where one is near.
    """
    text = _text(value, "an amount")
    if not re.fullmatch(AMOUNT, text):
        near = re.sub(r"[\s_,]|FLOPS?|B$", "", text.upper())
        raise ValueError(
            f"{text[:40]!r} is not an amount: a number without leading zeros, and K, M, G, T or P behind it, as in 5G"
            + _did_you_mean(near, AMOUNT)
        )
    unit = text[-1] if text[-1] in UNITS else ""
    most = int(Fraction(text.removesuffix(unit)) * UNITS[unit])
    if most > LARGEST:
        raise ValueError(f"{text[:40]!r} is more than can be counted")
    return Amount(text, most)


def percent(value: object) -> Percent:
    """Reads ``3%`` or ``0.5%``.

    Raises:
        ValueError: it is not a percentage; with a suggestion where one is near.
    """
    text = _text(value, "a percentage")
    if not re.fullmatch(PERCENT, text):
        near = re.sub(r"[\s%+]", "", text) + "%"
        raise ValueError(f"{text[:40]!r} is not a percentage, as in 3%" + _did_you_mean(near, PERCENT))
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


def _did_you_mean(near: str, pattern: str) -> str:
    return f". Did you mean {near}?" if re.fullmatch(pattern, near) else ""


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
