"""A private bare repository that uses the checkout's objects as an alternate, and none of its configuration."""

from __future__ import annotations

import base64
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from model_complexity.errors import ActionError
from model_complexity.git.changes import ChangedFile, parse_name_status
from model_complexity.git.run import SETTINGS, GitResult, GitTimeoutError, check_output, run_git
from model_complexity.git.tree import UnreadableFileError

_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


@dataclass(frozen=True)
class Remote:
    """The repository that missing commits are fetched from.

    Args:
        url: an https, http or file URL.
        token: sent to that URL only; never in an argument list, a message or this object's repr.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://", "file:///")) or not self.url.isprintable():
            raise ActionError("The repository's URL must start with https://, http:// or file:///.")

    @property
    def _credentials(self) -> str:
        return base64.b64encode(f"x-access-token:{self.token}".encode()).decode()

    @property
    def settings(self) -> Mapping[str, str]:
        """The git settings that authenticate against this URL.

        Source: git-scm.com/docs/git-config, ``http.<url>.*``; GitHub takes the token as Basic's password.
        """
        return {f"http.{self.url}.extraheader": f"Authorization: Basic {self._credentials}"} if self.token else {}

    def redact(self, text: str) -> str:
        """Replace the token in a text, plain or encoded."""
        for secret in (self.token, self._credentials) if self.token else ():
            text = text.replace(secret or "", "***")
        return text


class Repository:
    """The commits of a checkout, read through a private bare repository.

    The checkout's configuration, hooks, filters, attributes and file system monitor are never used and the checkout is
    never written. Fetched objects are stored in the private repository.

    Attributes:
        fetch_problem: why the last fetch failed, without the token; empty if it succeeded.
    """

    def __init__(self, folder: Path, remote: Remote | None) -> None:
        self._folder = folder
        self._remote = remote
        self.fetch_problem = ""

    @classmethod
    def open(cls, checkout: Path, private: Path, remote: Remote | None = None) -> Repository:
        """Create the private repository.

        Args:
            checkout: the root of a clone or of a linked worktree.
            private: a folder that no other user may write to; created if missing.
            remote: where missing commits can be fetched.

        Raises:
            ActionError: the checkout is not a git repository, or git is not installed.
        """
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        common_dir, object_format = _object_store(checkout.resolve(), private)
        folder = private / "repository.git"
        init = ["init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", str(folder)]
        check_output(run_git(init, private), "The private repository cannot be created")
        (folder / "objects/info").mkdir(exist_ok=True)
        (folder / "objects/info/alternates").write_text(f"{common_dir / 'objects'}\n", encoding="utf-8")
        if (common_dir / "shallow").is_file():
            shutil.copyfile(common_dir / "shallow", folder / "shallow")
        return cls(folder, remote)

    @property
    def folder(self) -> Path:
        """The folder of the private repository, which is writable."""
        return self._folder

    @property
    def is_shallow(self) -> bool:
        """Return whether the history is truncated, so that a merge base may not be found."""
        shallow = self._folder / "shallow"
        return shallow.is_file() and shallow.stat().st_size > 0

    def has(self, sha: str) -> bool:
        """Return whether the commit is present with all its trees and blobs; a partial clone may lack some."""
        return self._run("rev-list", "--quiet", "--objects", "--no-walk", _require_sha(sha), "--").code == 0

    def fetch(self, *shas: str) -> bool:
        """Fetch commits without their history; on False, ``fetch_problem`` has the reason.

        Look for a merge base first: a fetched commit has no parents from then on.
        """
        commits = [_require_sha(sha) for sha in shas]
        if self._remote is None:
            self.fetch_problem = "The repository has no remote to fetch from."
            return False
        arguments = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--depth=1"]
        command = ["fetch", *arguments, "--", self._remote.url, *commits]
        try:
            result = run_git(command, self._folder.parent, self._folder, {**SETTINGS, **self._remote.settings})
        except GitTimeoutError as error:
            (self._folder / "shallow.lock").unlink(missing_ok=True)  # or every later fetch would fail
            self.fetch_problem = error.message
            return False
        missing = [sha for sha in commits if not self.has(sha)]
        reason = self._remote.redact(result.reason) or f"The server did not send {' '.join(missing)}."
        self.fetch_problem = reason if result.code or missing else ""
        return not self.fetch_problem

    def merge_base(self, base: str, head: str) -> str | None:
        """Return the merge base of two commits, None if the local history does not contain one."""
        result = self._run("merge-base", _require_sha(base), _require_sha(head))
        sha = result.output.decode("ascii", "replace").strip()
        return sha if result.code == 0 and _SHA.fullmatch(sha) else None

    def changed_files(self, base: str, head: str) -> tuple[ChangedFile, ...]:
        """List the files that differ between two commits, with renames by content.

        Beyond 3,000 added and as many removed files git detects exact renames only.

        Raises:
            ActionError: a commit is missing or incomplete.
        """
        options = ["--name-status", "-z", "-M", "-l3000", "--no-ext-diff", "--no-textconv", "--no-color"]
        result = self._run("diff", *options, _require_sha(base), _require_sha(head), "--")
        return parse_name_status(check_output(result, "The changed files cannot be listed"))

    def checkout(self, sha: str, into: Path) -> Path:
        """Check a commit out into an empty or missing folder, and return the folder.

        Symbolic links are created unchanged; a reader must not follow them out of the folder.

        Raises:
            ActionError: the commit is missing, or the folder cannot be written.
        """
        target = into.absolute()
        result = self._run("worktree", "add", "--quiet", "--force", "--detach", "--", str(target), _require_sha(sha))
        check_output(result, f"Commit {sha} cannot be checked out")
        return target

    def read(self, sha: str, path: str, limit: int) -> bytes | None:
        """Return the content of a file at a commit, None if it does not exist.

        Args:
            sha: a commit that is present.
            path: from the root, without wildcards.
            limit: the largest size in bytes.

        Raises:
            UnreadableFileError: it is not a regular file, or is larger.
            ActionError: the commit is missing.
        """
        listing = self._run("ls-tree", "-z", "--long", "--full-tree", _require_sha(sha), "--", path)
        entry = check_output(listing, f"Commit {sha} cannot be read").split(b"\0")[0]
        if not entry:
            return None
        mode, kind, blob, size = entry.split(b"\t")[0].split()
        if kind != b"blob" or mode == b"120000":
            raise UnreadableFileError("is not a regular file")
        if int(size) > limit:
            raise UnreadableFileError(f"is larger than {limit:,} bytes")
        return check_output(self._run("cat-file", "blob", blob.decode()), f"{path} at {sha} cannot be read")

    def _run(self, *arguments: str) -> GitResult:
        return run_git(list(arguments), self._folder.parent, self._folder)


def _object_store(checkout: Path, private: Path) -> tuple[Path, str]:
    """Return the folder that contains the checkout's objects, and their format, sha1 or sha256."""
    arguments = ["-C", str(checkout), "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-object-format"]
    # The action runs as root in a checkout of another user, which git refuses by default.
    result = run_git(arguments, private, settings={**SETTINGS, "safe.directory": str(checkout)})
    advice = "Run actions/checkout in an earlier step."
    lines = os.fsdecode(check_output(result, f"{checkout} is not a git checkout", advice)).splitlines()
    if len(lines) != 2 or not Path(lines[0]).is_dir() or lines[1] not in {"sha1", "sha256"}:
        raise ActionError(f"{checkout} is not a readable git checkout.", advice)
    return Path(lines[0]), lines[1]


def _require_sha(sha: str) -> str:
    if not _SHA.fullmatch(sha):
        raise ActionError(f"{sha[:80]!r} is not the full SHA of a commit.")
    return sha
