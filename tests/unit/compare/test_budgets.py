"""Budget checks: states, exactness at the limit, and skipped checks."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.factories import entry, failed, measured, report

from model_complexity.compare import evaluate, skipped_checks
from model_complexity.policy import Policy, parse_policy
from model_complexity.report import BudgetCheck, Entry, UnsupportedOps

LSTM = UnsupportedOps(uncounted={"aten::lstm": 1})
NAME = "configs/a.py"


def policy(*budgets: dict[str, Any], **more: Any) -> Policy:
    return parse_policy(json.dumps({"budgets": budgets, **more}).encode())


def states(checks: tuple[BudgetCheck, ...]) -> list[str]:
    return [check.state for check in checks]


def max_of(text: str, **more: Any) -> dict[str, Any]:
    return {"metric": "flops", "max": text, **more}


@pytest.mark.parametrize(
    ("head", "base", "state"),
    [
        (8_999, 1, "ok"),
        (9_000, 1, "near"),
        (10_000, 1, "near"),
        (10_001, 1, "exceeded"),
        (10_001, 10_000, "exceeded"),
        (10_001, 10_001, "already_exceeded"),
        (10_001, 10_002, "already_exceeded"),
        (10_003, 10_002, "exceeded"),
        (10_001, None, "exceeded"),
    ],
)
def test_max_has_the_state_of_its_limit_and_base(head: int, base: int | None, state: str) -> None:
    config = entry(NAME, measured(head), None if base is None else measured(base))
    (check,) = evaluate([config], policy(max_of("10K")))
    assert check == BudgetCheck(
        config=NAME,
        shape=(3, 224, 224),
        metric="flops",
        rule="max",
        limit="10K",
        max_value=10_000,
        head=head,
        base=base,
        state=state,  # type: ignore[arg-type]
        level="fail",
    )


@pytest.mark.parametrize(
    ("limit", "base", "max_value"),
    [
        ("3%", 1_000_000, 1_030_000),
        ("0%", 7, 7),
        ("0.1%", 999, 999),
        ("0.1%", 1_000, 1_001),
        ("33.333333333%", 3, 3),
        ("33.333333334%", 3, 4),
        ("29%", 100, 129),  # 100 * 1.29 is 128.99999999999999... as a float
        ("0.7%", 10**17, 10**17 + 7 * 10**14),
        ("999999%", 2**62, 2**63 - 1),
    ],
)
def test_max_increase_is_exact_at_the_limit(limit: str, base: int, max_value: int) -> None:
    rules = policy({"metric": "params", "max-increase": limit, "level": "warn"})
    for head, state in ((max_value, "ok"), (max_value + 1, "exceeded")):
        if head < 2**63:
            (check,) = evaluate([entry(NAME, measured(1, head), measured(1, base))], rules)
            assert (check.rule, check.limit, check.max_value, check.state, check.level) == (
                "max-increase",
                limit,
                max_value,
                state,
                "warn",
            )


@given(st.integers(0, 2**62), st.integers(0, 2**62), st.decimals(0, 1_000, places=6))
def test_max_increase_equals_arithmetic_on_fractions(base: int, head: int, limit: Any) -> None:
    (check,) = evaluate(
        [entry(NAME, measured(head), measured(base))], policy({"metric": "flops", "max-increase": f"{limit}%"})
    )
    allowed = Fraction(base) * (1 + Fraction(limit) / 100)
    assert check.state == ("ok" if head <= allowed else "exceeded")


def test_limit_is_exact() -> None:
    for text, max_value in {"0.3G": 300_000_000, "1.1K": 1_100, "2.3P": 23 * 10**14, "1.0005K": 1_000, "0": 0}.items():
        (check,) = evaluate([entry(NAME, measured(1), None)], policy(max_of(text)))
        assert check.max_value == max_value


def test_failing_or_removed_config_has_no_checks() -> None:
    rules = policy(max_of("1"), {"metric": "flops", "max-increase": "0%"})
    assert evaluate([entry(NAME, failed(), measured(1)), entry(NAME, None, measured(9))], rules) == ()


def test_max_increase_has_no_check_when_the_base_is_not_measured() -> None:
    rules = policy({"metric": "flops", "max-increase": "0%"})
    assert evaluate([entry(NAME, measured(9), None), entry(NAME, measured(9), failed())], rules) == ()
    assert skipped_checks([entry(NAME, measured(9), None), entry(NAME, measured(9), failed())], rules) == ()


@pytest.mark.parametrize(
    ("base", "checked"),
    [
        (measured(1, 1, 1, entry_point="forward"), ["params"]),
        (measured(1, 1, 1, unsupported_ops=LSTM), ["params", "activations"]),
        (measured(1, 1, 1, device="cuda"), ["flops", "params", "activations"]),
    ],
)
def test_max_increase_is_skipped_with_a_note_when_not_comparable(base: Any, checked: list[str]) -> None:
    figures = ("flops", "params", "activations")
    rules = policy(*({"metric": metric, "max-increase": "0%"} for metric in figures))
    config = entry(NAME, measured(9, 9, 9), base)
    assert [(check.metric, check.state) for check in evaluate([config, config], rules)] == [
        (name, "exceeded") for name in checked
    ] * 2
    notes = skipped_checks([config, config], rules)
    assert [note.split(":")[0] for note in notes] == [
        f"`max-increase` on {name} was skipped 2 times" for name in figures if name not in checked
    ]


def test_max_is_exceeded_when_the_base_is_not_comparable() -> None:
    (check,) = evaluate([entry(NAME, measured(9), measured(10, entry_point="forward"))], policy(max_of("5")))
    assert (check.state, check.base) == ("exceeded", None)


def test_budget_applies_to_its_globs_and_shapes_in_order() -> None:
    budgets = [
        max_of("1", configs=["configs/**", "!configs/b.py"]),
        max_of("2", configs="!configs/a.py"),
        max_of("3", shapes=[224, "auto"]),
        max_of("4", shapes="32x64"),
        max_of("5", shapes="auto"),
    ]
    a, b = entry("configs/a.py", measured(9), None), entry("configs/b.py", measured(9), None)
    auto = a.model_copy(update={"shape": "auto", "head": measured(9, input_shape=(1, 3, 32, 64))})
    named = a.model_copy(update={"shape": "points=4x4", "head": measured(9, input_shape=(1, 4, 4))})
    checks = evaluate([a, b, auto, named], policy(*budgets))
    assert [(check.config[-4], check.shape, check.limit) for check in checks] == [
        ("a", (3, 224, 224), "1"),
        ("a", (3, 224, 224), "3"),
        ("b", (3, 224, 224), "2"),
        ("b", (3, 224, 224), "3"),
        ("a", "auto", "1"),
        ("a", "auto", "3"),
        ("a", "auto", "4"),
        ("a", "auto", "5"),
        ("a", "points=4x4", "1"),
    ]


def test_renamed_config_is_checked_under_its_new_path() -> None:
    moved = entry("configs/new.py", measured(9), measured(9), base_config="configs/old.py", reason="renamed")
    assert states(evaluate([moved], policy(max_of("5", configs="configs/old.py")))) == []
    assert states(evaluate([moved], policy(max_of("5", configs="configs/new.py")))) == ["already_exceeded"]


def test_ignored_config_has_a_reason_when_its_budget_is_exceeded() -> None:
    ignore = [
        {"configs": "configs/a.py", "metric": "flops", "reason": "A teacher."},
        {"configs": "configs/**", "metric": "params", "reason": "All of them."},
    ]
    rules = policy(max_of("5"), {"metric": "params", "max": "5"}, {"metric": "activations", "max": "5"}, ignore=ignore)
    entries = [
        entry("configs/a.py", measured(9, 9, 9), measured(9, 9, 9)),
        entry("configs/b.py", measured(9, 1, 1), None),
    ]
    assert [(check.state, check.reason) for check in evaluate(entries, rules)] == [
        ("ignored", "A teacher."),
        ("ignored", "All of them."),
        ("already_exceeded", None),
        ("exceeded", None),
        ("ok", None),
        ("ok", None),
    ]


def exceeded_check(level: str, state: str = "exceeded") -> BudgetCheck:
    (check,) = evaluate([entry(NAME, measured(9), None)], policy(max_of("5", level=level)))
    return check.model_copy(update={"state": state})


@pytest.mark.parametrize(
    ("budgets", "policy_is", "verdict"),
    [
        ([], "none", "pass"),
        ([], "applied", "pass"),
        ([], "not_applied", "unknown"),
        ([exceeded_check("warn")], "applied", "warn"),
        ([exceeded_check("warn"), exceeded_check("fail")], "applied", "fail"),
        ([exceeded_check("fail", state) for state in ("ok", "near", "already_exceeded", "ignored")], "applied", "pass"),
    ],
)
def test_verdict_is_the_worst_level_that_is_exceeded(budgets: list[BudgetCheck], policy_is: str, verdict: str) -> None:
    assert report(budgets=tuple(budgets), policy=policy_is).verdict == verdict


def test_evaluate_is_empty_when_the_policy_has_no_budgets() -> None:
    entries: list[Entry] = [entry(NAME, measured(9), measured(1))]
    assert (evaluate(entries, Policy()), skipped_checks(entries, Policy())) == ((), ())
