"""The client over real HTTP; the `github` fixture validates all traffic against GitHub's API description."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from tests.support.github_server import Fault, GitHubServer
from tests.support.openapi import INSTALL, DescriptionMissingError, description

from model_complexity.errors import ActionError
from model_complexity.github.client import Client, Comment
from model_complexity.github.errors import ApiError, NoResponseError, PermissionDeniedError
from model_complexity.github.event import PullRequest

REPOSITORY = "open-mmlab/mmpretrain"
HEAD, BASE = "a" * 40, "b" * 40
TOKEN = "ghs_secretsecretsecret"


@dataclass
class RecordedSleep:
    """Record waits instead of waiting."""

    recorded: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.recorded.append(round(seconds))


@pytest.fixture
def sleep() -> RecordedSleep:
    return RecordedSleep()


@pytest.fixture
def client(github: GitHubServer, sleep: RecordedSleep) -> Iterator[Client]:
    github.state.add_repository(REPOSITORY)
    github.state.add_token(TOKEN)
    github.state.add_pull(REPOSITORY, 7, head_sha=HEAD, base_sha=BASE)
    with Client(github.url, TOKEN, REPOSITORY, sleep=sleep) as client:
        yield client


def connect(github: GitHubServer, token: str = TOKEN, repository: str = REPOSITORY) -> Client:
    return Client(github.url, token, repository, sleep=RecordedSleep())


@pytest.mark.parametrize(
    ("head_repository", "is_fork"), [(REPOSITORY, False), ("someone/mmpretrain", True), (None, True)]
)
def test_pull_request_is_read(github: GitHubServer, client: Client, head_repository: str | None, is_fork: bool) -> None:
    github.state.add_pull(
        REPOSITORY, 8, head_sha=HEAD, base_sha=BASE, head_repository=head_repository, base_ref="dev", state="closed"
    )
    expected = PullRequest(8, HEAD, BASE, "dev", head_repository, is_fork=is_fork, state="closed")
    assert client.pull_request(8) == expected


@pytest.mark.parametrize(
    ("count", "requests", "truncated"), [(0, 1, False), (100, 1, False), (250, 3, False), (3_001, 30, True)]
)
def test_changed_files_are_read_from_all_pages(
    github: GitHubServer, client: Client, count: int, requests: int, truncated: bool
) -> None:
    names = [f"configs/m\N{LATIN SMALL LETTER O WITH DIAERESIS}del {number}.py" for number in range(count)]
    pull = github.state.add_pull(REPOSITORY, 8, head_sha=HEAD, base_sha=BASE)
    pull.files = [{"filename": name, "status": "added"} for name in names]
    files, cut = client.changed_files(8)
    assert ([file["filename"] for file in files], cut) == (names[:3_000], truncated)
    assert len(github.state.requests("GET")) == requests


@pytest.fixture
def history(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A bare repository in which head left main one commit before main's tip."""
    bare = tmp_path / "bare.git"
    git = git_in(bare)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    tree = git("mktree", text="")
    commits: dict[str, str] = {}
    for name, parent in {"root": None, "fork": "root", "base": "fork", "head": "fork", "alone": None}.items():
        commits[name] = git("commit-tree", tree, "-m", name, *(["-p", commits[parent]] if parent else []))
    git("update-ref", "refs/heads/main", commits["base"])
    return bare, commits


def git_in(folder: Path) -> Callable[..., str]:
    def git(*arguments: str, text: str = "") -> str:
        identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"]
        command = ["git", "-C", str(folder), *identity, *arguments]
        return subprocess.run(command, input=text, check=True, capture_output=True, text=True).stdout.strip()

    return git


def test_merge_base_equals_gits(github: GitHubServer, client: Client, history: tuple[Path, dict[str, str]]) -> None:
    bare, commits = history
    github.state.repositories[REPOSITORY].git = str(bare)
    assert client.merge_base(commits["base"], commits["head"]) == commits["fork"]
    with pytest.raises(ApiError) as caught:
        client.merge_base(commits["base"], commits["alone"])
    assert caught.value.status == 404
    with pytest.raises(ActionError, match="`head` is '--output=x'"):
        client.merge_base(commits["base"], "--output=x")


def test_file_is_read_at_a_commit(github: GitHubServer, client: Client, tmp_path: Path) -> None:
    git = git_in(tmp_path)
    git("init", "-q", ".")
    folder = tmp_path / ".github"
    folder.mkdir()
    (folder / "a b.yml").write_text("jobs: 1 # \N{SNOWMAN}\n", encoding="utf-8")
    git("add", ".")
    git("commit", "-q", "-m", "A file")
    github.state.repositories[REPOSITORY].git = str(tmp_path)
    head = git("rev-parse", "HEAD")
    assert client.file(".github/a%20b.yml", head) == "jobs: 1 # \N{SNOWMAN}\n".encode()
    assert client.file(".github/none.yml", head) is None
    assert client.file(".github/a%20b.yml", "0" * 40) is None
    with pytest.raises(ActionError, match="`ref` is 'main'"):
        client.file(".github/a.yml", "main")
    github.state.faults.append(Fault("GET", "primary-limit", path="/contents/", wait=3_600))
    with pytest.raises(ActionError, match="rate limit"):
        client.file(".github/a%20b.yml", head)


