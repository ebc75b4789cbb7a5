"""The client against an honest GitHub over real HTTP; the `github` fixture holds all traffic to GitHub's description."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

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
class Naps:
    """Waits that take no time, written down."""

    taken: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.taken.append(round(seconds))


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def client(github: GitHubServer, naps: Naps) -> Iterator[Client]:
    github.state.add_repository(REPOSITORY)
    github.state.add_token(TOKEN)
    github.state.add_pull(REPOSITORY, 7, head_sha=HEAD, base_sha=BASE)
    with Client(github.url, TOKEN, REPOSITORY, sleep=naps) as client:
        yield client


def connect(github: GitHubServer, token: str = TOKEN, repository: str = REPOSITORY) -> Client:
    return Client(github.url, token, repository, sleep=Naps())


@pytest.mark.parametrize(
    ("head_repository", "is_fork"), [(REPOSITORY, False), ("someone/mmpretrain", True), (None, True)]
)
def test_a_pull_request_is_read(
    github: GitHubServer, client: Client, head_repository: str | None, is_fork: bool
) -> None:
    github.state.add_pull(
        REPOSITORY, 8, head_sha=HEAD, base_sha=BASE, head_repository=head_repository, base_ref="dev", state="closed"
    )
    expected = PullRequest(8, HEAD, BASE, "dev", head_repository, is_fork=is_fork, state="closed")
    assert client.pull_request(8) == expected


@pytest.mark.parametrize(
    ("count", "requests", "truncated"), [(0, 1, False), (100, 1, False), (250, 3, False), (3_001, 30, True)]
)
def test_changed_files_come_over_all_pages(
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


def test_the_merge_base_is_gits(github: GitHubServer, client: Client, history: tuple[Path, dict[str, str]]) -> None:
    bare, commits = history
    github.state.repositories[REPOSITORY].git = str(bare)
    assert client.merge_base(commits["base"], commits["head"]) == commits["fork"]
    with pytest.raises(ApiError) as caught:
        client.merge_base(commits["base"], commits["alone"])
    assert caught.value.status == 404
    with pytest.raises(ActionError, match="`head` is '--output=x'"):
        client.merge_base(commits["base"], "--output=x")


def test_one_file_at_a_commit(github: GitHubServer, client: Client, tmp_path: Path) -> None:
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


def test_git_fetches_a_fork_head_by_its_id_from_a_private_repository(
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
def test_the_viewer_is_whoever_signs_our_comments(
    github: GitHubServer, client: Client, graphql: bool, login: str, kind: str
) -> None:
    github.state.graphql = graphql
    github.state.add_token("other", login=login, kind="user" if kind == "user" else "installation")
    with connect(github, "other") as other:
        assert other.viewer() == login
        assert other.create_comment(7, "x").author == login
    assert [comment.author for comment in client.comments(7)] == [login]


def test_comments_are_written_and_read_over_all_pages(github: GitHubServer, client: Client) -> None:
    for number in range(101):
        github.state.add_comment(REPOSITORY, 7, None if number == 50 else "octocat", f"{number}")
    created = client.create_comment(7, "first \N{SNOWMAN}")
    updated = client.update_comment(created.id, "second")
    assert updated == Comment(created.id, "github-actions[bot]", "second", created.url)
    comments = client.comments(7)
    assert [comment.body for comment in comments] == [*map(str, range(101)), "second"]
    assert (comments[50].author, comments[101]) == (None, updated)


def test_writes_are_a_second_apart(client: Client, naps: Naps) -> None:
    created = client.create_comment(7, "x")
    client.update_comment(created.id, "y")
    assert naps.taken == [1]


def raised(call: Callable[[], object]) -> ActionError:
    with pytest.raises(ActionError) as caught:
        call()
    assert TOKEN not in f"{caught.value!r} {caught.value} {caught.value.__cause__!r}"
    return caught.value


def test_a_read_only_token_is_denied_and_told_which_permission(github: GitHubServer, client: Client) -> None:
    github.state.tokens[TOKEN].permission = "read"
    error = raised(lambda: client.create_comment(7, "x"))
    assert type(error) is PermissionDeniedError
    assert error.message == (
        "GitHub answered 403 (Resource not accessible by integration) at POST "
        "/repos/open-mmlab/mmpretrain/issues/7/comments on open-mmlab/mmpretrain."
    )
    assert "`permissions: {contents: read, pull-requests: write}`" in error.advice
    assert github.state.comments == []


def test_a_locked_conversation_is_said(github: GitHubServer, client: Client) -> None:
    github.state.pulls[0].locked = True
    assert "unlock it" in raised(lambda: client.create_comment(7, "x")).advice


def test_a_bad_token_is_said_by_every_call(github: GitHubServer, client: Client) -> None:
    del github.state.tokens[TOKEN]
    for call in (client.viewer, lambda: client.pull_request(7), lambda: client.create_comment(7, "x")):
        error = raised(call)
        assert error.message.startswith("GitHub answered 401 (Bad credentials) at ")
        assert "The token is not valid" in error.advice


@pytest.mark.parametrize("body", ["", "x" * 65_537])
def test_a_body_that_github_refuses_is_said(github: GitHubServer, client: Client, body: str) -> None:
    assert raised(lambda: client.create_comment(7, body)).message.startswith("GitHub answered 422 (Validation Failed")
    assert github.state.comments == []


def test_what_is_not_there_is_said(client: Client) -> None:
    assert raised(lambda: client.changed_files(99)).message == (
        "GitHub answered 404 (Not Found) at GET /repos/open-mmlab/mmpretrain/pulls/99/files on open-mmlab/mmpretrain."
    )


@pytest.mark.parametrize("kind", ["502", "reset", "truncated"])
def test_reading_is_repeated_with_growing_pauses(github: GitHubServer, client: Client, naps: Naps, kind: str) -> None:
    github.state.faults.append(Fault("GET", kind, times=3))  # type: ignore[arg-type]
    assert client.pull_request(7).head_sha == HEAD
    assert naps.taken == [1, 3, 9]


def test_reading_is_given_up_after_four_attempts(github: GitHubServer, client: Client) -> None:
    github.state.faults.append(Fault("GET", "502", times=99))
    error = raised(lambda: client.pull_request(7))
    assert error.message == (
        "GitHub answered 502 (Server Error) at GET /repos/open-mmlab/mmpretrain/pulls/7 on open-mmlab/mmpretrain."
    )
    assert len(github.state.requests("GET")) == 4


@pytest.mark.parametrize("kind", ["502", "applied-502", "reset", "applied-reset", "truncated"])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_write_is_never_repeated_blindly(
    github: GitHubServer, client: Client, naps: Naps, kind: str, method: str
) -> None:
    ours = github.state.add_comment(REPOSITORY, 7, "github-actions[bot]", "old")
    github.state.faults.append(Fault(method, kind))  # type: ignore[arg-type]
    write = client.create_comment if method == "POST" else client.update_comment
    error = raised(lambda: write(7 if method == "POST" else ours.id, "new"))
    assert type(error) is NoResponseError
    assert len(github.state.requests(method)) == 1
    assert naps.taken == []


@pytest.mark.parametrize("kind", ["secondary-limit", "primary-limit"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_short_rate_limit_is_waited_out(
    github: GitHubServer, client: Client, naps: Naps, kind: str, method: str
) -> None:
    github.state.faults.append(Fault(method, kind, wait=30))  # type: ignore[arg-type]
    if method == "GET":
        assert client.pull_request(7).number == 7
    else:
        client.create_comment(7, "x")
        assert len(github.state.comments) == 1
    assert [30 <= nap <= 31 for nap in naps.taken] == [True]


@pytest.mark.parametrize(("wait", "times", "slept"), [(1_800, 1, 0), (25, 99, 2), (0, 999, 60)])
def test_a_long_or_endless_rate_limit_is_said(
    github: GitHubServer, client: Client, naps: Naps, wait: int, times: int, slept: int
) -> None:
    github.state.faults.append(Fault("GET", "secondary-limit", times=times, wait=wait))
    error = raised(lambda: client.pull_request(7))
    assert error.message.startswith("GitHub's rate limit is used up (403 at GET /repos/open-mmlab/mmpretrain/pulls/7")
    assert len(naps.taken) == slept


def test_nobody_there_is_said_without_the_address(naps: Naps) -> None:
    with GitHubServer() as gone:
        url = gone.url
    with Client(url, TOKEN, REPOSITORY, sleep=naps) as client:
        error = raised(lambda: client.pull_request(7))
    assert error.message == (
        "No answer from GitHub (ConnectionError) at GET /repos/open-mmlab/mmpretrain/pulls/7 on open-mmlab/mmpretrain."
    )


@pytest.mark.parametrize(
    ("url", "token", "repository", "message"),
    [
        ("ftp://api.example.invalid", TOKEN, REPOSITORY, "GITHUB_API_URL is not the address of an API."),
        ("https://user@api.example.invalid", TOKEN, REPOSITORY, "GITHUB_API_URL is not the address of an API."),
        ("http://127.0.0.1", "", REPOSITORY, "`github-token` is empty or holds characters that no token has."),
        ("http://127.0.0.1", "a\nb", REPOSITORY, "`github-token` is empty or holds characters that no token has."),
        ("http://127.0.0.1", TOKEN, "o/r/../x", "GitHub's data is not as documented: `repository` is 'o/r/../x'."),
    ],
)
def test_a_client_needs_a_usable_address_token_and_repository(
    url: str, token: str, repository: str, message: str
) -> None:
    assert raised(lambda: Client(url, token, repository)).message == message


def test_a_missing_description_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DescriptionMissingError, match=INSTALL):
        description(tmp_path)


def test_the_check_of_the_traffic_finds_what_is_wrong(github: GitHubServer, client: Client) -> None:
    client.create_comment(7, "x")
    good = github.state.exchanges.pop()
    described = description(Path(__file__).parents[2])
    assert described.warnings(good) == []
    good.path, good.query, good.body = good.path.replace("/7/", "/seven/"), "perpage=3", {"body": 3, "x": 1}
    good.response = {"id": "1"}
    found = "\n".join(described.warnings(good))
    for part in (
        "'seven' is not of type 'integer'",
        "'perpage'",
        "['x']",
        "3 is not of type 'string'",
        "'node_id' is a",
    ):
        assert part in found
