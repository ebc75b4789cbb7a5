"""GitHub's side: the event, the REST API, the sticky comment, the runner's files and commands."""

from model_complexity.github.client import Client, Comment
from model_complexity.github.comment import Published, marker, max_body_length, publish
from model_complexity.github.errors import PermissionDeniedError
from model_complexity.github.event import Event, Ignored, PullRequest, parse_event

__all__ = [
    "Client",
    "Comment",
    "Event",
    "Ignored",
    "PermissionDeniedError",
    "Published",
    "PullRequest",
    "marker",
    "max_body_length",
    "parse_event",
    "publish",
]