def test_git_fetches_a_fork_head_by_its_id_when_the_repository_is_private(
    github: GitHubServer, client: Client, history: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    bare, commits = history
    repository = github.state.repositories[REPOSITORY]
    repository.git, repository.private = str(bare), True
    git = git_in(tmp_path)
    git("init", "-q", "clone")
    url = f"http://x-access-token:{TOKEN}@{github.url.removeprefix('http://')}/{REPOSITORY}.git"
    git("-C", "clone", "fetch", "-q", "--depth=1", url, commits["head"])
    assert git("-C", "clone", "rev-parse", "FETCH_HEAD") == commits["head"]
    assert client.merge_base(commits["base"], commits["head"]) == commits["fork"]
    with pytest.raises(subprocess.CalledProcessError):
        git("-c", "core.askPass=true", "-C", "clone", "fetch", url.replace(TOKEN, "wrong"), commits["base"])
    assert TOKEN not in repr(github.state.exchanges)


@pytest.mark.parametrize("graphql", [True, False])
@pytest.mark.parametrize(("login", "kind"), [("github-actions[bot]", "installation"), ("octocat", "user")])
def test_viewer_is_the_author_of_our_comments(
    github: GitHubServer, client: Client, graphql: bool, login: str, kind: str
) -> None:
    github.state.graphql = graphql
    github.state.add_token("other", login=login, kind="user" if kind == "user" else "installation")
    with connect(github, "other") as other:
        assert other.viewer() == login
        assert other.create_comment(7, "x").author == login
    assert [comment.author for comment in client.comments(7)] == [login]


def test_comments_are_written_and_read_from_all_pages(github: GitHubServer, client: Client) -> None:
    for number in range(101):
        github.state.add_comment(REPOSITORY, 7, None if number == 50 else "octocat", f"{number}")
    created = client.create_comment(7, "first \N{SNOWMAN}")
    updated = client.update_comment(created.id, "second")
    assert updated == Comment(created.id, "github-actions[bot]", "second", created.url)
    comments = client.comments(7)
    assert [comment.body for comment in comments] == [*map(str, range(101)), "second"]
    assert (comments[50].author, comments[101]) == (None, updated)


def test_writes_are_one_second_apart(client: Client, sleep: RecordedSleep) -> None:
    created = client.create_comment(7, "x")
    client.update_comment(created.id, "y")
    assert sleep.recorded == [1]


def raised(call: Callable[[], object]) -> ActionError:
    with pytest.raises(ActionError) as caught:
        call()
    assert TOKEN not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    return caught.value


def test_read_only_token_is_denied_with_the_missing_permission(github: GitHubServer, client: Client) -> None:
    github.state.tokens[TOKEN].permission = "read"
    error = raised(lambda: client.create_comment(7, "x"))
    assert type(error) is PermissionDeniedError
    assert error.message == (
        "GitHub returned 403 (Resource not accessible by integration) for POST "
        "/repos/open-mmlab/mmpretrain/issues/7/comments on open-mmlab/mmpretrain."
    )
    assert "`permissions: {contents: read, pull-requests: write}`" in error.advice
    assert github.state.comments == []


def test_locked_conversation_is_an_error_with_advice(github: GitHubServer, client: Client) -> None:
    github.state.pulls[0].locked = True
    assert "Unlock the" in raised(lambda: client.create_comment(7, "x")).advice


def test_every_call_fails_when_the_token_is_invalid(github: GitHubServer, client: Client) -> None:
    del github.state.tokens[TOKEN]
    for call in (client.viewer, lambda: client.pull_request(7), lambda: client.create_comment(7, "x")):
        error = raised(call)
        assert error.message.startswith("GitHub returned 401 (Bad credentials) for ")
        assert "Pass a valid token" in error.advice


@pytest.mark.parametrize("body", ["", "x" * 65_537])
def test_invalid_body_is_an_error(github: GitHubServer, client: Client, body: str) -> None:
    assert raised(lambda: client.create_comment(7, body)).message.startswith("GitHub returned 422 (Validation Failed")
    assert github.state.comments == []


def test_missing_pull_request_is_an_error(client: Client) -> None:
    assert raised(lambda: client.changed_files(99)).message == (
        "GitHub returned 404 (Not Found) for GET /repos/open-mmlab/mmpretrain/pulls/99/files on open-mmlab/mmpretrain."
    )


@pytest.mark.parametrize("kind", ["502", "reset", "truncated"])
def test_read_is_repeated_with_growing_pauses(
    github: GitHubServer, client: Client, sleep: RecordedSleep, kind: str
) -> None:
    github.state.faults.append(Fault("GET", kind, times=3))  # type: ignore[arg-type]
    assert client.pull_request(7).head_sha == HEAD
    assert sleep.recorded == [1, 3, 9]


def test_read_fails_after_four_attempts(github: GitHubServer, client: Client) -> None:
    github.state.faults.append(Fault("GET", "502", times=99))
    error = raised(lambda: client.pull_request(7))
    assert error.message == (
        "GitHub returned 502 (Server Error) for GET /repos/open-mmlab/mmpretrain/pulls/7 on open-mmlab/mmpretrain."
    )
    assert len(github.state.requests("GET")) == 4


@pytest.mark.parametrize("kind", ["502", "applied-502", "reset", "applied-reset", "truncated"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_write_is_sent_once_when_it_has_no_response(
    github: GitHubServer, client: Client, sleep: RecordedSleep, kind: str, method: str
) -> None:
    ours = github.state.add_comment(REPOSITORY, 7, "github-actions[bot]", "old")
    github.state.faults.append(Fault(method, kind))  # type: ignore[arg-type]
    write = client.create_comment if method == "POST" else client.update_comment
    error = raised(lambda: write(7 if method == "POST" else ours.id, "new"))
    assert type(error) is NoResponseError
    assert len(github.state.requests(method)) == 1
    assert sleep.recorded == []


@pytest.mark.parametrize("kind", ["secondary-limit", "primary-limit"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_client_waits_for_a_short_rate_limit(
    github: GitHubServer, client: Client, sleep: RecordedSleep, kind: str, method: str
) -> None:
    github.state.faults.append(Fault(method, kind, wait=30))  # type: ignore[arg-type]
    if method == "GET":
        assert client.pull_request(7).number == 7
    else:
        client.create_comment(7, "x")
        assert len(github.state.comments) == 1
    assert [30 <= seconds <= 31 for seconds in sleep.recorded] == [True]


@pytest.mark.parametrize(("wait", "times", "slept"), [(1_800, 1, 0), (25, 99, 2), (0, 999, 60)])
def test_long_or_endless_rate_limit_is_an_error(
    github: GitHubServer, client: Client, sleep: RecordedSleep, wait: int, times: int, slept: int
) -> None:
    github.state.faults.append(Fault("GET", "secondary-limit", times=times, wait=wait))
    error = raised(lambda: client.pull_request(7))
    assert error.message.startswith("GitHub's rate limit is used up until ")
    assert "(403 for GET /repos/open-mmlab/mmpretrain/pulls/7 on " in error.message
    assert len(sleep.recorded) == slept


def test_connection_error_hides_the_address(sleep: RecordedSleep) -> None:
    with GitHubServer() as gone:
        url = gone.url
    with Client(url, TOKEN, REPOSITORY, sleep=sleep) as client:
        error = raised(lambda: client.pull_request(7))
    assert error.message == (
        "No response from GitHub (ConnectionError) for GET /repos/open-mmlab/mmpretrain/pulls/7 on open-mmlab/mmpretrain."
    )


def test_redirect_to_another_host_is_an_error() -> None:
    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(301)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/")  # type: ignore[attr-defined]
            self.send_header("Content-Length", "0")
            self.end_headers()
            requested.append(self.headers["Host"])

        def log_message(self, *_: object) -> None: ...

    requested: list[str] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Redirect) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with Client(url, TOKEN, REPOSITORY, sleep=RecordedSleep()) as client:
            error = raised(lambda: client.pull_request(7))
        server.shutdown()
    assert "has no valid content but a redirect for GET /repos/open-mmlab/mmpretrain/pulls/7" in error.message
    assert requested == [url.removeprefix("http://")]


@pytest.mark.parametrize(
    ("url", "token", "repository", "message"),
    [
        ("ftp://api.example.invalid", TOKEN, REPOSITORY, "GITHUB_API_URL is not an API address."),
        ("https://user@api.example.invalid", TOKEN, REPOSITORY, "GITHUB_API_URL is not an API address."),
        ("http://127.0.0.1", "", REPOSITORY, "`github-token` is empty or has invalid characters."),
        ("http://127.0.0.1", "a\nb", REPOSITORY, "`github-token` is empty or has invalid characters."),
        ("http://127.0.0.1", TOKEN, "o/r/../x", "GitHub's data is invalid: `repository` is 'o/r/../x'."),
    ],
)
def test_client_is_refused_when_address_token_or_repository_is_invalid(
    url: str, token: str, repository: str, message: str
) -> None:
    assert raised(lambda: Client(url, token, repository)).message == message


def test_missing_api_description_is_an_error_with_the_install_command(tmp_path: Path) -> None:
    with pytest.raises(DescriptionMissingError, match=INSTALL):
        description(tmp_path)


def test_traffic_check_finds_invalid_requests_and_responses(github: GitHubServer, client: Client) -> None:
    client.create_comment(7, "x")
    good = github.state.exchanges.pop()
    described = description(Path(__file__).parents[2])
    assert described.problems(good) == []
    good.path, good.query, good.body = good.path.replace("/7/", "/seven/"), "perpage=3", {"body": 3, "x": 1}
    good.response = {"id": "1"}
    problems = "\n".join(described.problems(good))
    for part in (
        "'seven' is not of type 'integer'",
        "'perpage'",
        "['x']",
        "3 is not of type 'string'",
        "'node_id' is a",
    ):
        assert part in problems
