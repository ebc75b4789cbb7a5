"""Local git: subprocesses, the private repository, the working tree, changed files."""

from model_complexity.git.changes import ChangedFile, from_api
from model_complexity.git.repository import Remote, Repository
from model_complexity.git.tree import SourceTree, UnreadableFileError
from model_complexity.git.working_tree import Snapshot, WorkingTree

__all__ = [
    "ChangedFile",
    "Remote",
    "Repository",
    "Snapshot",
    "SourceTree",
    "UnreadableFileError",
    "WorkingTree",
    "from_api",
]
