"""Holds measured figures against published ones: within 1 % under a named rule, within 5 %, or outside."""

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
"""In the order in which they are tried: the first that holds is named."""
CLOSE, NEAR = 0.01, 0.05


_ATTENTION = ("scaled_dot_product_attention", "matmul", "bmm", "baddbmm", "einsum")
"""Products of two results; a product with a parameter is traced as ``linear`` or ``addmm``."""


@dataclass(frozen=True)
class Trial:
    """A figure measured in one way, and the rule that this way stands for."""

    rule: Rule
    value: int
    size: tuple[int, int]


@dataclass(frozen=True)
class Verdict:
    """How a published figure compares with the trial that decides: the first one that is close, else the nearest."""

    published: int
    trial: Trial

    @property
    def error(self) -> float:
        """Measured against published, e.g. 0.02 for 2 % more."""
        return self.trial.value / self.published - 1

    @property
    def band(self) -> Literal["within 1 %", "within 5 %", "outside"]:
        """Where it falls."""
        if abs(self.error) <= CLOSE:
            return "within 1 %"
        return "within 5 %" if abs(self.error) <= NEAR else "outside"


def judge(published: Sequence[int], trials: Iterable[Trial]) -> Verdict | None:
    """The verdict on the figures published for one config, or None where nothing is published or measured.

    Where several checkpoints of a config name different figures, the one that comes nearest counts.
    """
    ordered = sorted(trials, key=lambda trial: RULES.index(trial.rule))
    if not published or not ordered:
        return None
    verdicts = [min((Verdict(figure, trial) for figure in published), key=_distance) for trial in ordered]
    close = next((verdict for verdict in verdicts if verdict.band == "within 1 %"), None)
    # Of those that do not hold, the plain one tells more than a rule that happens to come nearer.
    return close or verdicts[0]


def flop_trials(
    measured: Iterable[dict[str, Any]], own_size: Sequence[int], stated: Sequence[int] | None = None
) -> list[Trial]:
    """The trials of one config, from its jobs' answers: dictionaries with ``size``, ``form``, ``flops``, ``operators``.

    Where a size is stated beside the published figure, what was measured at another one is no trial.
    """
    trials = []
    for one in measured:
        size = (one["size"][0], one["size"][1])
        own = size == tuple(own_size)
        if one["form"] == "modules" or (stated and size != tuple(stated)):
            continue  # another tool's count: it may be a cause, it is no rule
        trials.append(Trial(_rule(one["form"], own=own), one["flops"], size))
        attention = attention_of(one)
        if one["form"] == "plain" and (own or stated) and attention:
            trials.append(Trial("attention not counted by the authors", one["flops"] - attention, size))
    return trials


def attention_of(measured: dict[str, Any]) -> int:
    """What the products of two results cost."""
    return sum(measured["operators"].get(name, 0) for name in _ATTENTION)


def param_trials(measured: Iterable[dict[str, Any]], own_size: Sequence[int]) -> list[Trial]:
    """As ``flop_trials``, for parameters: the size and what is traced do not change them, the deploy form does."""
    return [
        Trial("deploy form" if one["form"] == "deploy" else "as is", one["params"], (one["size"][0], one["size"][1]))
        for one in measured
        if one["form"] == "deploy" or (one["form"] == "plain" and list(one["size"]) == list(own_size))
    ]


def _rule(form: str, *, own: bool) -> Rule:
    if form == "deploy":
        return "deploy form"
    if form == "head":
        return "head included"
    return "as is" if own else "at the published input size"


def _distance(verdict: Verdict) -> float:
    return abs(verdict.error)
