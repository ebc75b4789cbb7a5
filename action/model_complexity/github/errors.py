"""GitHub's refusals turned into errors that carry their advice. Pure: status, headers and body in, error out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from model_complexity.errors import ActionError

MESSAGE_LIMIT = 300
SECONDARY_WAIT = 60.0
"""Seconds to wait where GitHub does not say (docs: rest/using-the-rest-api/best-practices-for-using-the-rest-api)."""


class ApiError(ActionError):
    """GitHub understood and said no; ``status`` is the HTTP status."""

    def __init__(self, message: str, advice: str, *, status: int) -> None:
        super().__init__(message, advice)
        self.status = status


class PermissionDeniedError(ApiError):
    """The token may not write here (status 403): what a pull request from a fork is met with."""


class NoResponseError(ActionError):
    """No usable answer came (connection lost, 5xx): whether GitHub did what was asked is unknown."""


@dataclass(frozen=True)
class Response:
    """One HTTP response. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    text: str

    def message(self) -> str:
        """What GitHub says went wrong, on one bounded, printable line; empty if it says nothing."""
        try:
            data = json.loads(self.text)
        except ValueError:
            return ""
        return _said(data) if isinstance(data, dict) else ""


@dataclass(frozen=True)
class Request:
    """One call of the API, for messages: ``GET /repos/o/r/pulls/1 on o/r``."""

    method: str
    path: str
    repository: str
    writes: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0][:MESSAGE_LIMIT]} on {self.repository}"


def rate_limit_wait(answer: Response, now: float) -> float | None:
    """Seconds until GitHub takes requests again, or None if the answer is not about rate limits.

    Source: GitHub docs, rest/using-the-rest-api/rate-limits-for-the-rest-api (exceeding the rate limit).
    """
    if answer.status not in {403, 429}:
        return None
    retry_after = answer.headers.get("retry-after", "")
    if retry_after.isdecimal():
        return float(retry_after)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if answer.headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(float(reset) - now, 0.0) + 1.0  # it is not said when in that second
    limited = answer.status == 429 or "rate limit" in answer.message().lower()
    return SECONDARY_WAIT if limited else None


def rate_limited(call: Request, answer: Response, wait: float, now: float) -> ActionError:
    """The error for a limit that lasts longer than we wait."""
    reset = datetime.fromtimestamp(min(now + wait, 253_402_300_799), UTC)
    return ActionError(
        f"GitHub's rate limit is used up ({answer.status} at {call}); it resets at {reset:%Y-%m-%d %H:%M:%S} UTC.",
        "Run the job again after that, or pass a `github-token` with a limit of its own.",
    )


def refusal(call: Request, answer: Response) -> ActionError:
    """The error for an answer that is not a success."""
    said = answer.message()
    message = f"GitHub answered {answer.status}{f' ({said})' if said else ''} at {call}."
    if answer.status >= 500:
        return NoResponseError(message, "GitHub has trouble: see githubstatus.com and run the job again.")
    if answer.status == 403:
        return _forbidden(call, message, said)
    return ApiError(message, _ADVICE.get(answer.status, _REPORT), status=answer.status)


def connection_error(call: Request, error: Exception) -> NoResponseError:
    """The error for a request without an answer. Only the error's type is told: its text may hold anything."""
    return NoResponseError(
        f"No answer from GitHub ({type(error).__name__}) at {call}.",
        "Check the runner's network and proxy, and that GITHUB_API_URL is right; then run the job again.",
    )


def unreadable(call: Request) -> NoResponseError:
    """The error for a success whose content is not JSON: cut short, or not GitHub's."""
    return NoResponseError(f"GitHub's answer is not JSON at {call}.", _NOT_GITHUB)


def unexpected(call: Request, what: str) -> ActionError:
    """The error for a success whose content is not what GitHub documents."""
    return ActionError(f"GitHub's answer has no usable {what} at {call}.", _NOT_GITHUB)


_NOT_GITHUB = "Check that GITHUB_API_URL is GitHub's API and not a proxy's page."
_REPORT = "Please report this to Model Complexity, with this line."
_READ = "Give the job `permissions: contents: read` and `pull-requests: read`."
_WRITE = "Give the job `permissions: {contents: read, pull-requests: write}`."
_ADVICE = {
    401: "The token is not valid: pass `github-token: ${{ github.token }}` or a fresh one.",
    404: "The repository or pull request does not exist, or the token cannot see it: check `permissions: contents: read` "
    "and `pull-requests: read`.",
    422: f"GitHub found the request invalid. {_REPORT}",
}


def _forbidden(call: Request, message: str, said: str) -> ApiError:
    if not call.writes:
        return ApiError(message, _READ, status=403)
    locked = "locked" in said.lower()
    advice = "The pull request's conversation is locked: unlock it to get a comment." if locked else _WRITE
    return PermissionDeniedError(message, advice, status=403)


def _said(data: Mapping[str, object]) -> str:
    errors = data.get("errors")
    details = [error.get("message") for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []
    texts = [text for text in [data.get("message"), *details[:3]] if isinstance(text, str)]
    line = ": ".join(texts)[: 4 * MESSAGE_LIMIT]
    return "".join(character if character.isprintable() else " " for character in line)[:MESSAGE_LIMIT]
