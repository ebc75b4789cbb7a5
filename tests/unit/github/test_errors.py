"""Turn GitHub's error responses into errors with advice."""

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


def response(status: int, message: str = "", **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, json.dumps({"message": message}))


@pytest.mark.parametrize(
    ("sent", "status", "text", "error_type", "advice"),
    [
        (READ, 401, "Bad credentials", ApiError, "Pass a valid token, for example `github-token"),
        (READ, 403, "Resource not accessible by integration", ApiError, "`permissions: contents: read`"),
        (
            WRITE,
            403,
            "Resource not accessible by integration",
            PermissionDeniedError,
            "`permissions: {contents: read, pull-requests: write}`",
        ),
        (WRITE, 403, "Unable to create comment because issue is locked.", PermissionDeniedError, "Unlock the"),
        (READ, 404, "Not Found", ApiError, "Check the pull request's number"),
        (WRITE, 422, "Validation Failed", ApiError, "Please report this line"),
        (WRITE, 418, "", ApiError, "Please report this line"),
        (WRITE, 502, "Server Error", NoResponseError, "githubstatus.com"),
    ],
)
def test_refusal_names_request_and_status_and_gives_advice(
    sent: Request, status: int, text: str, error_type: type[ActionError], advice: str
) -> None:
    error = refusal(sent, response(status, text))
    shown = f" ({text})" if text else ""
    place = f"{sent.method} {sent.path.removesuffix('?per_page=100')} on o/r"
    assert error.message == f"GitHub returned {status}{shown} for {place}."
    assert type(error) is error_type
    assert advice in error.advice


def test_missing_permission_has_advice_on_one_line() -> None:
    assert refusal(WRITE, response(403)).advice == "Give the job `permissions: {contents: read, pull-requests: write}`."


def test_githubs_message_is_one_bounded_printable_line() -> None:
    body = {"message": "a\n::error::b", "errors": [{"message": "\x1b[31m" + "c" * 1_000}, "text", {"message": 3}]}
    error = refusal(READ, Response(422, {}, json.dumps(body)))
    assert error.message == f"GitHub returned 422 (a ::error::b:  [31m{'c' * 281}) for GET /repos/o/r/pulls/1 on o/r."
    assert (
        refusal(READ, Response(404, {}, "<html>")).message == "GitHub returned 404 for GET /repos/o/r/pulls/1 on o/r."
    )
    assert refusal(READ, Response(404, {}, "[1]")).message == "GitHub returned 404 for GET /repos/o/r/pulls/1 on o/r."


@pytest.mark.parametrize(
    ("given", "wait"),
    [
        (response(200, retry_after="5"), None),
        (response(403, "Resource not accessible by integration", x_ratelimit_remaining="4999"), None),
        (response(403, "You have exceeded a secondary rate limit.", retry_after="7"), 7.0),
        (response(403, "You have exceeded a secondary rate limit."), 60.0),
        (response(429), 60.0),
        (response(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1800000009"), 10.0),
        (response(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="1799999000"), 1.0),
        (response(403, "API rate limit exceeded", x_ratelimit_remaining="0", x_ratelimit_reset="soon"), 60.0),
    ],
)
def test_rate_limit_wait_is_read_from_the_response(given: Response, wait: float | None) -> None:
    assert rate_limit_wait(given, NOW) == wait


@pytest.mark.parametrize(("wait", "reset"), [(1_800.0, "2027-01-15 08:30:00"), (1e30, "9999-12-31 23:59:59")])
def test_rate_limit_error_names_the_reset_time(wait: float, reset: str) -> None:
    error = rate_limited(READ, response(403), wait, NOW)
    assert error.message == (
        f"GitHub's rate limit is used up until {reset} UTC (403 for GET /repos/o/r/pulls/1 on o/r)."
    )
