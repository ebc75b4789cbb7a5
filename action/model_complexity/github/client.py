"""The few things we ask of GitHub: the pull request, its files, the merge base, who we are, and comments."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from model_complexity.github.errors import ApiError, Request, unexpected
from model_complexity.github.event import PullRequest, commit, parse_pull_request, repository_name
from model_complexity.github.transport import Transport

FILES_LIMIT = 3_000
"""GitHub lists no more files of one pull request (docs: rest/pulls/pulls, list pull requests files)."""
COMMENT_PAGES_LIMIT = 200
ACTIONS_BOT = "github-actions[bot]"
"""The login behind GITHUB_TOKEN."""


@dataclass(frozen=True)
class Comment:
    """A comment on a pull request. ``author`` is None when the account is gone. Ids grow with time."""

    id: int
    author: str | None
    body: str
    url: str


class Client:
    """GitHub's REST API for one repository.

    Every failure is an `ActionError` that names the call, the status and the repository; `PermissionDenied` where the
    token may not write, `UnansweredError` where nobody knows whether a write was done. The token is in none of them.

    Args:
        api_url: GITHUB_API_URL.
        token: a token of any kind.
        repository: ``owner/name``.
        graphql_url: GITHUB_GRAPHQL_URL; derived from ``api_url`` if not given.
        sleep: how to wait, in seconds; tests pass their own.
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
        """Wait, as this client waits."""
        self._transport.sleep(seconds)

    def pull_request(self, number: int) -> PullRequest:
        """The pull request as it is now. Source: GitHub docs, rest/pulls/pulls."""
        return parse_pull_request(self._transport.get(f"{self._path}/pulls/{number}"), repository=self.repository)

    def changed_files(self, number: int) -> tuple[list[Mapping[str, object]], bool]:
        """The files that a pull request changes, as GitHub describes them, and whether the list was cut at 3,000.

        The names are the pull request's: hostile. Source: GitHub docs, rest/pulls/pulls (list pull requests files).
        """
        path = f"{self._path}/pulls/{number}/files"
        files = self._objects(path, limit=FILES_LIMIT // 100 + 1)
        return files[:FILES_LIMIT], len(files) >= FILES_LIMIT

    def merge_base(self, base: str, head: str) -> str:
        """The commit where head left base; both are full commit ids.

        Source: GitHub docs, rest/commits/commits (compare two commits).
        """
        path = f"{self._path}/compare/{commit(base, 'base')}...{commit(head, 'head')}"
        # only the first page lists the files, patches and all, and they are not needed
        data = self._transport.get(path, {"page": 2, "per_page": 1})
        return commit(_part(_part(data, "merge_base_commit"), "sha"), "merge_base_commit.sha")

    def file(self, path: str, ref: str) -> bytes | None:
        """The content of a file at a commit, None if there is none there.

        Source: GitHub docs, rest/repos/contents (get repository content); of a file beyond 1 MB it gives no content.
        """
        place = f"{self._path}/contents/{path}"
        try:
            data = self._transport.get(place, {"ref": commit(ref, "ref")})
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        content = _part(data, "content")
        if not isinstance(content, str) or _part(data, "encoding") != "base64":
            raise unexpected(Request("GET", place, self.repository, writes=False), "file")
        return base64.b64decode(content)

    def viewer(self) -> str:
        """The login of whoever the token belongs to, in the form that comments are signed with.

        GraphQL answers for every kind of token. Where it is not to be had, ``GET /user`` answers for a person's token
        and refuses GITHUB_TOKEN, which is then assumed. Source: GitHub docs, graphql/reference/queries (viewer).
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
        return _part(_part(_part(data, "data"), "viewer"), "login")

    def _login_by_rest(self) -> object:
        try:
            return _part(self._transport.get("/user"), "login")
        except ApiError:
            return None

    def comments(self, number: int) -> list[Comment]:
        """All comments of a pull request's conversation, oldest first. Source: GitHub docs, rest/issues/comments."""
        path = f"{self._path}/issues/{number}/comments"
        call = Request("GET", path, self.repository, writes=False)
        return [_comment(data, call) for data in self._objects(path, limit=COMMENT_PAGES_LIMIT)]

    def create_comment(self, number: int, body: str) -> Comment:
        """Write a new comment; sent once. Source: GitHub docs, rest/issues/comments."""
        return self._write_comment("POST", f"{self._path}/issues/{number}/comments", body)

    def update_comment(self, comment_id: int, body: str) -> Comment:
        """Replace a comment's text; sent once. Source: GitHub docs, rest/issues/comments."""
        return self._write_comment("PATCH", f"{self._path}/issues/comments/{comment_id}", body)

    def _write_comment(self, method: str, path: str, body: str) -> Comment:
        data = self._transport.write(method, path, {"body": body})
        return _comment(data, Request(method, path, self.repository, writes=True))

    def _objects(self, path: str, *, limit: int) -> list[Mapping[str, object]]:
        pages = self._transport.pages(path, limit=limit)
        return [item for page in pages for item in page if isinstance(item, Mapping)]


def _comment(data: object, call: Request) -> Comment:
    number, body, url = _part(data, "id"), _part(data, "body"), _part(data, "html_url")
    if not isinstance(number, int) or not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"}:
        raise unexpected(call, "comment")
    author = _part(_part(data, "user"), "login")
    return Comment(number, author if isinstance(author, str) else None, body if isinstance(body, str) else "", url)


def _part(data: object, key: str) -> object:
    return data.get(key) if isinstance(data, Mapping) else None
