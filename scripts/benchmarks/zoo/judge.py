"""Compare measured metrics with published ones: within 1 % under a named rule, within 5 %, or outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Rule = Literal[
    "as is",
    "at the published input size",
    "deploy form",
    "head included",
    "attention not counted by the authors",
]
RULES: tuple[Rule, ...] = (
    "as is",
    "at the published input size",
    "deploy form",
    "head included",
    "attention not counted by the authors",
)
"""In the order in which they are tried. The first that fits is named."""
CLOSE, NEAR = 0.01, 0.05


_ATTENTION = ("scaled_dot_product_attention", "matmul", "bmm", "baddbmm", "einsum")
"""Products of two results; a product with a parameter is traced as ``linear`` or ``addmm``."""


@dataclass(frozen=True)
class Trial:
    """A value measured under one rule."""

    rule: Rule
    value: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Verdict:
    """A published value and the trial that it is compared with."""

    published: int
    trial: Trial

    @property
    def error(self) -> float:
        """The relative error, e.g. 0.02 if 2 % more were measured."""
        return self.trial.value / self.published - 1

    @property
    def band(self) -> Literal["within 1 %", "within 5 %", "outside"]:
        """The band of the error."""
        if abs(self.error) <= CLOSE:
            return "within 1 %"
        return "within 5 %" if abs(self.error) <= NEAR else "outside"


def judge(published: Sequence[int], trials: Iterable[Trial]) -> Verdict | None:
    """Return the verdict on one config, or None if nothing is published or measured.

    Of several published values, the nearest counts.
    """
    ordered = sorted(trials, key=lambda trial: RULES.index(trial.rule))
    if not published or not ordered:
        return None
    verdicts = [min((Verdict(figure, trial) for figure in published), key=_distance) for trial in ordered]
    close = next((verdict for verdict in verdicts if verdict.band == "within 1 %"), None)
    # If none is close, the plain count is more informative than a rule that is nearer by chance.
    return close or verdicts[0]


def flop_trials(
    measured: Iterable[dict[str, Any]], own_size: Sequence[int], stated: Sequence[int] | None = None
) -> list[Trial]:
    """Return the trials of one config from answers with ``size``, ``form``, ``flops`` and ``operators``.

    If a size is published, measurements at other sizes are no trials.
    """
    trials = []
    for answer in measured:
        size = (answer["size"][0], answer["size"][1])
        own = size == tuple(own_size)
        if answer["form"] == "modules" or (stated and size != tuple(stated)):
            continue  # another tool's count: it may be a cause, it is no rule
        trials.append(Trial(_rule(answer["form"], own=own), answer["flops"], size))
        attention = attention_of(answer)
        if answer["form"] == "plain" and (own or stated) and attention:
            trials.append(Trial("attention not counted by the authors", answer["flops"] - attention, size))
    return trials


def attention_of(measured: dict[str, Any]) -> int:
    """Return the flops of products of two results."""
    return sum(measured["operators"].get(name, 0) for name in _ATTENTION)


def param_trials(measured: Iterable[dict[str, Any]], own_size: Sequence[int]) -> list[Trial]:
    """Return the trials of parameters, which depend on the form but not on the size."""
    return [
        Trial("deploy form" if answer["form"] == "deploy" else "as is", answer["params"], tuple(answer["size"]))
        for answer in measured
        if answer["form"] == "deploy" or (answer["form"] == "plain" and list(answer["size"]) == list(own_size))
    ]


def _rule(form: str, *, own: bool) -> Rule:
    if form == "deploy":
        return "deploy form"
    if form == "head":
        return "head included"
    return "as is" if own else "at the published input size"


def _distance(verdict: Verdict) -> float:
    return abs(verdict.error)
