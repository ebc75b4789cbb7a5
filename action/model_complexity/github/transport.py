"""Send a request to GitHub by PyGithub's requester, with bounded retries, rate limit waits and paging."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final
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

API_VERSION: Final = "2022-11-28"
TIMEOUT: Final = 20
"""A request fails after this many seconds without a byte."""
BACKOFFS: Final = (1.0, 3.0, 9.0)
"""A request that is safe to repeat is repeated after each of these, in seconds."""
MAX_RATE_LIMIT_WAIT: Final = 60.0
"""Seconds. A job should not wait half an hour for a limit to reset."""
PAUSE_BETWEEN_WRITES: Final = 1.0
"""Source: GitHub docs, rest/using-the-rest-api/best-practices-for-using-the-rest-api (pause between mutative requests)."""

_NEXT = re.compile(r'<([^<>\s]{1,2000})>\s*;\s*rel="next"')


class Transport:
    """Send requests and return decoded JSON; raise an `ActionError` for everything else.

    PyGithub's own retries are off: they send a POST again that GitHub may have applied, do not back off, and wait until a
    rate limit resets. This class repeats a request only if that is safe. The token stays in PyGithub's auth object.

    Args:
        api_url: GITHUB_API_URL.
        token: a token of any kind.
        repository: ``owner/name``, for messages.
        sleep: waits a number of seconds; tests replace it.
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
        """The GraphQL endpoint that belongs to the API's URL."""
        return self._github.requester.graphql_url

    def get(self, path: str, parameters: Mapping[str, str | int] | None = None) -> object:
        """Return the JSON at a path."""
        return self._send_and_retry(self._request("GET", path), parameters)[0]

    def query(self, url: str, query: str) -> object:
        """Return the JSON response to a GraphQL query. A query changes nothing, so it may be repeated."""
        return self._send_and_retry(
            self._request("POST", urlsplit(url).path, writes=False), body={"query": query}, url=url
        )[0]

    def write(self, method: str, path: str, body: Mapping[str, object]) -> object:
        """Send a POST or PATCH once. After a `NoResponseError` it may or may not have been applied."""
        if self._last_write is not None:
            self._sleep_until(self._last_write + PAUSE_BETWEEN_WRITES)
        try:
            return self._send_and_retry(self._request(method, path, writes=True), body=body)[0]
        finally:
            self._last_write = time.monotonic()

    def pages(self, path: str, *, limit: int) -> Iterator[list[object]]:
        """Yield each page of a list, 100 items a page, by the Link header.

        Raises:
            ActionError: there are more than ``limit`` pages, or a page is not a list.

        Source: GitHub docs, rest/using-the-rest-api/using-pagination-in-the-rest-api.
        """
        request = self._request("GET", path)
        parameters: Mapping[str, str | int] | None = {"per_page": 100}
        next_url: str | None = path
        for _ in range(limit):
            data, headers = self._send_and_retry(request, parameters, url=next_url)
            if not isinstance(data, list):
                raise unexpected(request, "list")
            yield data
            # PyGithub strips the host off a link, so a link cannot carry the token elsewhere
            link = _NEXT.search(headers.get("link", "")[:20_000])
            next_url, parameters = (link[1], None) if link else (None, None)
            if next_url is None:
                return
        raise unexpected(request, f"end after {limit} pages")

    def _request(self, method: str, path: str, *, writes: bool = False) -> Request:
        return Request(method, path, self._repository, writes)

    def _sleep_until(self, moment: float) -> None:
        if (seconds := moment - time.monotonic()) > 0:
            self.sleep(seconds)

    def _send_and_retry(
        self,
        request: Request,
        parameters: Mapping[str, str | int] | None = None,
        body: Mapping[str, object] | None = None,
        url: str | None = None,
    ) -> tuple[object, Mapping[str, str]]:
        backoffs = iter(() if request.writes else BACKOFFS)
        remaining = MAX_RATE_LIMIT_WAIT
        while True:
            try:
                response = self._send(request, url or request.path, parameters, body)
                wait = rate_limit_wait(response, time.time())
                if wait is None:
                    return _decoded(request, response), response.headers
                # GitHub did not apply a rate limited request, so even a write may be repeated
                remaining -= max(wait, 1.0)
                if remaining < 0:
                    raise rate_limited(request, response, wait, time.time())
            except NoResponseError:
                wait = next(backoffs, None)
                if wait is None:
                    raise
            self.sleep(wait)

    def _send(
        self, request: Request, url: str, parameters: Mapping[str, str | int] | None, body: Mapping[str, object] | None
    ) -> Response:
        try:
            status, headers, text = self._github.requester.requestJson(
                request.method,
                url,
                parameters=dict(parameters) if parameters else None,
                headers={"Accept": "application/vnd.github+json"},
                input=body,
            )
        except requests.RequestException as error:
            raise connection_error(
                request, error
            ) from None  # its text holds the URL and, through a proxy, its password
        except RuntimeError:  # PyGithub refuses a redirect to another host, or an endless one
            raise unexpected(request, "content but a redirect") from None
        return Response(status, headers, text)


def _decoded(request: Request, response: Response) -> object:
    if not 200 <= response.status < 300:
        raise refusal(request, response)
    try:
        data: object = json.loads(response.text)
    except (ValueError, RecursionError):
        raise unreadable(request) from None
    return data


def _checked_token(token: str) -> str:
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ActionError("`github-token` is empty or has invalid characters.", "Pass `${{ github.token }}`.")
    return token


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
        raise ActionError("GITHUB_API_URL is not an API address.", "Use an address such as https://api.github.com.")
    return url.rstrip("/")
