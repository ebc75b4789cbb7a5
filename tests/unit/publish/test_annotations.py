"""Annotations: heaviest first, as many as GitHub shows, and no untrusted workflow command."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.support.factories import entry, failed, measured, report

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.policy import PolicyIssue
from model_complexity.publish.annotations import MAX_PER_LEVEL, annotate, policy_annotations, report_annotations
from model_complexity.report import BudgetCheck, DiscoveryWarning, Report


def budget(config: str = "configs/a.py", head: int = 9_000, **more: Any) -> BudgetCheck:
    defaults = {
        "shape": (3, 224, 224),
        "metric": "flops",
        "rule": "max",
        "limit": "5K",
        "max_value": 5_000,
        "base": 4_000,
    }
    return BudgetCheck(**({"config": config, "head": head, "state": "exceeded", "level": "fail"} | defaults | more))


def annotated(found: Report, *, errors: bool = False, warned: int = 0) -> list[str]:
    log = io.StringIO()
    annotate(log, report_annotations(found, failures_are_errors=errors), lambda path: 7, warned=warned)
    return log.getvalue().splitlines()


def test_exceeded_budget_is_annotated_on_the_line_of_the_model() -> None:
    where = "title=Budget exceeded,file=configs/a.py,line=7"
    assert annotated(report(budgets=(budget(),))) == [
        f"::error {where}::At (3, 224, 224): 9K FLOPs, 4K over the limit of 5K."
    ]
    grown = budget(rule="max-increase", limit="25%", level="warn", shape="auto")
    assert annotated(report(budgets=(grown,))) == [
        f"::warning {where}::9K FLOPs, 4K over the 5K that an increase of 25%25 allows."
    ]


def test_budgets_are_not_annotated_when_not_exceeded() -> None:
    states = ("ok", "near", "already_exceeded", "ignored")
    assert annotated(report(budgets=tuple(budget(state=state) for state in states))) == []


def test_failures_at_head_are_annotated_with_their_hint() -> None:
    both = report(entry("a.py", failed(), measured(1)), entry("b.py", failed(), failed()))
    first, second = annotated(both)
    assert first == (
        "::warning title=Measurement failed,file=a.py,line=7::"
        f"Failed at (3, 224, 224) (build): KeyError: no such net. {FAILURE_KINDS['build'].hint}"
    )
    assert second.endswith("It also fails at the merge base.")
    assert [line.split()[0] for line in annotated(both, errors=True)] == ["::error", "::error"]


def test_discovery_warnings_and_policy_issues_are_annotated() -> None:
    assert annotated(report(warnings=(DiscoveryWarning(config="a.py", message="holds a call"),))) == [
        "::warning title=Model Complexity,file=a.py,line=1::a.py: holds a call"
    ]
    log = io.StringIO()
    annotate(log, policy_annotations([PolicyIssue(3, 5, "budgets[0].max", "is missing")], "error"), lambda path: 7)
    assert log.getvalue() == (
        "::error title=Model Complexity policy,file=.github/model-complexity.yml,line=3::"
        "line 3, column 5: budgets[0].max: is missing\n"
    )


def test_heaviest_come_first_and_the_others_are_counted() -> None:
    many = [budget(f"configs/{number:02}.py", 9_000 + number) for number in range(12)]
    failures = [entry(f"f{number}.py", failed(), None) for number in range(12)]
    warnings = (DiscoveryWarning(config="p.py", message="holds a call"),)
    lines = annotated(report(*failures, budgets=tuple(many), warnings=warnings), warned=2)
    errors = [line for line in lines if line.startswith("::error")]
    warnings = [line for line in lines if line.startswith("::warning")]
    assert (len(errors), len(warnings)) == (MAX_PER_LEVEL, MAX_PER_LEVEL - 2)
    assert "configs/11.py" in errors[0]
    assert errors[-1].endswith("::4 more. See the job summary or the report file.")
    assert warnings[-1].endswith("::7 more. See the job summary or the report file.")
    assert all("Measurement failed" in line for line in warnings[:-1])
    assert annotated(report(*failures[:9]))[-1].startswith("::warning title=Measurement failed"), "nine fit"
    assert len(annotated(report(*failures), warned=30)) == 1, "the count is printed however many were printed before"


def test_budget_is_annotated_when_the_policy_has_many_issues() -> None:
    log = io.StringIO()
    issues = [PolicyIssue(number, 1, "", "wrong") for number in range(1, 11)]
    found = [
        *policy_annotations(issues, "error"),
        *report_annotations(report(budgets=(budget(),)), failures_are_errors=True),
    ]
    annotate(log, found, lambda path: 7)
    lines = log.getvalue().splitlines()
    assert ["line=1:" in lines[0], "Budget exceeded" in lines[1], "line=2:" in lines[2]] == [True] * 3


@given(st.text(min_size=1, max_size=60), st.text(max_size=60))
def test_untrusted_texts_are_one_command_each(name: str, message: str) -> None:
    hostile = report(entry(name, failed(message=message), None), budgets=(budget(name),))
    lines = annotated(hostile)
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning"]
    assert not any("##[" in line for line in lines)
    assert all(line.split("::")[1].count(",line=") == 1 for line in lines)
