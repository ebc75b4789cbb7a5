"""Which configs a pull request touches: changed files, inheritance graph, selection. Reads text, executes nothing."""

from model_complexity.discover.changes import ChangedFile, from_api
from model_complexity.discover.git import Remote, Repository
from model_complexity.discover.graph import Graph
from model_complexity.discover.patterns import Patterns, is_base
from model_complexity.discover.select import Selection, requested, select

__all__ = [
    "ChangedFile",
    "Graph",
    "Patterns",
    "Remote",
    "Repository",
    "Selection",
    "from_api",
    "is_base",
    "requested",
    "select",
]
