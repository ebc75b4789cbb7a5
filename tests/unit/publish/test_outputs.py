"""Outputs for later steps: bounded, exact, worst first."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.factories import counts, entry, failed, measured, report

from model_complexity.publish.outputs import EMPTY_RESULTS, MAX_RESULTS_LENGTH, largest_increase, results
from model_complexity.report import BudgetCheck, Entry, UnsupportedOps


def budget(config: str, level: Any = "fail", state: Any = "exceeded") -> BudgetCheck:
    return BudgetCheck(
        config=config,
        shape=(3, 224, 224),
        metric="flops",
        rule="max",
        limit="5",
        max_value=5,
        head=9,
        base=None,
        state=state,
        level=level,
    )


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([], ""),
        ([(5, None)], ""),
        ([(5, 0)], ""),
        ([(5, 5)], "0.0000"),
        ([(1124, 1000)], "12.4000"),
        ([(4, 3)], "33.3334"),
        ([(10**18 + 1, 10**18)], "0.0001"),
        ([(969, 1000), (5, 10)], "-3.1000"),
        ([(5, 10), (11, 10)], "10.0000"),
        ([(10**18 - 1, 10**18)], "-0.0001"),
    ],
)
def test_largest_increase_is_the_largest_relative_change(pairs: list[tuple[int, int | None]], text: str) -> None:
    entries = [entry("a.py", measured(1, head), None if base is None else measured(1, base)) for head, base in pairs]
    assert largest_increase(report(*entries), "params") == text


def test_largest_increase_is_empty_when_nothing_is_comparable() -> None:
    other = [
        entry("a.py", measured(2), measured(1, entry_point="forward")),
        entry("a.py", measured(2), measured(1, unsupported_ops=UnsupportedOps(uncounted={"aten::lstm": 1}))),
        entry("a.py", failed(), measured(1)),
    ]
    assert (largest_increase(report(*other), "flops"), largest_increase(report(*other), "params")) == ("", "0.0000")


def test_results_are_complete_json() -> None:
    found = json.loads(results(report(entry("a.py", measured(9, 2, 3), measured(8, 2, 3)), budgets=(budget("a.py"),))))
    assert found == {
        "results": [
            {
                "config": "a.py",
                "shape": [3, 224, 224],
                "status": "changed",
                "verdict": "fail",
                "head": counts(9, 2, 3),
                "base": counts(8, 2, 3),
                "failure": None,
                "exceeded": ["flops max 5"],
            }
        ],
        "left_out": 0,
    }
    assert results(report()) == EMPTY_RESULTS


def test_results_are_ordered_worst_first() -> None:
    auto = entry("auto.py", measured(9), None).model_copy(update={"shape": "auto"})
    entries = [
        auto,
        entry("less.py", measured(1), measured(10)),
        entry("same.py", measured(1), measured(1)),
        entry("warned.py", measured(1), measured(1)),
        entry("failing.py", failed(), measured(1)),
        entry("known.py", measured(1), measured(1)),
        entry("more.py", measured(3), measured(2)),
        entry("exceeded.py", measured(1), measured(1)),
    ]
    checks = budget("warned.py", "warn"), budget("exceeded.py"), budget("known.py", state="ignored")
    found = json.loads(results(report(*entries, budgets=checks)))["results"]
    assert [one["config"].removesuffix(".py") for one in found] == [
        *("exceeded", "warned", "failing", "less", "more"),
        *("auto", "same", "known"),
    ]
    assert (found[2]["failure"], found[2]["head"], found[5]["shape"]) == ("build", None, "auto")


@given(st.lists(st.text(min_size=1, max_size=4_000), max_size=12))
def test_results_are_one_bounded_line_of_json(names: list[str]) -> None:
    entries: list[Entry] = [entry(name, measured(9), None) for name in names]
    text = results(report(*entries))
    assert len(text) <= MAX_RESULTS_LENGTH
    assert text.isascii()
    assert "\n" not in text
    found = json.loads(text)
    assert len(found["results"]) + found["left_out"] == len(names)
    assert [one["config"] for one in found["results"]] == names[: len(found["results"])]


def test_results_that_do_not_fit_are_counted() -> None:
    found = json.loads(results(report(*(entry(f"configs/{n}.py", measured(9), None) for n in range(1_000)))))
    assert found["left_out"] > 0
    assert len(found["results"]) + found["left_out"] == 1_000
