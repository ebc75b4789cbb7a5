"""Bounded reads of a checkout's files. No link out of the tree is followed and nothing is executed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAX_FILE: Final = 2**20
"""The largest file that is read, in bytes. The largest config of the OpenMMLab repositories has 40 KiB."""
MAX_ENTRIES: Final = 1_000_000
"""The number of files and folders after which a scan stops."""


class UnreadableFileError(Exception):
    """A file exists and cannot be read; the message follows the file's name."""


@dataclass
class SourceTree:
    """A folder with a repository's files at one commit. Paths are relative to it, with ``/``.

    Attributes:
        root: its real path.
        paths: every file that has one of the suffixes; True where it is a symbolic link.
        complete: whether the scan covered the whole tree.
    """

    root: str
    paths: dict[str, bool] = field(default_factory=dict)
    complete: bool = True

    @classmethod
    def at(cls, root: Path) -> SourceTree:
        """Open a tree to read single files, without a scan."""
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
        """Return the file's content, None if it does not exist.

        Raises:
            UnreadableFileError: it is outside the tree, not a regular file, too large, or cannot be opened.
        """
        try:
            return _read(self._inside(path))
        except (FileNotFoundError, NotADirectoryError):
            if path in self.paths:
                raise UnreadableFileError("is a broken symbolic link") from None
            return None
        except OSError as error:
            raise UnreadableFileError(f"cannot be opened: {error.strerror}") from error

    def target(self, path: str) -> str | None:
        """Return the path that symbolic links lead to, None if it is the same or outside the tree."""
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
            raise UnreadableFileError("is a symbolic link out of the repository")
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
    # The flags keep it from waiting for a pipe, and from following a link created since the path was resolved.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFileError("is not a regular file")
        if status.st_size > MAX_FILE:
            raise UnreadableFileError(f"is larger than {MAX_FILE:,} bytes")
        return file.read(MAX_FILE)
