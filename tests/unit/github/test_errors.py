"""What a user is told when GitHub says no."""

from __future__ import annotations

import json

import pytest

from model_complexity.errors import ActionError
from model_complexity.github.errors import (
    ApiError,
    NoResponseError,
    PermissionDeniedError,
    Request,
    Response,
    rate_limit_wait,
    rate_limited,
    refusal,
)

READ = Request("GET", "/repos/o/r/pulls/1?per_page=100", "o/r", writes=False)
WRITE = Request("POST", "/repos/o/r/issues/1/comments", "o/r", writes=True)
NOW = 1_800_000_000.0


def answer(status: int, message: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, json.dumps({"message": message}))


@pytest.mark.parametrize(
    ("call", "status", "said", "kind", "advice"),
    [
        (READ, 401, "Bad credentials", ApiError, "The token is not valid: pass `github-token"),
        (READ, 403, "Resource not accessible by integration", ApiError, "`permissions: contents: read`"),
        (
            WRITE,
            403,
            "Resource not accessible by integration",
            PermissionDeniedError,
            "`permissions: {contents: read, pull-requests: write}`",
        ),
        (WRITE, 403, "Unable to create comment because issue is locked.", PermissionDeniedError, "unlock it"),
        (READ, 404, "Not Found", ApiError, "does not exist, or the token cannot see it"),
        (WRITE, 422, "Validation Failed", ApiError, "Please report this"),
        (WRITE, 418, "", ApiError, "Please report this"),
        (WRITE, 502, "Server Error", NoResponseError, "githubstatus.com"),
    ],
)
def test_a_refusal_names_call_status_and_repository_and_gives_advice(
    call: Request, status: int, said: str, kind: type[ActionError], advice: str
) -> None:
    error = refusal(call, answer(status, said))
    words = f" ({said})" if said else ""
    place = f"{call.method} {call.path.removesuffix('?per_page=100')} on o/r"
    assert error.message == f"GitHub answered {status}{words} at {place}."
    assert type(error) is kind
    assert advice in error.advice


def test_advice_about_a_missing_permission_sends_nobody_to_a_recipe() -> None:
    assert refusal(WRITE, answer(403)).advice == "Give the job `permissions: {contents: read, pull-requests: write}`."


def test_githubs_words_are_bounded_to_one_printable_line() -> None:
    body = {"message": "a\n::error::b", "errors": [{"message": "\x1b[31m" + "c" * 1_000}, "text", {"message": 3}]}
    error = refusal(READ, Response(422, {}, json.dumps(body)))
    assert error.message == f"GitHub answered 422 (a ::error::b:  [31m{'c' * 281}) at GET /repos/o/r/pulls/1 on o/r."
    assert refusal(READ, Response(404, {}, "<html>")).message == "GitHub answered 404 at GET /repos/o/r/pulls/1 on o/r."
    assert refusal(READ, Response(404, {}, "[1]")).message == "GitHub answered 404 at GET /repos/o/r/pulls/1 on o/r."


@pytest.mark.parametrize(
    ("given", "wait"),
    [
        (answer(200, retry_after="5"), None),
        (answer(403, "Resource not accessible by integration", x_ratelimit_remaining="4999"), None),
        (answer(403, "You have exceeded a secondary rate limit.", retry_after="7"), 7.0),
        (answer(403, "You have exceeded a secondary rate limit."), 60.0),
        (answer(429), 60.0),
        (answer(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1800000009"), 10.0),
        (answer(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1799999000"), 1.0),
        (answer(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="soon"), 60.0),
    ],
)
def test_rate_limits_say_how_long(given: Response, wait: float | None) -> None:
    assert rate_limit_wait(given, NOW) == wait


@pytest.mark.parametrize(("wait", "reset"), [(1_800.0, "2027-01-15 08:30:00"), (1e30, "9999-12-31 23:59:59")])
def test_a_long_limit_says_when_it_ends(wait: float, reset: str) -> None:
    error = rate_limited(READ, answer(403), wait, NOW)
    assert error.message == (
        f"GitHub's rate limit is used up (403 at GET /repos/o/r/pulls/1 on o/r); it resets at {reset} UTC."
    )
