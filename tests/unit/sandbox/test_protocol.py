"""Lines to and from the worker."""

from __future__ import annotations

import json

import pytest

from model_complexity.common.options import MeasureOptions
from model_complexity.errors import ActionError
from model_complexity.sandbox.protocol import (
    AttemptEnded,
    AttemptStarted,
    Job,
    format_request,
    parse_handshake,
    parse_reply,
)


def test_request_has_the_options_first_and_then_the_jobs() -> None:
    lines = format_request(MeasureOptions(jobs=2), {3: Job("a.py", (3, 8, 8)), 5: Job("b.py", "auto")}).splitlines()
    assert [json.loads(line) for line in lines] == [
        MeasureOptions(jobs=2).to_json(),
        {"job": 3, "config": "a.py", "shape": [3, 8, 8]},
        {"job": 5, "config": "b.py", "shape": "auto"},
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"", "The worker exited or timed out during start-up."),
        (b"[]", "The worker exited or timed out during start-up."),
        (b'{"ready": {"device": "cpu"}}', "The worker exited or timed out during start-up."),
        (b'{"fatal": {"message": "no torch"}}', "The worker could not start: no torch."),
    ],
)
def test_parse_handshake_fails_when_the_worker_did_not_start(line: bytes, message: str) -> None:
    with pytest.raises(ActionError) as raised:
        parse_handshake(line)
    assert raised.value.message == message
    assert raised.value.advice.startswith("See its output above.")


def test_parse_reply_reads_attempts() -> None:
    assert parse_reply(b'{"started": 7}') == AttemptStarted(7)
    assert parse_reply(b'{"ended": 999999999}') == AttemptEnded(999_999_999)
