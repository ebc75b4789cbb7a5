"""Which configs a pull request touches: changed files, inheritance graph, selection. Reads text, executes nothing."""

from model_complexity.discover.changes import ChangedFile, from_api
from model_complexity.discover.desk import Desk, Snapshot
from model_complexity.discover.git import Remote, Repository
from model_complexity.discover.graph import Graph
from model_complexity.discover.lines import model_line
from model_complexity.discover.patterns import Pattern, Patterns, is_base
from model_complexity.discover.select import Selection, requested, select
from model_complexity.discover.tree import Tree, UnreadableFileError

__all__ = [
    "ChangedFile",
    "Desk",
    "Graph",
    "Pattern",
    "Patterns",
    "Remote",
    "Repository",
    "Selection",
    "Snapshot",
    "Tree",
    "UnreadableFileError",
    "from_api",
    "is_base",
    "model_line",
    "requested",
    "select",
]
