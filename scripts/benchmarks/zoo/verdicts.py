"""The verdicts on one config's row: which published metric is met under which rule, and why not."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from scripts.benchmarks.zoo import causes, judge

Row = dict[str, Any]


def add_verdicts(row: Row, library: str) -> Row:
    """Return the row with verdicts on flops and params: None if not published. A failure is unchanged."""
    if "failure" in row:
        return row
    return {**row, "flops": verdict(row, "flops", library), "params": verdict(row, "params", library)}


def verdict(row: Row, metric: Literal["flops", "params"], library: str, *, left_out: bool = True) -> Row | None:
    """Return the verdict on one metric, with the cause of a mismatch. ``left_out``: see ``causes.explain``."""
    published, known, stated = row["published"], row["measured"], row["published"].get("size")
    trials = (
        judge.flop_trials(known, row["size"], stated) if metric == "flops" else judge.param_trials(known, row["size"])
    )
    decided = judge.judge(published[metric], trials)
    if decided is None:
        return None
    trial = dataclasses.asdict(decided.trial)
    answer = {"published": decided.published, **trial, "error": round(decided.error, 5), "band": decided.band}
    if decided.band == "within 1 %":
        return answer
    steps = dict(published.get("steps", ()))
    cause = causes.explain(
        row["config"], metric, published[metric], known, library=library, stated=stated, steps=steps, left_out=left_out
    )
    return {**answer, "cause": cause.text}
