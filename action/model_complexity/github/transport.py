"""One HTTP call to GitHub through PyGithub's requester: retries, rate limits and paging, each within a bound."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlsplit

import requests
from github import Auth, Github

from model_complexity.errors import ActionError
from model_complexity.github.errors import (
    NoResponseError,
    Request,
    Response,
    connection_error,
    rate_limit_wait,
    rate_limited,
    refusal,
    unexpected,
    unreadable,
)

API_VERSION = "2022-11-28"
TIMEOUT = 20
"""Seconds without a byte before a request is given up."""
BACKOFFS = (1.0, 3.0, 9.0)
"""Seconds before each repetition of a request that is safe to repeat."""
LONGEST_RATE_LIMIT_WAIT = 60.0
PAUSE_BETWEEN_WRITES = 1.0
"""Source: GitHub docs, rest/using-the-rest-api/best-practices-for-using-the-rest-api (pause between mutative requests)."""

_NEXT = re.compile(r'<([^<>\s]{1,2000})>\s*;\s*rel="next"')


class Transport:
    """Sends requests and answers with decoded JSON or an `ActionError`; the token stays inside PyGithub's auth object.

    PyGithub's own retries are off: they send a POST a second time though GitHub may have done the first, do not back
    off, and wait out a rate limit for half an hour. Here a request is repeated only if that is safe.

    Args:
        api_url: GITHUB_API_URL.
        token: a token of any kind.
        repository: ``owner/name``, for messages.
        sleep: how to wait, in seconds; tests pass their own.
    """

    def __init__(
        self, api_url: str, token: str, repository: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.sleep = sleep
        self._repository = repository
        self._last_write: float | None = None
        self._github = Github(
            auth=Auth.Token(_checked_token(token)),
            base_url=_checked_url(api_url),
            timeout=TIMEOUT,
            user_agent="model-complexity",
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            api_version=API_VERSION,
        )

    def close(self) -> None:
        """Close the connections."""
        self._github.close()

    @property
    def graphql_url(self) -> str:
        """Where PyGithub takes GraphQL to be, from the API's URL."""
        return self._github.requester.graphql_url

    def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> object:
        """The JSON at a path."""
        return self._ask(self._call("GET", path), parameters)[0]

    def query(self, url: str, query: str) -> object:
        """The JSON that GraphQL answers to a query, which changes nothing and so may be repeated."""
        return self._ask(self._call("POST", urlsplit(url).path, writes=False), body={"query": query}, url=url)[0]

    def write(self, method: str, path: str, body: Mapping[str, object]) -> object:
        """POST or PATCH, once. `UnansweredError` means that it may or may not have been done."""
        if self._last_write is not None:
            self._sleep_until(self._last_write + PAUSE_BETWEEN_WRITES)
        try:
            return self._ask(self._call(method, path, writes=True), body=body)[0]
        finally:
            self._last_write = time.monotonic()

    def pages(self, path: str, *, limit: int) -> Iterator[list[object]]:
        """Each page of a list, 100 a page, by following the Link header as GitHub asks.

        Raises:
            ActionError: there are more than ``limit`` pages, or a page is not a list.

        Source: GitHub docs, rest/using-the-rest-api/using-pagination-in-the-rest-api.
        """
        call = self._call("GET", path)
        parameters: Mapping[str, str | int] | None = {"per_page": 100}
        following: str | None = path
        for _ in range(limit):
            data, headers = self._ask(call, parameters, url=following)
            if not isinstance(data, list):
                raise unexpected(call, "list")
            yield data
            # PyGithub strips the host off a link, so a link cannot carry the token elsewhere
            found = _NEXT.search(headers.get("link", "")[:20_000])
            following, parameters = (found[1], None) if found else (None, None)
            if following is None:
                return
        raise unexpected(call, f"end: more than {limit} pages")

    def _call(self, method: str, path: str, *, writes: bool = False) -> Request:
        return Request(method, path, self._repository, writes)

    def _sleep_until(self, moment: float) -> None:
        if (seconds := moment - time.monotonic()) > 0:
            self.sleep(seconds)

    def _ask(
        self,
        call: Request,
        parameters: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
        url: str | None = None,
    ) -> tuple[object, Mapping[str, str]]:
        backoffs = iter(() if call.writes else BACKOFFS)
        patience = LONGEST_RATE_LIMIT_WAIT
        while True:
            try:
                answer = self._send(call, url or call.path, parameters, body)
                wait = rate_limit_wait(answer, time.time())
                if wait is None:
                    return _decoded(call, answer), answer.headers
                # a limited request was not carried out, so even a write may be repeated
                patience -= max(wait, 1.0)
                if patience < 0:
                    raise rate_limited(call, answer, wait, time.time())
            except NoResponseError:
                wait = next(backoffs, None)
                if wait is None:
                    raise
            self.sleep(wait)

    def _send(
        self, call: Request, url: str, parameters: Mapping[str, str | int] | None, body: Mapping[str, object] | None
    ) -> Response:
        try:
            status, headers, text = self._github.requester.requestJson(
                call.method,
                url,
                parameters=dict(parameters) if parameters else None,
                headers={"Accept": "application/vnd.github+json"},
                input=body,
            )
        except requests.RequestException as error:
            raise connection_error(call, error) from None  # its text holds the URL and, through a proxy, its password
        except RuntimeError:  # PyGithub's refusal of a redirect to another host, or of an endless one
            raise unexpected(call, "content: it is a redirect") from None
        return Response(status, headers, text)


def _decoded(call: Request, answer: Response) -> object:
    if not 200 <= answer.status < 300:
        raise refusal(call, answer)
    try:
        data: object = json.loads(answer.text)
    except (ValueError, RecursionError):
        raise unreadable(call) from None
    return data


def _checked_token(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ActionError(
            "`github-token` is empty or holds characters that no token has.", "Pass `${{ github.token }}`."
        )
    return token


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise ActionError(
            "GITHUB_API_URL is not the address of an API.", "It reads, for example, https://api.github.com."
        )
    return url.rstrip("/")
