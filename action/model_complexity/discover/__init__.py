"""Which configs a pull request touches: changed files, inheritance graph, selection. Reads text, executes nothing."""

from model_complexity.discover.globs import Pattern, Patterns, is_base
from model_complexity.discover.graph import Graph
from model_complexity.discover.model_line import model_line
from model_complexity.discover.select import Selection, select, select_explicit
from model_complexity.git.changes import ChangedFile, from_api
from model_complexity.git.repository import Remote, Repository
from model_complexity.git.tree import SourceTree, UnreadableFileError
from model_complexity.git.working_tree import Snapshot, WorkingTree

__all__ = [
    "ChangedFile",
    "Graph",
    "Pattern",
    "Patterns",
    "Remote",
    "Repository",
    "Selection",
    "Snapshot",
    "SourceTree",
    "UnreadableFileError",
    "WorkingTree",
    "from_api",
    "is_base",
    "model_line",
    "select",
    "select_explicit",
]
