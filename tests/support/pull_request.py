"""A pull request on disk and on the GitHub server: commits, payloads, and workspaces as actions/checkout leaves them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.github_server import GitHubServer, Pull

BRANCH = "feature"
CREDENTIAL = "c2VjcmV0LWluLXRoZS1jaGVja291dA=="
"""The credential that actions/checkout writes to the clone's configuration. Untrusted code must not see it."""
_WHEN = "2026-01-01T00:00:00Z"
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Octo Cat"), ("EMAIL", "octocat@example.org"), ("DATE", _WHEN))
    },
}

Files = Mapping[str, str | None]
"""Path -> new text, or None to delete the file."""


@dataclass
class PullRequestFixture:
    """One repository with at most one pull request.

    Args:
        root: an empty folder for everything.
        server: where the repository lives.
        name: ``owner/name``.
        token: the action's token.
    """

    root: Path
    server: GitHubServer
    name: str = "octocat/model-zoo"
    token: str = "ghs_default"
    number: int = 7
    pull: Pull | None = None
    base_sha: str = ""
    _checkouts: int = field(default=0)

    def __post_init__(self) -> None:
        self.git(self.root, "init", "--quiet", "--bare", "-b", "main", str(self.origin))
        self.git(self.root, "init", "--quiet", "-b", "main", str(self.clone))
        self.server.state.add_repository(self.name, git=self.origin)
        self.server.state.add_token(self.token)

    @property
    def origin(self) -> Path:
        """The bare repository behind the server."""
        return self.root / "origin.git"

    @property
    def clone(self) -> Path:
        """The clone of the pull request's author."""
        return self.root / "clone"

    def git(self, folder: Path, *arguments: str) -> str:
        """Run git and return its stdout."""
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env={**os.environ, **_GIT}, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, message: str, files: Files) -> str:
        """Commit on the author's current branch and return the SHA."""
        for name, text in files.items():
            path = self.clone / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.git(self.clone, "add", "--all")
        self.git(self.clone, "commit", "--quiet", "--allow-empty", "-m", message)
        return self.git(self.clone, "rev-parse", "HEAD")

    def main(self, message: str, files: Files) -> str:
        """Commit to main and push."""
        if self.base_sha:
            self.git(self.clone, "checkout", "--quiet", "main")
        self.base_sha = self.commit(message, files)
        self.git(self.clone, "push", "--quiet", "--force", str(self.origin), "main")
        if self.pull:
            self.pull.base_sha = self.base_sha
        return self.base_sha

    def push(self, message: str, files: Files, *, fork: str | None = "") -> str:
        """Commit to the pull request's branch and push. The first push opens the pull request."""
        first = self.pull is None
        self.git(self.clone, "checkout", "--quiet", *(["-b"] if first else []), BRANCH)
        head = self.commit(message, files)
        self.git(self.clone, "push", "--quiet", "--force", str(self.origin), BRANCH)
        if self.pull is None:
            self.pull = self.server.state.add_pull(
                self.name, self.number, head_sha=head, base_sha=self.base_sha, head_repository=fork
            )
        else:
            self.server.state.move_head(self.pull, head)
        return head

    def checkout(self, *, depth: int | None = None, ref: str | None = None) -> tuple[Path, str]:
        """Return a checkout as actions/checkout leaves it, detached at the merge commit or ``ref``, and its SHA."""
        self._checkouts += 1
        folder = self.root / f"checkout{self._checkouts}"
        sha = ref or self._merge_commit()
        self.git(self.origin, "update-ref", "refs/checkout/now", sha)
        self.git(self.root, "init", "--quiet", str(folder))
        self.git(folder, "config", "http.extraheader", f"AUTHORIZATION: basic {CREDENTIAL}")
        refspecs = ["+refs/checkout/now:refs/checkout/now"] + ([] if depth else ["+refs/heads/*:refs/remotes/origin/*"])
        self.git(folder, "fetch", "--quiet", *([f"--depth={depth}"] if depth else []), self.origin.as_uri(), *refspecs)
        self.git(folder, "checkout", "--quiet", "--detach", "refs/checkout/now")
        return folder, sha

    def _merge_commit(self) -> str:
        head = self.git(self.clone, "rev-parse", BRANCH)
        self.git(self.clone, "checkout", "--quiet", "--detach", self.base_sha)
        self.git(self.clone, "merge", "--quiet", "--no-ff", "-m", "Trial merge", head)
        merge = self.git(self.clone, "rev-parse", "HEAD")
        self.git(self.clone, "push", "--quiet", "--force", str(self.origin), f"{merge}:refs/pull/{self.number}/merge")
        self.git(self.clone, "checkout", "--quiet", BRANCH)
        return merge

    def payload(self, action: str = "opened") -> dict[str, Any]:
        """Return the parts of GitHub's ``pull_request`` payload that the action reads."""
        assert self.pull
        pull = self.pull
        head_repository = {"full_name": pull.head_repository} if pull.head_repository else None
        return {
            "action": action,
            "number": pull.number,
            "pull_request": {
                "number": pull.number,
                "state": pull.state,
                "head": {"sha": pull.head_sha, "ref": pull.head_ref, "repo": head_repository},
                "base": {"sha": pull.base_sha, "ref": pull.base_ref, "repo": {"full_name": self.name}},
            },
            "repository": {"full_name": self.name},
            "sender": {"login": "octocat"},
        }

    def dispatch(self, inputs: Mapping[str, str] | None) -> dict[str, Any]:
        """Return GitHub's ``workflow_dispatch`` payload."""
        return {
            "inputs": inputs,
            "ref": "refs/heads/main",
            "repository": {"full_name": self.name},
            "sender": {"login": "octocat"},
        }

    def environment(
        self, event: str, payload: Mapping[str, Any], workspace: Path, sha: str, **inputs: str
    ) -> dict[str, str]:
        """Return the runner's variables for a run of the action. Input names have ``_`` for ``-``."""
        files = self.root / f"runner{self._checkouts}"
        files.mkdir(exist_ok=True)
        (files / "event.json").write_text(json.dumps(payload), encoding="utf-8")
        for name in ("output", "summary"):
            (files / name).write_text("", encoding="utf-8")
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(files / "event.json"),
            "GITHUB_REPOSITORY": self.name,
            "GITHUB_SHA": sha,
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_API_URL": self.server.url,
            "GITHUB_GRAPHQL_URL": f"{self.server.url}/graphql",
            "GITHUB_SERVER_URL": self.server.url,
            "GITHUB_RUN_ID": "42",
            "GITHUB_OUTPUT": str(files / "output"),
            "GITHUB_STEP_SUMMARY": str(files / "summary"),
            "INPUT_GITHUB-TOKEN": self.token,
            **{f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()},
        }
