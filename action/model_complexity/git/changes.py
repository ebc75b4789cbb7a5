"""The files that a pull request changes, as git or GitHub's API lists them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from model_complexity.errors import ActionError

Status = Literal["added", "modified", "renamed", "copied", "deleted"]

_GIT_STATUS: Final[Mapping[str, Status]] = {
    "A": "added",
    "M": "modified",
    "T": "modified",
    "R": "renamed",
    "C": "copied",
    "D": "deleted",
}
_API_STATUS: Final[Mapping[str, Status]] = {
    "added": "added",
    "modified": "modified",
    "changed": "modified",
    "renamed": "renamed",
    "copied": "copied",
    "removed": "deleted",
}


@dataclass(frozen=True)
class ChangedFile:
    """One file that differs between the merge base and head.

    ``path`` is its path at head, None if deleted; ``base_path`` at the merge base, None if added or copied.
    Paths are relative to the repository's root, with ``/``; bytes that are not UTF-8 are kept as surrogates.
    """

    path: str | None
    base_path: str | None
    status: Status

    @property
    def paths(self) -> tuple[str, ...]:
        """Its distinct paths, head's first."""
        both = (self.path, self.base_path)
        return tuple(dict.fromkeys(path for path in both if path is not None))


def parse_name_status(output: bytes) -> tuple[ChangedFile, ...]:
    """Parse the output of ``git diff --name-status -z``.

    Raises:
        ActionError: the output is malformed, or contains a path outside the repository.
    """
    return tuple(_records(output))


def _records(output: bytes) -> Iterator[ChangedFile]:
    fields = iter(output.split(b"\0"))
    for field in fields:
        if not field:
            break
        letter = field[:1].decode("ascii", "replace")
        status = _GIT_STATUS.get(letter)
        paths = [_require_inside(name) for name in _take_paths(fields, 2 if letter in "RC" else 1)]
        if status is None:
            raise ActionError(f"git reports an unknown change type: {letter!r}.")
        yield _changed(status, paths[-1], paths[0])


def _take_paths(fields: Iterator[bytes], count: int) -> list[str]:
    names = [next(fields, b"") for _ in range(count)]
    return [name.decode("utf-8", "surrogateescape") for name in names]


def _changed(status: Status, path: str, previous: str) -> ChangedFile:
    return ChangedFile(
        path=None if status == "deleted" else path,
        base_path=None if status in {"added", "copied"} else previous,
        status=status,
    )


def from_api(files: Iterable[Mapping[str, object]]) -> tuple[ChangedFile, ...]:
    """Parse the items of GitHub's list of a pull request's files, at most 3,000.

    Source: docs.github.com/en/rest/pulls/pulls, "List pull requests files".

    Raises:
        ActionError: an item does not follow GitHub's documentation.
    """
    return tuple(_from_item(item) for item in files if item.get("status") != "unchanged")


def _from_item(item: Mapping[str, object]) -> ChangedFile:
    status = _API_STATUS.get(str(item.get("status")))
    path = item.get("filename")
    previous = item.get("previous_filename") if status == "renamed" else path
    if status is None or not isinstance(path, str) or not isinstance(previous, str):
        raise ActionError("GitHub's list of changed files contains a malformed item.", "Run the job again.")
    return _changed(status, _require_inside(path), _require_inside(previous))


def _require_inside(path: str) -> str:
    # A hand-made tree object can contain any name.
    if not path or path.startswith("/") or ".." in path.split("/") or "\0" in path:
        raise ActionError("The list of changed files contains a path outside the repository.")
    return path
