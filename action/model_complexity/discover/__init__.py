"""Which configs a pull request touches: changed files, inheritance graph, selection. Reads text, executes nothing."""

from model_complexity.discover.globs import Pattern, Patterns, is_base
from model_complexity.discover.graph import Graph
from model_complexity.discover.model_line import model_line
from model_complexity.discover.select import Selection, requested, select
from model_complexity.git.changes import ChangedFile, from_api
from model_complexity.git.repository import Remote, Repository
from model_complexity.git.tree import Tree, UnreadableFileError
from model_complexity.git.working_tree import Desk, Snapshot

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
