"""Local usage: a report of the local repository, without a token, GitHub's API or an event."""

from model_complexity.commands.arguments import add_commands

__all__ = ["add_commands"]
