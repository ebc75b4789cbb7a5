"""A small GitHub on loopback: the endpoints that our client uses, over HTTP, with git behind them."""

from tests.support.github_server.server import GitHubServer
from tests.support.github_server.state import Comment, Exchange, Fault, Pull, Repository, State, Token

__all__ = ["Comment", "Exchange", "Fault", "GitHubServer", "Pull", "Repository", "State", "Token"]
