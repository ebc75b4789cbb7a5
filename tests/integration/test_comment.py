"""The sticky comment, published over real HTTP: never two, never over a foreign comment, never for an old head."""

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
CLEARED = "No config is changed."


@pytest.fixture
def client(github: GitHubServer) -> Iterator[Client]:
    github.state.add_repository(REPOSITORY)
    github.state.add_token("secret")
    github.state.add_pull(REPOSITORY, 7, head_sha=HEAD, base_sha=BASE, head_repository="someone/mmpretrain")
    with Client(github.url, "secret", REPOSITORY, sleep=lambda _: None) as client:
        yield client


def publish_text(client: Client, text: str | None, *, key: str = "main") -> Published:
    return publish(client, 7, key, text, HEAD, cleared=CLEARED)


def bodies(github: GitHubServer) -> list[str]:
    return [comment.body for comment in github.state.comments]


def marked(text: str, key: str = "main") -> str:
    return f"{marker(key)}\n{text}"


def url(github: GitHubServer, place: int = -1) -> str:
    return f"{github.url}/{REPOSITORY}/pull/7#issuecomment-{github.state.comments[place].id}"


def test_comment_is_created_then_updated_then_kept(github: GitHubServer, client: Client) -> None:
    assert publish_text(client, "16.867G") == Published("created", url(github))
    assert publish_text(client, "17.582G") == Published("updated", url(github))
    assert publish_text(client, "17.582G") == Published("kept", url(github))
    assert bodies(github) == [marked("17.582G")]
    assert [e.method for e in github.state.exchanges if e.method != "GET" and e.path != "/graphql"] == ["POST", "PATCH"]


def test_our_comment_is_found_on_the_second_page(github: GitHubServer, client: Client) -> None:
    for number in range(150):
        ours = number == 120
        github.state.add_comment(REPOSITORY, 7, BOT if ours else "octocat", marked("old") if ours else f"{number}")
    assert publish_text(client, "new") == Published("updated", url(github, 120))
    assert len(github.state.comments) == 150
    assert github.state.comments[120].body == marked("new")


def test_copied_marker_is_left_alone(github: GitHubServer, client: Client) -> None:
    github.state.add_comment(REPOSITORY, 7, "mallory", marked("all is well"))
    assert publish_text(client, "new").action == "created"
    assert bodies(github) == [marked("all is well"), marked("new")]


def test_each_key_has_its_own_comment(github: GitHubServer, client: Client) -> None:
    publish_text(client, "one", key="cpu")
    publish_text(client, "two", key="cuda")
    publish_text(client, "three", key="cpu")
    assert bodies(github) == [marked("three", "cpu"), marked("two", "cuda")]


@pytest.mark.parametrize("kind", ["502", "applied-502", "reset", "applied-reset", "truncated"])
def test_one_comment_is_left_when_the_creation_has_no_response(github: GitHubServer, client: Client, kind: str) -> None:
    github.state.faults.append(Fault("POST", kind, path="/issues/"))  # type: ignore[arg-type]
    assert publish_text(client, "new") == Published("created", url(github))
    assert bodies(github) == [marked("new")]


@pytest.mark.parametrize("kind", ["502", "applied-502", "applied-reset"])
def test_update_is_made_when_it_has_no_response(github: GitHubServer, client: Client, kind: str) -> None:
    github.state.add_comment(REPOSITORY, 7, BOT, marked("old"))
    github.state.faults.append(Fault("PATCH", kind))  # type: ignore[arg-type]
    assert publish_text(client, "new") == Published("updated", url(github))
    assert bodies(github) == [marked("new")]


def test_creation_is_sent_twice_at_most_when_github_never_responds(github: GitHubServer, client: Client) -> None:
    github.state.faults.append(Fault("POST", "502", times=99, path="/issues/"))
    with pytest.raises(NoResponseError, match="GitHub returned 502"):
        publish_text(client, "new")
    assert len(github.state.requests("POST")) == 2
    assert bodies(github) == []


def test_read_only_token_is_denied(github: GitHubServer, client: Client) -> None:
    github.state.tokens["secret"].permission = "read"
    with pytest.raises(PermissionDeniedError) as caught:
        publish_text(client, "new")
    assert "`permissions: {contents: read, pull-requests: write}`" in caught.value.advice


@pytest.mark.parametrize("existing", [None, "old"])
def test_nothing_is_written_when_a_newer_commit_was_pushed(
    github: GitHubServer, client: Client, existing: str | None
) -> None:
    if existing:
        github.state.add_comment(REPOSITORY, 7, BOT, marked(existing))
    github.state.move_head(github.state.pulls[0], NEWER)
    assert publish_text(client, "new") == Published("outdated")
    assert bodies(github) == ([marked(existing)] if existing else [])


def test_nothing_is_written_when_the_pull_request_is_closed(github: GitHubServer, client: Client) -> None:
    github.state.pulls[0].state = "closed"
    assert publish_text(client, "new") == Published("closed")
    assert bodies(github) == []


def test_existing_comment_is_cleared_when_no_config_is_changed(github: GitHubServer, client: Client) -> None:
    assert publish_text(client, None) == Published("nothing")
    publish_text(client, "17.582G")
    assert publish_text(client, None) == Published("updated", url(github))
    assert publish_text(client, None) == Published("kept", url(github))
    assert bodies(github) == [marked(CLEARED)]
    assert publish_text(client, "17.582G") == Published("updated", url(github))
