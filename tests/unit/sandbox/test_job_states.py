"""What a worker may say of its jobs, and which of them run."""

from __future__ import annotations

import pytest
from tests.support.factories import failed

from model_complexity.report import Answer
from model_complexity.sandbox.job_states import MAX_ATTEMPTS, JobStates
from model_complexity.sandbox.protocol import AttemptEnded, AttemptStarted, Reply


def started(job: int) -> Reply:
    return AttemptStarted(job)


def ended(job: int) -> Reply:
    return AttemptEnded(job)


def answered(job: int) -> Reply:
    return Answer(job=job, failure=failed())


@pytest.mark.parametrize(
    ("replies", "running"),
    [
        ([], ()),
        ([started(5)], (5,)),
        ([started(5), ended(5)], ()),
        ([started(5), ended(5), started(5)], (5,)),
        ([started(5), ended(5), started(3), ended(3), answered(3), started(5), ended(5), answered(5)], ()),
        ([started(5), started(3)], (5, 3)),
        ([started(5), started(3), ended(5), answered(5)], (3,)),
    ],
)
def test_running_jobs_are_those_whose_attempt_has_not_ended(replies: list[Reply], running: tuple[int, ...]) -> None:
    states = JobStates([3, 5], 0)
    assert [states.follow(reply) for reply in replies] == [True] * len(replies)
    assert states.running == running
    assert states.answered == sum(isinstance(reply, Answer) for reply in replies)


@pytest.mark.parametrize(
    "replies",
    [
        [started(4)],
        [ended(3)],
        [answered(3)],
        [started(3), started(3)],
        [started(3), answered(3)],
        [started(3), ended(3), ended(3)],
        [started(3), ended(3), answered(3), answered(3)],
        [started(3), ended(3), answered(3), started(3)],
        [started(3), started(5)],
        [reply for _ in range(MAX_ATTEMPTS) for reply in (started(3), ended(3))] + [started(3)],
    ],
)
def test_reply_out_of_order_is_refused(replies: list[Reply]) -> None:
    states = JobStates([3, 5], 1)
    assert [states.follow(reply) for reply in replies] == [True] * (len(replies) - 1) + [False]
