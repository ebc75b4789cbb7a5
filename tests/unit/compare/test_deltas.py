"""Deltas and statuses of configs."""

from __future__ import annotations

import pytest
from tests.support.factories import entry, failed, measured

from model_complexity.common.metrics import METRICS
from model_complexity.compare import delta_of, status_of
from model_complexity.report import Entry, UnsupportedOps

LSTM = UnsupportedOps(uncounted={"aten::lstm": 1})


def test_delta_is_exact_and_relative() -> None:
    change = entry("a.py", measured(3_000, 10), measured(2_000, 0))
    assert delta_of("flops", change) == (1_000, 0.5)
    assert delta_of("params", change) == (10, None)
    assert delta_of("activations", change) == (0, 0.0)


@pytest.mark.parametrize(
    ("config", "status"),
    [
        (entry("a.py", measured(2), measured(1)), "changed"),
        (entry("a.py", measured(1, activations=3), measured(1, activations=4)), "changed"),
        (entry("a.py", measured(1), measured(1)), "unchanged"),
        (entry("a.py", measured(1), measured(1, unsupported_ops=LSTM)), "changed"),
        (entry("a.py", measured(1), measured(1, entry_point="forward")), "incomparable"),
        (entry("a.py", measured(1, 2), measured(9, 1, entry_point="forward")), "incomparable"),
        (entry("a.py", measured(1), None), "added"),
        (entry("a.py", None, measured(1)), "removed"),
        (entry("a.py", None, failed()), "base_failing"),
        (entry("a.py", failed(), measured(1)), "newly_failing"),
        (entry("a.py", failed(), failed()), "still_failing"),
        (entry("a.py", measured(1), measured(1), reason="renamed", base_config="b.py"), "renamed"),
        (entry("a.py", measured(1), measured(2), reason="renamed", base_config="b.py"), "changed"),
        (entry("a.py", failed(), None), "failing"),
        (entry("a.py", measured(1), failed()), "fixed"),
    ],
)
def test_status_depends_on_both_sides(config: Entry, status: str) -> None:
    assert status_of(config, compared=True) == status


def test_status_is_measured_when_the_run_has_no_base() -> None:
    assert status_of(entry("a.py", measured(1), None), compared=False) == "measured"


def test_delta_is_none_when_a_side_is_missing() -> None:
    assert delta_of("flops", entry("a.py", measured(1), failed())) is None
    assert delta_of("flops", entry("a.py", measured(1), None)) is None


def test_delta_of_flops_is_none_when_entry_points_differ() -> None:
    other = entry("a.py", measured(1, 30), measured(9, 20, entry_point="forward"))
    assert {metric: delta_of(metric, other) for metric in METRICS} == dict.fromkeys(METRICS) | {"params": (10, 0.5)}
