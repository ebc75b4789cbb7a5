"""Call GitHub's REST API: the pull request, its files, the merge base, our login, and comments."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from model_complexity.github.errors import ApiError, Request, unexpected
from model_complexity.github.event import PullRequest, commit, parse_pull_request, repository_name
from model_complexity.github.transport import Transport

MAX_FILES: Final = 3_000
"""GitHub lists this many files of a pull request (docs: rest/pulls/pulls, list pull requests files)."""
MAX_COMMENT_PAGES: Final = 200
ACTIONS_BOT: Final = "github-actions[bot]"
"""GITHUB_TOKEN has this login."""


@dataclass(frozen=True)
class Comment:
    """A comment on a pull request. ``author`` is None if the account was deleted. Ids grow with time."""

    id: int
    author: str | None
    body: str
    url: str


class Client:
    """GitHub's REST API for one repository.

    Every failure is an `ActionError` that names the request, the status and the repository, and never the token:
    `PermissionDeniedError` if the token may not write, `NoResponseError` if a write may or may not have been applied.

    Args:
        api_url: GITHUB_API_URL.
        token: a token of any kind.
        repository: ``owner/name``.
        graphql_url: GITHUB_GRAPHQL_URL; derived from ``api_url`` if not given.
        sleep: waits a number of seconds; tests replace it.
    """

    def __init__(
        self,
        api_url: str,
        token: str,
        repository: str,
        *,
        graphql_url: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.repository = repository_name(repository, "repository")
        self._path = f"/repos/{self.repository}"
        self._transport = Transport(api_url, token, self.repository, sleep=sleep)
        self._graphql_url = graphql_url or self._transport.graphql_url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def wait(self, seconds: float) -> None:
        """Wait a number of seconds."""
        self._transport.sleep(seconds)

    def pull_request(self, number: int) -> PullRequest:
        """Read a pull request. Source: GitHub docs, rest/pulls/pulls."""
        return parse_pull_request(self._transport.get(f"{self._path}/pulls/{number}"), repository=self.repository)

    def changed_files(self, number: int) -> tuple[list[Mapping[str, object]], bool]:
        """List the files that a pull request changes, and whether GitHub cut the list at 3,000.

        The names are untrusted. Source: GitHub docs, rest/pulls/pulls (list pull requests files).
        """
        path = f"{self._path}/pulls/{number}/files"
        files = self._objects(path, limit=MAX_FILES // 100 + 1)
        return files[:MAX_FILES], len(files) >= MAX_FILES

    def merge_base(self, base: str, head: str) -> str:
        """Return the merge base of two full commit ids.

        Source: GitHub docs, rest/commits/commits (compare two commits).
        """
        path = f"{self._path}/compare/{commit(base, 'base')}...{commit(head, 'head')}"
        # the first page would list the files with their patches
        data = self._transport.get(path, {"page": 2, "per_page": 1})
        return commit(_field(_field(data, "merge_base_commit"), "sha"), "merge_base_commit.sha")

    def file(self, path: str, ref: str) -> bytes | None:
        """Return the content of a file at a commit, or None if there is no such file.

        GitHub gives no content of a file beyond 1 MB. Source: GitHub docs, rest/repos/contents (get repository content).
        """
        url = f"{self._path}/contents/{path}"
        try:
            data = self._transport.get(url, {"ref": commit(ref, "ref")})
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        content = _field(data, "content")
        if not isinstance(content, str) or _field(data, "encoding") != "base64":
            raise unexpected(Request("GET", url, self.repository, writes=False), "file")
        return base64.b64decode(content)

    def viewer(self) -> str:
        """Return the login that signs our comments.

        GraphQL responds to every type of token. Without GraphQL, ``GET /user`` responds to a user's token and refuses
        GITHUB_TOKEN, which is then assumed. Source: GitHub docs, graphql/reference/queries (viewer).
        """
        login = self._login_by_graphql() or self._login_by_rest()
        return login if isinstance(login, str) else ACTIONS_BOT

    def _login_by_graphql(self) -> object:
        try:
            data = self._transport.query(self._graphql_url, "query { viewer { login } }")
        except ApiError as error:
            if error.status == 401:
                raise
            return None
        return _field(_field(_field(data, "data"), "viewer"), "login")

    def _login_by_rest(self) -> object:
        try:
            return _field(self._transport.get("/user"), "login")
        except ApiError:
            return None

    def comments(self, number: int) -> list[Comment]:
        """List all comments of a pull request, oldest first. Source: GitHub docs, rest/issues/comments."""
        path = f"{self._path}/issues/{number}/comments"
        request = Request("GET", path, self.repository, writes=False)
        return [_comment(data, request) for data in self._objects(path, limit=MAX_COMMENT_PAGES)]

    def create_comment(self, number: int, body: str) -> Comment:
        """Create a comment; sent once. Source: GitHub docs, rest/issues/comments."""
        return self._write_comment("POST", f"{self._path}/issues/{number}/comments", body)

    def update_comment(self, comment_id: int, body: str) -> Comment:
        """Update a comment's text; sent once. Source: GitHub docs, rest/issues/comments."""
        return self._write_comment("PATCH", f"{self._path}/issues/comments/{comment_id}", body)

    def _write_comment(self, method: str, path: str, body: str) -> Comment:
        data = self._transport.write(method, path, {"body": body})
        return _comment(data, Request(method, path, self.repository, writes=True))

    def _objects(self, path: str, *, limit: int) -> list[Mapping[str, object]]:
        pages = self._transport.pages(path, limit=limit)
        return [item for page in pages for item in page if isinstance(item, Mapping)]


def _comment(data: object, request: Request) -> Comment:
    number, body, url = _field(data, "id"), _field(data, "body"), _field(data, "html_url")
    if not isinstance(number, int) or not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        raise unexpected(request, "comment")
    author = _field(_field(data, "user"), "login")
    return Comment(number, author if isinstance(author, str) else None, body if isinstance(body, str) else "", url)


def _field(data: object, key: str) -> object:
    return data.get(key) if isinstance(data, Mapping) else None
