"""GitHub: the event, the API, the sticky comment, and the runner's files and commands."""

from model_complexity.github.client import Client, Comment
from model_complexity.github.comment import Published, marker, publish, room
from model_complexity.github.errors import PermissionDenied
from model_complexity.github.event import Event, Ignored, PullRequest, parse_event

__all__ = [
    "Client",
    "Comment",
    "Event",
    "Ignored",
    "PermissionDenied",
    "Published",
    "PullRequest",
    "marker",
    "parse_event",
    "publish",
    "room",
]
