"""A GitHub server per test, whose whole traffic is held to GitHub's own description when the test ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.github_server import GitHubServer
from tests.integration.openapi import description

ROOT = Path(__file__).parents[2]


@pytest.fixture
def github() -> Iterator[GitHubServer]:
    """An empty server; afterwards every request to it and every response must be as GitHub describes them."""
    described = description(ROOT)
    with GitHubServer() as server:
        yield server
    exchanges = [e for e in server.state.exchanges if ".git/" not in e.path]
    assert [problem for exchange in exchanges for problem in described.problems(exchange)] == []
