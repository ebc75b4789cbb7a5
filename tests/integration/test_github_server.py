"""The tests' GitHub server is as strict as GitHub where our client depends on it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import requests
from tests.support.github_server import GitHubServer, State

ROOT = Path(__file__).parents[2]
HEAD, BASE = "a" * 40, "b" * 40


def served() -> State:
    state = State()
    state.add_repository("o/open")
    state.add_repository("o/closed", private=True)
    state.add_token("secret")
    for name in ("o/open", "o/closed"):
        state.add_pull(name, 1, head_sha=HEAD, base_sha=BASE, files=[{"filename": f"{n}.py"} for n in range(65)])
    return state


def test_unchanged_object_is_not_sent_again() -> None:
    with GitHubServer(served()) as server:
        url = f"{server.url}/repos/o/open/pulls/1"
        first = requests.get(url, timeout=5)
        again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=5)
        server.state.pulls[0].state = "closed"
        changed = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=5)
    assert [(answer.status_code, bool(answer.content)) for answer in (first, again, changed)] == [
        (200, True),
        (304, False),
        (200, True),
    ]


def test_request_without_a_token_reads_public_objects_only() -> None:
    with GitHubServer(served()) as server:
        repositories = f"{server.url}/repos/o"
        statuses = [
            requests.get(f"{repositories}/open", timeout=5).status_code,
            requests.get(f"{repositories}/closed", timeout=5).status_code,
            requests.post(f"{repositories}/open/issues/1/comments", json={"body": "x"}, timeout=5).status_code,
            requests.get(f"{repositories}/open", headers={"Authorization": "token wrong"}, timeout=5).status_code,
        ]
    assert statuses == [200, 404, 401, 401]
    assert server.state.comments == []


def test_pages_have_githubs_links() -> None:
    with GitHubServer(served()) as server:
        url = f"{server.url}/repos/o/open/pulls/1/files"
        middle = requests.get(url, params={"page": 2, "per_page": 30}, timeout=5)
        small = requests.get(url, params={"per_page": 1_000}, timeout=5)
    pages = {rel: link["url"].removeprefix(url) for rel, link in middle.links.items()}
    assert pages == {
        "prev": "?page=1&per_page=30",
        "next": "?page=3&per_page=30",
        "last": "?page=3&per_page=30",
        "first": "?page=1&per_page=30",
    }
    assert [file["filename"] for file in middle.json()] == [f"{number}.py" for number in range(30, 60)]
    assert (len(small.json()), small.links) == (65, {})


def test_server_process_saves_its_state_when_terminated(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    file.write_text(served().dump(), encoding="utf-8")
    command = [sys.executable, "-m", "tests.support.github_server", "--port", "0", "--state-file", str(file)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        headers = {"Authorization": "Bearer secret"}
        answer = requests.post(
            f"{url}/repos/o/closed/issues/1/comments", json={"body": "hello"}, headers=headers, timeout=5
        )
        process.terminate()
        assert process.wait(timeout=10) == 0
    state = State.load(file.read_text(encoding="utf-8"))
    assert answer.status_code == 201
    assert [(comment.author, comment.body) for comment in state.comments] == [("github-actions[bot]", "hello")]
    assert [exchange.body for exchange in state.exchanges] == [{"body": "hello"}]
    assert "authorization" not in json.dumps(state.exchanges[0].headers)
