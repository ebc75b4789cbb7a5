"""The private bare repository, which borrows the checkout's objects and none of its configuration."""

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
    """Where missing commits come from.

    Args:
        url: an https, http or file URL.
        token: sent to that URL and nowhere else; never in an argument list, a message or this object's repr.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("https://", "http://", "file:///")) or not self.url.isprintable():
            raise ActionError("The repository's URL is not an https URL.")

    @property
    def _credentials(self) -> str:
        return base64.b64encode(f"x-access-token:{self.token}".encode()).decode()

    @property
    def settings(self) -> Mapping[str, str]:
        """Git's settings that authenticate against this URL.

        Source: git-scm.com/docs/git-config, ``http.<url>.*``; GitHub takes the token as Basic's password.
        """
        return {f"http.{self.url}.extraheader": f"Authorization: Basic {self._credentials}"} if self.token else {}

    def redact(self, text: str) -> str:
        """Takes the token, in either form, out of a text."""
        for secret in (self.token, self._credentials) if self.token else ():
            text = text.replace(secret or "", "***")
        return text


class Repository:
    """The commits of a checkout, seen through a private bare repository.

    The checkout's configuration, hooks, filters, attributes and file system monitor are never used and the checkout is
    never written. What is fetched lands in the private repository.

    Attributes:
        fetch_problem: why the last fetch did not work, without the token; empty otherwise.
    """

    def __init__(self, folder: Path, remote: Remote | None) -> None:
        self._folder = folder
        self._remote = remote
        self.fetch_problem = ""

    @classmethod
    def open(cls, checkout: Path, private: Path, remote: Remote | None = None) -> Repository:
        """Makes the private repository.

        Args:
            checkout: the root of a clone or of a linked worktree.
            private: a folder that nobody else may write to; made if it is not there.
            remote: where missing commits can be fetched.

        Raises:
            ActionError: the checkout is no git repository, or git is not there.
        """
        private.mkdir(parents=True, exist_ok=True, mode=0o700)
        common, object_format = _describe(checkout.resolve(), private)
        folder = private / "repository.git"
        init = ["init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", str(folder)]
        check_output(run_git(init, private), "The private repository could not be made")
        (folder / "objects/info").mkdir(exist_ok=True)
        (folder / "objects/info/alternates").write_text(f"{common / 'objects'}\n", encoding="utf-8")
        if (common / "shallow").is_file():
            shutil.copyfile(common / "shallow", folder / "shallow")
        return cls(folder, remote)

    @property
    def folder(self) -> Path:
        """The private repository, which may be written to."""
        return self._folder

    @property
    def is_shallow(self) -> bool:
        """Says whether some commit's parents are left out; a merge base found across such a gap may be missing."""
        shallow = self._folder / "shallow"
        return shallow.is_file() and shallow.stat().st_size > 0

    def has(self, sha: str) -> bool:
        """Says whether the commit is here with its whole tree and files, as a partial clone may not have them."""
        return self._run("rev-list", "--quiet", "--objects", "--no-walk", _checked(sha), "--").code == 0

    def fetch(self, *shas: str) -> bool:
        """Fetches commits without their history; ``fetch_problem`` says why when the answer is False.

        Look for a merge base first: a commit that is fetched counts as one without parents from then on.
        """
        wanted = [_checked(sha) for sha in shas]
        if self._remote is None:
            self.fetch_problem = "There is no server to fetch from."
            return False
        arguments = ["--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--depth=1"]
        command = ["fetch", *arguments, "--", self._remote.url, *wanted]
        try:
            result = run_git(command, self._folder.parent, self._folder, {**SETTINGS, **self._remote.settings})
        except GitTimeoutError as error:
            (self._folder / "shallow.lock").unlink(missing_ok=True)  # or no later fetch would work
            self.fetch_problem = error.message
            return False
        missing = [sha for sha in wanted if not self.has(sha)]
        reason = self._remote.redact(result.reason) or f"The server did not send {' '.join(missing)}."
        self.fetch_problem = reason if result.code or missing else ""
        return not self.fetch_problem

    def merge_base(self, base: str, head: str) -> str | None:
        """Returns the commit that the two histories share last, None where the history at hand does not tell."""
        result = self._run("merge-base", _checked(base), _checked(head))
        sha = result.output.decode("ascii", "replace").strip()
        return sha if result.code == 0 and _SHA.fullmatch(sha) else None

    def changed_files(self, base: str, head: str) -> tuple[ChangedFile, ...]:
        """Lists what differs between two commits, renames found by content.

        Beyond 3,000 added and as many removed files git finds only the renames without an edit.

        Raises:
            ActionError: a commit is missing, or only partly here.
        """
        options = ["--name-status", "-z", "-M", "-l3000", "--no-ext-diff", "--no-textconv", "--no-color"]
        result = self._run("diff", *options, _checked(base), _checked(head), "--")
        return parse_name_status(check_output(result, "The changed files could not be listed"))

    def checkout(self, sha: str, into: Path) -> Path:
        """Writes the commit's files into a folder that is empty or not there, and returns it.

        Links in the tree are made as they are: whoever reads the files must not follow them out of it.

        Raises:
            ActionError: the commit is missing, or the folder cannot be written.
        """
        target = into.absolute()
        result = self._run("worktree", "add", "--quiet", "--force", "--detach", "--", str(target), _checked(sha))
        check_output(result, f"Commit {sha} could not be checked out")
        return target

    def read(self, sha: str, path: str, limit: int) -> bytes | None:
        """Returns the content of a file at a commit, None if there is none.

        Args:
            sha: a commit that is here.
            path: from the root, without wildcards.
            limit: bytes that the file may have.

        Raises:
            UnreadableFileError: it is no regular file, or larger.
            ActionError: the commit is missing.
        """
        listing = self._run("ls-tree", "-z", "--long", "--full-tree", _checked(sha), "--", path)
        entry = check_output(listing, f"Commit {sha} could not be read").split(b"\0")[0]
        if not entry:
            return None
        mode, kind, blob, size = entry.split(b"\t")[0].split()
        if kind != b"blob" or mode == b"120000":
            raise UnreadableFileError("is not a regular file")
        if int(size) > limit:
            raise UnreadableFileError(f"is larger than {limit:,} bytes")
        return check_output(self._run("cat-file", "blob", blob.decode()), f"{path} at {sha} could not be read")

    def _run(self, *arguments: str) -> GitResult:
        return run_git(list(arguments), self._folder.parent, self._folder)


def _describe(checkout: Path, private: Path) -> tuple[Path, str]:
    """Returns the folder that holds the checkout's objects, and their format (sha1 or sha256)."""
    arguments = ["-C", str(checkout), "rev-parse", "--path-format=absolute", "--git-common-dir", "--show-object-format"]
    # The action runs as root in a checkout that belongs to someone else, which git refuses unless told.
    result = run_git(arguments, private, settings={**SETTINGS, "safe.directory": str(checkout)})
    advice = "Put a step with actions/checkout before this one."
    lines = os.fsdecode(check_output(result, f"{checkout} is not a git checkout", advice)).splitlines()
    if len(lines) != 2 or not Path(lines[0]).is_dir() or lines[1] not in {"sha1", "sha256"}:
        raise ActionError(f"{checkout} is not a git checkout that can be read.", advice)
    return Path(lines[0]), lines[1]


def _checked(sha: str) -> str:
    if not _SHA.fullmatch(sha):
        raise ActionError(f"{sha[:80]!r} is not a commit's full SHA.")
    return sha
