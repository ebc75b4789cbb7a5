"""Failure kinds and the form of a failure."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from model_complexity.common.failures import DETAIL_LIMIT, FAILURE_KINDS, MESSAGE_LIMIT, failure
from model_complexity.report import Failure


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_failure_of_each_kind_is_valid_in_a_report(kind: str) -> None:
    assert Failure(**failure(kind, "")) == Failure(kind=kind, message=kind, hint=FAILURE_KINDS[kind].hint)


def test_failure_has_one_bounded_line_and_the_end_of_its_detail() -> None:
    made = failure("build", f"two\nlines {'x' * MESSAGE_LIMIT}", "a" + "b" * DETAIL_LIMIT)
    assert made["message"] == f"two lines {'x' * (MESSAGE_LIMIT - 11)}…"
    assert made["detail"] == "b" * DETAIL_LIMIT


def test_report_rejects_an_unknown_failure_kind() -> None:
    with pytest.raises(ValidationError, match="is not one of config_syntax, config_load"):
        Failure(kind="mystery", message="m", hint="h")


@pytest.mark.parametrize(
    ("kind", "retry_isolated", "retry_real", "shareable"),
    [
        ("config_syntax", False, False, True),
        ("config_load", False, False, True),
        ("missing_dependency", False, False, True),
        ("build", False, True, True),
        ("forward", False, True, True),
        ("timeout", True, False, False),
        ("out_of_memory", True, False, False),
        ("crash", True, False, False),
        ("unsupported_input", False, False, True),
        ("zero_count", False, False, True),
    ],
)
def test_retries_and_sharing_by_kind(kind: str, retry_isolated: bool, retry_real: bool, shareable: bool) -> None:
    known = FAILURE_KINDS[kind]
    assert (known.retry_isolated, known.retry_real, known.shareable) == (retry_isolated, retry_real, shareable)
