"""A small, honest GitHub on loopback: what our client asks of the real one, over real HTTP and real git."""

from tests.support.github_server.server import GitHubServer
from tests.support.github_server.state import Comment, Exchange, Fault, Pull, Repository, State, Token

__all__ = ["Comment", "Exchange", "Fault", "GitHubServer", "Pull", "Repository", "State", "Token"]
