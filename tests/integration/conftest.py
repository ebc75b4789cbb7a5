"""A GitHub server per test, whose traffic is validated against GitHub's OpenAPI description when the test ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.action_runs import TREE
from tests.support.github_server import GitHubServer
from tests.support.openapi import description
from tests.support.pull_request import PullRequestFixture

ROOT = Path(__file__).parents[2]


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    """An empty server; afterwards every request to it and every response must be as GitHub describes them."""
    described = description(ROOT)
    with GitHubServer() as server:
        yield server
    exchanges = [e for e in server.state.exchanges if ".git/" not in e.path]
    assert [violation for exchange in exchanges for violation in described.problems(exchange)] == []


@pytest.fixture
def pull_request(tmp_path: Path, github: GitHubServer) -> PullRequestFixture:
    """A repository with a few configs and their library on main, and no pull request yet."""
    pull_request = PullRequestFixture(tmp_path, github)
    pull_request.main("A zoo", TREE)
    return pull_request
