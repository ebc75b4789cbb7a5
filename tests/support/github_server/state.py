"""The server's state: repositories, pull requests, comments, tokens, faults to inject, and exchanges."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

Permission = Literal["read", "write"]
FaultKind = Literal["502", "applied-502", "reset", "applied-reset", "truncated", "secondary-limit", "primary-limit"]
FIRST_COMMENT = 1_000_001


@dataclass
class Token:
    """A token's login and permission. ``kind`` is installation for GITHUB_TOKEN and Apps."""

    login: str = "github-actions[bot]"
    permission: Permission = "write"
    kind: Literal["installation", "user"] = "installation"


@dataclass
class Repository:
    full_name: str
    private: bool = False
    default_branch: str = "main"
    git: str | None = None
    """Path of a bare repository."""

    @property
    def owner(self) -> str:
        return self.full_name.split("/")[0]

    @property
    def name(self) -> str:
        return self.full_name.split("/")[1]


@dataclass
class Pull:
    repository: str
    number: int
    head_sha: str
    base_sha: str
    head_repository: str | None
    base_ref: str = "main"
    head_ref: str = "feature"
    state: Literal["open", "closed"] = "open"
    locked: bool = False
    author: str = "octocat"
    files: list[dict[str, Any]] = field(default_factory=list)
    """At least ``filename``; the other fields of a file get defaults."""


@dataclass
class Comment:
    id: int
    repository: str
    number: int
    author: str | None
    body: str
    created_at: str
    updated_at: str


@dataclass
class Fault:
    """A fault of the next requests of a method whose path contains ``path``. ``applied-`` ones take effect first."""

    method: str
    kind: FaultKind
    times: int = 1
    path: str = ""
    wait: int = 1
    """Seconds until a rate limit ends."""


@dataclass
class Exchange:
    """One request and its response, without tokens. ``faulty``: the response is an injected fault."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: Any
    status: int = 0
    response_headers: dict[str, str] = field(default_factory=dict)
    response: Any = None
    faulty: bool = False


@dataclass
class State:
    repositories: dict[str, Repository] = field(default_factory=dict)
    pulls: list[Pull] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    tokens: dict[str, Token] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    graphql: bool = True
    """False answers 404, as a proxy without GraphQL does."""

    def add_repository(self, full_name: str, *, private: bool = False, git: Path | None = None) -> Repository:
        repository = Repository(full_name, private=private, git=str(git) if git else None)
        self.repositories[full_name] = repository
        return repository

    def add_token(
        self,
        value: str,
        *,
        login: str = "github-actions[bot]",
        permission: Permission = "write",
        kind: Literal["installation", "user"] = "installation",
    ) -> Token:
        self.tokens[value] = Token(login, permission, kind)
        return self.tokens[value]

    def add_pull(
        self,
        repository: str,
        number: int,
        *,
        head_sha: str,
        base_sha: str,
        head_repository: str | None = "",
        **more: Any,
    ) -> Pull:
        """Add a pull request. ``head_repository`` defaults to the same repository; None is a deleted fork."""
        head = repository if head_repository == "" else head_repository
        pull = Pull(repository, number, head_sha, base_sha, head, **more)
        self.pulls.append(pull)
        self._point(pull)
        return pull

    def move_head(self, pull: Pull, sha: str) -> None:
        """Move the head, as a push does."""
        pull.head_sha = sha
        self._point(pull)

    def add_comment(self, repository: str, number: int, author: str | None, body: str) -> Comment:
        now = timestamp()
        identity = max((comment.id for comment in self.comments), default=FIRST_COMMENT - 1) + 1
        comment = Comment(identity, repository, number, author, body, now, now)
        self.comments.append(comment)
        return comment

    def pull(self, repository: str, number: int) -> Pull | None:
        return next((pull for pull in self.pulls if (pull.repository, pull.number) == (repository, number)), None)

    def requests(self, method: str) -> list[Exchange]:
        """Return the REST requests of one method."""
        return [e for e in self.exchanges if e.method == method and e.path.startswith("/repos/")]

    def take_fault(self, method: str, path: str) -> Fault | None:
        """Return the fault of this request, and count it as used."""
        for fault in self.faults:
            if fault.method == method and fault.path in path and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def dump(self) -> str:
        """Return the state as JSON."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def load(cls, text: str) -> State:
        """Load the JSON of `dump`; missing parts are empty."""
        data: Mapping[str, Any] = json.loads(text)
        return cls(
            repositories={name: Repository(**item) for name, item in data.get("repositories", {}).items()},
            pulls=[Pull(**item) for item in data.get("pulls", [])],
            comments=[Comment(**item) for item in data.get("comments", [])],
            tokens={value: Token(**item) for value, item in data.get("tokens", {}).items()},
            faults=[Fault(**item) for item in data.get("faults", [])],
            exchanges=[Exchange(**item) for item in data.get("exchanges", [])],
            graphql=data.get("graphql", True),
        )

    def _point(self, pull: Pull) -> None:
        """Update ``refs/pull/N/head``, which GitHub has for forks, too."""
        repository = self.repositories.get(pull.repository)
        if repository is None or repository.git is None:
            return
        ref = f"refs/pull/{pull.number}/head"
        subprocess.run(
            ["git", "-C", repository.git, "update-ref", ref, pull.head_sha], check=False, capture_output=True
        )


def timestamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
