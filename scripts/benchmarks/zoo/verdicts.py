"""The verdicts on one config's row: which published figure is met under which rule, and why it is not."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from scripts.benchmarks.zoo import causes, judge

Row = dict[str, Any]


def judged(row: Row, library: str) -> Row:
    """The row with its verdicts on flops and params (None where nothing is published); a failure as it is."""
    if "failure" in row:
        return row
    return {**row, "flops": verdict(row, "flops", library), "params": verdict(row, "params", library)}


def verdict(row: Row, metric: Literal["flops", "params"], library: str, *, left_out: bool = True) -> Row | None:
    """The verdict on one figure of a row, with the cause where it is not met (``left_out``: see ``causes.explain``)."""
    published, known, stated = row["published"], row["measured"], row["published"].get("size")
    trials = (
        judge.flop_trials(known, row["size"], stated) if metric == "flops" else judge.param_trials(known, row["size"])
    )
    found = judge.judge(published[metric], trials)
    if found is None:
        return None
    trial = dataclasses.asdict(found.trial)
    answer = {"published": found.published, **trial, "error": round(found.error, 5), "band": found.band}
    if found.band == "within 1 %":
        return answer
    steps = dict(published.get("steps", ()))
    cause = causes.explain(
        row["config"], metric, published[metric], known, library=library, stated=stated, steps=steps, left_out=left_out
    )
    return {**answer, "cause": cause.text}
