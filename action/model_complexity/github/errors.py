"""Turn GitHub's error responses into errors with advice. Pure: status, headers and body in, error out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from model_complexity.errors import ActionError

MAX_MESSAGE_LENGTH: Final = 300
SECONDARY_WAIT: Final = 60.0
"""Seconds to wait if the response names none (docs: rest/using-the-rest-api/best-practices-for-using-the-rest-api)."""


class ApiError(ActionError):
    """GitHub refused the request with an HTTP ``status``."""

    def __init__(self, message: str, advice: str, *, status: int) -> None:
        super().__init__(message, advice)
        self.status = status


class PermissionDeniedError(ApiError):
    """The token may not write (status 403), as in a pull request from a fork."""


class NoResponseError(ActionError):
    """No usable response (connection lost, 5xx): GitHub may or may not have applied the request."""


@dataclass(frozen=True)
class Response:
    """One HTTP response, with header names in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    def message(self) -> str:
        """Return GitHub's error message as one bounded, printable line; empty if there is none."""
        try:
            data = json.loads(self.text)
        except ValueError:
            return ""
        return _error_text(data) if isinstance(data, dict) else ""


@dataclass(frozen=True)
class Request:
    """One HTTP request, for messages: ``GET /repos/o/r/pulls/1 on o/r``."""

    method: str
    path: str
    repository: str
    writes: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0][:MAX_MESSAGE_LENGTH]} on {self.repository}"


def rate_limit_wait(response: Response, now: float) -> float | None:
    """Return the seconds until a rate limit resets, or None if the response is not rate limited.

    Source: GitHub docs, rest/using-the-rest-api/rate-limits-for-the-rest-api (exceeding the rate limit).
    """
    if response.status not in {403, 429}:
        return None
    retry_after = response.headers.get("retry-after", "")
    if retry_after.isdecimal():
        return float(retry_after)
    reset = response.headers.get("x-ratelimit-reset", "")
    if response.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(float(reset) - now, 0.0) + 1.0  # the reset may be anywhere in that second
    limited = response.status == 429 or "rate limit" in response.message().lower()
    return SECONDARY_WAIT if limited else None


def rate_limited(request: Request, response: Response, wait: float, now: float) -> ActionError:
    """Return the error for a rate limit that lasts too long to wait."""
    reset = datetime.fromtimestamp(min(now + wait, 253_402_300_799), UTC)
    return ActionError(
        f"GitHub's rate limit is used up until {reset:%Y-%m-%d %H:%M:%S} UTC ({response.status} for {request}).",
        "Rerun the job then, or pass a `github-token` with its own limit.",
    )


def refusal(request: Request, response: Response) -> ActionError:
    """Return the error for a response that is not a success."""
    text = response.message()
    message = f"GitHub returned {response.status}{f' ({text})' if text else ''} for {request}."
    if response.status >= 500:
        return NoResponseError(message, "See githubstatus.com, then rerun the job.")
    if response.status == 403:
        return _forbidden(request, message, text)
    return ApiError(message, _ADVICE.get(response.status, _REPORT), status=response.status)


def connection_error(request: Request, error: Exception) -> NoResponseError:
    """Return the error for a request without a response. The cause's text may hold secrets, so only its type is named."""
    return NoResponseError(
        f"No response from GitHub ({type(error).__name__}) for {request}.",
        "Check the runner's network, its proxy and GITHUB_API_URL, then rerun the job.",
    )


def unreadable(request: Request) -> NoResponseError:
    """Return the error for a success whose content is not JSON: truncated, or not from GitHub."""
    return NoResponseError(f"GitHub's response is not JSON for {request}.", _NOT_GITHUB)


def unexpected(request: Request, what: str) -> ActionError:
    """Return the error for a success whose content is not what GitHub documents."""
    return ActionError(f"GitHub's response has no valid {what} for {request}.", _NOT_GITHUB)


_NOT_GITHUB = "Check that GITHUB_API_URL is GitHub's API, not a proxy."
_REPORT = "Please report this line to Model Complexity."
_READ = "Give the job `permissions: contents: read` and `pull-requests: read`."
_WRITE = "Give the job `permissions: {contents: read, pull-requests: write}`."
_ADVICE: Final = {
    401: "Pass a valid token, for example `github-token: ${{ github.token }}`.",
    404: "Check the pull request's number and the job's `permissions: contents: read` and `pull-requests: read`.",
    422: _REPORT,
}


def _forbidden(request: Request, message: str, text: str) -> ApiError:
    if not request.writes:
        return ApiError(message, _READ, status=403)
    locked = "locked" in text.lower()
    advice = "Unlock the pull request's conversation to get a comment." if locked else _WRITE
    return PermissionDeniedError(message, advice, status=403)


def _error_text(data: Mapping[str, object]) -> str:
    errors = data.get("errors")
    details = [error.get("message") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    texts = [text for text in [data.get("message"), *details[:3]] if isinstance(text, str)]
    line = ": ".join(texts)[: 4 * MAX_MESSAGE_LENGTH]
    return "".join(character if character.isprintable() else " " for character in line)[:MAX_MESSAGE_LENGTH]
