"""The endpoints: what GitHub answers to each request, as its documentation and its own API description say."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlencode

from tests.support.github_server import git, objects
from tests.support.github_server.state import Comment, Pull, Repository, State, Token, timestamp

DOCS = "https://docs.github.com/rest"
BODY_LIMIT = 65_536
FILES_LIMIT = 3_000


@dataclass
class Request:
    api: str
    """The server's own address as the client wrote it."""
    method: str
    path: str
    query: dict[str, str]
    body: Any
    token: Token | None


@dataclass
class Response:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[State, Request, Repository, "re.Match[str]"], Response]


def problem(status: int, message: str, **more: Any) -> Response:
    return Response(status, {"message": message, **more, "documentation_url": DOCS, "status": str(status)})


def not_found() -> Response:
    return problem(404, "Not Found")


def answer(state: State, request: Request) -> Response:
    """The answer to one authenticated (or anonymous) request."""
    if request.path == "/graphql":
        return _graphql(state, request)
    if request.path == "/user":
        return _user(request)
    match = re.match(r"/repos/([^/]+/[^/]+)(/.*)?\Z", request.path)
    repository = state.repositories.get(match[1]) if match else None
    if match is None or repository is None or (repository.private and request.token is None):
        return not_found()
    for method, pattern, handler in ROUTES:
        found = re.fullmatch(pattern, match[2] or "")
        if found and method == request.method:
            return handler(state, request, repository, found)
    return not_found()


def _graphql(state: State, request: Request) -> Response:
    if not state.graphql or request.method != "POST":
        return not_found()
    if request.token is None:
        return problem(403, "API rate limit exceeded for anonymous GraphQL")
    query = request.body.get("query") if isinstance(request.body, dict) else None
    if not isinstance(query, str) or re.sub(r"\s+", "", query) != "query{viewer{login}}":
        return Response(200, {"errors": [{"message": "Only the viewer's login is known here", "type": "NOT_FOUND"}]})
    return Response(200, {"data": {"viewer": {"login": request.token.login}}})


def _user(request: Request) -> Response:
    if request.token is None:
        return problem(401, "Requires authentication")
    if request.token.kind == "installation":
        return problem(403, "Resource not accessible by integration")
    return Response(200, objects.private_user(request.api, request.token.login))


def _repository(_state: State, request: Request, repository: Repository, _match: re.Match[str]) -> Response:
    return Response(200, objects.full_repository(request.api, repository))


def _pull(state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    pull = state.pull(repository.full_name, int(match[1]))
    if pull is None:
        return not_found()
    return Response(200, objects.pull(request.api, pull, repository, len(_conversation(state, pull))))


def _files(state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    pull = state.pull(repository.full_name, int(match[1]))
    if pull is None:
        return not_found()
    return _page(request, [objects.pull_file(request.api, pull, file) for file in pull.files[:FILES_LIMIT]])


def _compare(_state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    page, per_page = _paging(request, default=100)
    comparison = git.compare(request.api, repository, match[1], match[2], page=page, per_page=per_page)
    return not_found() if comparison is None else Response(200, comparison)


def _contents(_state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    found = git.contents(request.api, repository, unquote(match[1]), request.query.get("ref", "HEAD"))
    return not_found() if found is None else Response(200, found)


def _list_comments(state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    pull = state.pull(repository.full_name, int(match[1]))
    if pull is None:
        return not_found()
    return _page(request, [objects.comment(request.api, comment) for comment in _conversation(state, pull)])


def _create_comment(state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    pull = state.pull(repository.full_name, int(match[1]))
    if pull is None:
        return not_found()
    if refused := _may_not_write(request) or _is_invalid(request.body):
        return refused
    if pull.locked:
        return problem(403, "Unable to create comment because issue is locked.")
    author = request.token.login if request.token else None
    comment = state.add_comment(repository.full_name, pull.number, author, request.body["body"])
    body = objects.comment(request.api, comment)
    return Response(201, body, {"location": body["url"]})


def _comment(state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    comment = _find(state, repository, int(match[1]))
    return not_found() if comment is None else Response(200, objects.comment(request.api, comment))


def _update_comment(state: State, request: Request, repository: Repository, match: re.Match[str]) -> Response:
    comment = _find(state, repository, int(match[1]))
    if comment is None:
        return not_found()
    if refused := _may_not_write(request) or _is_invalid(request.body):
        return refused
    comment.body, comment.updated_at = request.body["body"], timestamp()
    return Response(200, objects.comment(request.api, comment))


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", _repository),
    ("GET", r"/pulls/(\d+)", _pull),
    ("GET", r"/pulls/(\d+)/files", _files),
    ("GET", r"/compare/([^/]+?)\.\.\.([^/]+)", _compare),
    ("GET", r"/contents/(.+)", _contents),
    ("GET", r"/issues/(\d+)/comments", _list_comments),
    ("POST", r"/issues/(\d+)/comments", _create_comment),
    ("GET", r"/issues/comments/(\d+)", _comment),
    ("PATCH", r"/issues/comments/(\d+)", _update_comment),
)


def _may_not_write(request: Request) -> Response | None:
    if request.token is None:
        return problem(401, "Requires authentication")
    if request.token.permission == "read":
        return problem(403, "Resource not accessible by integration")
    return None


def _is_invalid(body: Any) -> Response | None:
    text = body.get("body") if isinstance(body, dict) else None
    if not isinstance(text, str):
        return problem(422, 'Invalid request.\n\n"body" wasn\'t supplied.')
    error = {"resource": "IssueComment"}
    if not text.strip():
        error |= {"code": "missing_field", "field": "body"}
    elif len(text) > BODY_LIMIT:
        message = f"Body is too long (maximum is {BODY_LIMIT} characters)"
        error |= {"code": "unprocessable", "field": "data", "message": message}
    else:
        return None
    return problem(422, "Validation Failed", errors=[error])


def _conversation(state: State, pull: Pull) -> list[Comment]:
    return [item for item in state.comments if (item.repository, item.number) == (pull.repository, pull.number)]


def _find(state: State, repository: Repository, identity: int) -> Comment | None:
    mine = (item for item in state.comments if item.repository == repository.full_name)
    return next((item for item in mine if item.id == identity), None)


def _paging(request: Request, *, default: int = 30) -> tuple[int, int]:
    values = {name: request.query.get(name, "") for name in ("page", "per_page")}
    page = int(values["page"]) if values["page"].isdecimal() else 1
    per_page = int(values["per_page"]) if values["per_page"].isdecimal() else default
    return max(page, 1), min(max(per_page, 1), 100)


def _page(request: Request, items: list[Any]) -> Response:
    page, per_page = _paging(request)
    last = max(math.ceil(len(items) / per_page), 1)
    places = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    relevant = {
        rel: n for rel, n in places.items() if (n > page if rel in {"next", "last"} else n < page) and n <= last
    }
    links = ", ".join(
        f'<{request.api}{request.path}?{urlencode({**request.query, "page": number})}>; rel="{rel}"'
        for rel, number in relevant.items()
        if number >= 1
    )
    return Response(200, items[(page - 1) * per_page : page * per_page], {"link": links} if links else {})
