"""Reads the files of a checkout as text: bounded, never out of the tree, nothing executed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAX_FILE: Final = 2**20
"""Bytes of one file. The largest config of the OpenMMLab repositories has 40 KiB."""
MAX_ENTRIES: Final = 1_000_000
"""Files and folders that a tree may hold; beyond that the rest is not looked at."""


class UnreadableFileError(Exception):
    """The file is there and cannot be read; the message says why, to follow the file's name."""


@dataclass
class SourceTree:
    """A folder with a repository's files at one commit. All paths are relative to it, with ``/``.

    Attributes:
        root: its real path.
        paths: every file that has one of the suffixes; True where it is a symbolic link.
        complete: whether all of the tree was looked at.
    """

    root: str
    paths: dict[str, bool] = field(default_factory=dict)
    complete: bool = True

    @classmethod
    def at(cls, root: Path) -> SourceTree:
        """Opens a tree to read single files, without listing it."""
        return cls(os.path.realpath(root))

    @classmethod
    def scan(cls, root: Path, suffixes: tuple[str, ...], max_entries: int = MAX_ENTRIES) -> SourceTree:
        """List the files that have one of the suffixes.

        Linked folders and ``.git`` are not entered; a folder that cannot be listed counts as empty.
        """
        tree = cls.at(root)
        for number, (path, entry) in enumerate(_walk(tree.root)):
            if number >= max_entries:
                tree.complete = False
                break
            if path.endswith(suffixes) and not entry.is_dir(follow_symlinks=False):
                tree.paths[path] = entry.is_symlink()
        return tree

    def read(self, path: str) -> bytes | None:
        """Returns the file's content, None if there is no such file.

        Raises:
            UnreadableFileError: it lies outside the tree, is no regular file, is too large, or cannot be opened.
        """
        try:
            return _read(self._inside(path))
        except (FileNotFoundError, NotADirectoryError):
            if path in self.paths:
                raise UnreadableFileError("is a link to a file that is not there") from None
            return None
        except OSError as error:
            raise UnreadableFileError(f"cannot be opened: {error.strerror}") from error

    def target(self, path: str) -> str | None:
        """Returns the path of the file that this path leads to, where links make that another one inside the tree."""
        if self.paths.get(path) is False:  # a regular file, found without passing a link
            return None
        try:
            real = os.path.relpath(self._inside(path), self.root)
        except UnreadableFileError:
            return None
        return real if real != path else None

    def _inside(self, path: str) -> str:
        if self.paths.get(path) is False:
            return f"{self.root}/{path}"
        real = os.path.realpath(f"{self.root}/{path}")
        if not real.startswith(f"{self.root}/") or real.startswith(f"{self.root}/.git/"):
            raise UnreadableFileError("is a link that leaves the repository")
        return real


def _walk(root: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(f"{root}/{folder}") as entries:
                for entry in entries:
                    yield f"{folder}{entry.name}", entry
                    if entry.is_dir(follow_symlinks=False) and entry.name != ".git":
                        folders.append(f"{folder}{entry.name}/")
        except OSError:
            continue


def _read(path: str) -> bytes:
    # Not to wait for a pipe's other end, nor to follow a link put there since the path was resolved.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("is not a regular file")
        if status.st_size > MAX_FILE:
            raise UnreadableFileError(f"is larger than {MAX_FILE:,} bytes")
        return file.read(MAX_FILE)
