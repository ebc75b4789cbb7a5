"""The HTTP server: GitHub's headers, injected faults, and a record of every exchange."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support.github_server.git import GitRequest, smart_http
from tests.support.github_server.routes import Request, Response, answer, problem
from tests.support.github_server.state import Exchange, Fault, State

GIT_PATH = re.compile(r"/([^/]+/[^/]+?)(?:\.git)?(/info/refs|/git-upload-pack|/git-receive-pack)\Z")
SECRET_HEADERS = {"authorization", "cookie"}
LARGEST_BODY = 64 * 1024 * 1024


class GitHubServer:
    """Runs while its context is open: ``with GitHubServer() as server: server.url, server.state``.

    Args:
        state: what is served; empty by default.
        port: 0 for any free one.
        state_file: where the state is written as JSON after each request.
    """

    def __init__(self, state: State | None = None, *, port: int = 0, state_file: Path | None = None) -> None:
        self.state = state or State()
        self._state_file = state_file
        self._lock = threading.RLock()
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
        self._http.daemon_threads = True
        self._http.github = self  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def api(self, request: Request) -> Response:
        with self._lock:
            return answer(self.state, request)

    def fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            return self.state.take_fault(method, path)

    def record(self, exchange: Exchange) -> None:
        with self._lock:
            self.state.exchanges.append(exchange)
            if self._state_file:
                self._state_file.write_text(self.state.dump(), encoding="utf-8")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "github.com"
    disable_nagle_algorithm = True

    @property
    def _github(self) -> GitHubServer:
        github: GitHubServer = self.server.github  # type: ignore[attr-defined]
        return github

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the name is http.server's
        """Nothing: the record is the log."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        body = b"".join(self._body())
        if match := GIT_PATH.match(parts.path):
            self._serve_git(match, parts.query, body)
            return
        exchange = Exchange(self.command, parts.path, parts.query, self._safe_headers(), _json(body))
        fault = self._github.fault(self.command, parts.path)
        if fault is None:
            self._send(exchange, self._answer(exchange))
        else:
            self._fail(exchange, fault)

    def _answer(self, exchange: Exchange) -> Response:
        value = (self.headers.get("Authorization") or "").partition(" ")[2]
        token = self._github.state.tokens.get(value)
        if value and token is None:
            return problem(401, "Bad credentials")
        if not self.headers.get("User-Agent"):
            return problem(
                403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent"
            )
        if exchange.method != "GET" and not isinstance(exchange.body, dict):
            return problem(400, "Problems parsing JSON")
        api = f"http://{self.headers.get('Host')}"
        query = dict(parse_qsl(exchange.query))
        return self._github.api(Request(api, exchange.method, unquote(exchange.path), query, exchange.body, token))

    def _fail(self, exchange: Exchange, fault: Fault) -> None:
        exchange.faulty = True
        response = self._answer(exchange) if fault.kind.startswith("applied-") or fault.kind == "truncated" else None
        if fault.kind.endswith("reset"):
            self._github.record(exchange)
            # lingering for zero seconds turns the close into a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
        elif fault.kind == "truncated" and response:
            self._send(exchange, response, cut=True)
        elif fault.kind.endswith("502"):
            self._send(exchange, Response(502, {"message": "Server Error"}))
        else:
            self._send(exchange, _rate_limited(fault))

    def _send(self, exchange: Exchange, response: Response, *, cut: bool = False) -> None:
        data = json.dumps(response.body).encode()
        tag = f'W/"{hashlib.sha256(data).hexdigest()}"'
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-GitHub-Request-Id": hashlib.sha256(str(time.monotonic_ns()).encode()).hexdigest()[:20].upper(),
            "X-RateLimit-Limit": "5000",
            "X-RateLimit-Remaining": "4999",
            "X-RateLimit-Reset": str(int(time.time()) + 3600),
            **{name.title() if name == "link" else name: value for name, value in response.headers.items()},
        }
        status = response.status
        if self.command == "GET" and status == 200:
            headers["ETag"] = tag
            if self.headers.get("If-None-Match") == tag:
                status, data = 304, b""
        exchange.status, exchange.response = status, response.body
        exchange.response_headers = {name.lower(): value for name, value in headers.items()}
        self._github.record(exchange)
        self._write(status, headers, data, cut=cut)

    def _write(self, status: int, headers: dict[str, str], data: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = self.close_connection or cut

    def _serve_git(self, match: re.Match[str], query: str, body: bytes) -> None:
        repository = self._github.state.repositories.get(match[1])
        authorization = self.headers.get("Authorization")
        known = _basic_password(authorization) in self._github.state.tokens
        exchange = Exchange(self.command, match[0], query, self._safe_headers(), None)
        headers: dict[str, str] = {"content-type": "text/plain"}
        if (authorization and not known) or ((repository is None or repository.private) and not known):
            status, data = 401, b"Authentication required\n"
            headers["www-authenticate"] = 'Basic realm="GitHub"'
        elif repository is None:
            status, data = 404, b"Repository not found.\n"
        else:
            lowered = {name.lower(): value for name, value in self.headers.items()}
            status, headers, data = smart_http(repository, GitRequest(self.command, match[2], query, lowered, body))
        exchange.status, exchange.response_headers = status, headers
        self._github.record(exchange)
        self._write(status, headers, data)

    def _safe_headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items() if name.lower() not in SECRET_HEADERS}

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(20).split(b";")[0], 16):
                yield self.rfile.read(min(size, LARGEST_BODY))
                self.rfile.readline(4)
            self.rfile.readline(4)
        else:
            yield self.rfile.read(min(int(self.headers.get("Content-Length") or 0), LARGEST_BODY))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _basic_password(header: str | None) -> str:
    scheme, _, value = (header or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    return base64.b64decode(value).decode().partition(":")[2]


def _rate_limited(fault: Fault) -> Response:
    if fault.kind == "secondary-limit":
        message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
        return Response(403, problem(403, message).body, {"Retry-After": str(fault.wait)})
    reset = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(time.time()) + fault.wait)}
    return Response(403, problem(403, "API rate limit exceeded for installation ID 1.").body, reset)
