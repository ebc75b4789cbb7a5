"""The sticky comment, published over real HTTP: never two, never somebody else's, never after the head moved."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.support.github_server import Fault, GitHubServer

from model_complexity.github.client import Client
from model_complexity.github.comment import Published, marker, publish
from model_complexity.github.errors import NoResponseError, PermissionDeniedError

REPOSITORY = "open-mmlab/mmpretrain"
HEAD, BASE, NEWER = "a" * 40, "b" * 40, "c" * 40
BOT = "github-actions[bot]"


@pytest.fixture
def client(github: GitHubServer) -> Iterator[Client]:
    github.state.add_repository(REPOSITORY)
    github.state.add_token("secret")
    github.state.add_pull(REPOSITORY, 7, head_sha=HEAD, base_sha=BASE, head_repository="someone/mmpretrain")
    with Client(github.url, "secret", REPOSITORY, sleep=lambda _: None) as client:
        yield client


def bodies(github: GitHubServer) -> list[str]:
    return [comment.body for comment in github.state.comments]


def marked(text: str, key: str = "main") -> str:
    return f"{marker(key)}\n{text}"


def url(github: GitHubServer, place: int = -1) -> str:
    return f"{github.url}/{REPOSITORY}/pull/7#issuecomment-{github.state.comments[place].id}"


def test_one_comment_is_created_updated_and_then_kept(github: GitHubServer, client: Client) -> None:
    assert publish(client, 7, "main", "16.867G", HEAD) == Published("created", url(github))
    assert publish(client, 7, "main", "17.582G", HEAD) == Published("updated", url(github))
    assert publish(client, 7, "main", "17.582G", HEAD) == Published("kept", url(github))
    assert bodies(github) == [marked("17.582G")]
    assert [e.method for e in github.state.exchanges if e.method != "GET" and e.path != "/graphql"] == ["POST", "PATCH"]


def test_ours_is_found_on_the_second_page(github: GitHubServer, client: Client) -> None:
    for number in range(150):
        ours = number == 120
        github.state.add_comment(REPOSITORY, 7, BOT if ours else "octocat", marked("old") if ours else f"{number}")
    assert publish(client, 7, "main", "new", HEAD) == Published("updated", url(github, 120))
    assert len(github.state.comments) == 150
    assert github.state.comments[120].body == marked("new")


def test_a_strangers_copy_of_our_marker_is_not_touched(github: GitHubServer, client: Client) -> None:
    github.state.add_comment(REPOSITORY, 7, "mallory", marked("all is well"))
    assert publish(client, 7, "main", "new", HEAD).action == "created"
    assert bodies(github) == [marked("all is well"), marked("new")]


def test_two_keys_have_a_comment_each(github: GitHubServer, client: Client) -> None:
    publish(client, 7, "cpu", "one", HEAD)
    publish(client, 7, "cuda", "two", HEAD)
    publish(client, 7, "cpu", "three", HEAD)
    assert bodies(github) == [marked("three", "cpu"), marked("two", "cuda")]


@pytest.mark.parametrize("kind", ["502", "applied-502", "reset", "applied-reset", "truncated"])
def test_a_creation_without_an_answer_leaves_one_comment(github: GitHubServer, client: Client, kind: str) -> None:
    github.state.faults.append(Fault("POST", kind, path="/issues/"))  # type: ignore[arg-type]
    assert publish(client, 7, "main", "new", HEAD) == Published("created", url(github))
    assert bodies(github) == [marked("new")]


@pytest.mark.parametrize("kind", ["502", "applied-502", "applied-reset"])
def test_an_update_without_an_answer_is_made(github: GitHubServer, client: Client, kind: str) -> None:
    github.state.add_comment(REPOSITORY, 7, BOT, marked("old"))
    github.state.faults.append(Fault("PATCH", kind))  # type: ignore[arg-type]
    assert publish(client, 7, "main", "new", HEAD) == Published("updated", url(github))
    assert bodies(github) == [marked("new")]


def test_a_github_that_never_answers_a_write_is_asked_twice_and_no_more(github: GitHubServer, client: Client) -> None:
    github.state.faults.append(Fault("POST", "502", times=99, path="/issues/"))
    with pytest.raises(NoResponseError, match="GitHub answered 502"):
        publish(client, 7, "main", "new", HEAD)
    assert len(github.state.requests("POST")) == 2
    assert bodies(github) == []


def test_a_read_only_token_is_denied(github: GitHubServer, client: Client) -> None:
    github.state.tokens["secret"].permission = "read"
    with pytest.raises(PermissionDeniedError) as caught:
        publish(client, 7, "main", "new", HEAD)
    assert "`permissions: {contents: read, pull-requests: write}`" in caught.value.advice


@pytest.mark.parametrize("existing", [None, "old"])
def test_nothing_is_written_about_a_head_that_moved(github: GitHubServer, client: Client, existing: str | None) -> None:
    if existing:
        github.state.add_comment(REPOSITORY, 7, BOT, marked(existing))
    github.state.move_head(github.state.pulls[0], NEWER)
    assert publish(client, 7, "main", "new", HEAD) == Published("outdated")
    assert bodies(github) == ([marked(existing)] if existing else [])


def test_nothing_is_written_on_a_closed_pull_request(github: GitHubServer, client: Client) -> None:
    github.state.pulls[0].state = "closed"
    assert publish(client, 7, "main", "new", HEAD) == Published("closed")
    assert bodies(github) == []


def test_without_a_config_nothing_is_written_but_ours_is_cleared_up(github: GitHubServer, client: Client) -> None:
    assert publish(client, 7, "main", None, HEAD) == Published("nothing")
    publish(client, 7, "main", "17.582G", HEAD)
    assert publish(client, 7, "main", None, HEAD, cleared="None touched.") == Published("updated", url(github))
    assert publish(client, 7, "main", None, HEAD, cleared="None touched.") == Published("kept", url(github))
    assert bodies(github) == [marked("None touched.")]
    assert publish(client, 7, "main", "17.582G", HEAD) == Published("updated", url(github))
