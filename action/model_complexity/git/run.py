"""Git as a subprocess, unaffected by the user's configuration and the checkout's."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model_complexity.errors import ActionError

TIMEOUT: Final = 300.0
"""Seconds that one git command may take."""
SETTINGS: Final = {
    "advice.detachedHead": "false",
    "core.alternateRefsCommand": "true",  # or fetch would run git in the checkout to ask for its refs
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "gc.auto": "0",
    "http.followRedirects": "false",  # the token goes to the configured server only
    "maintenance.auto": "false",
}
_NETWORK: Final = (
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
)


@dataclass(frozen=True)
class GitResult:
    """The exit status and output of a git command."""

    code: int
    output: bytes
    error: str

    @property
    def reason(self) -> str:
        """Git's message on one line."""
        return " ".join(self.error.split())[:500]


class GitTimeoutError(ActionError):
    """A git command exceeded ``TIMEOUT``."""


def check_output(result: GitResult, what: str, advice: str = "") -> bytes:
    """Return the output of a command that must succeed.

    Raises:
        ActionError: the command failed; its message starts with ``what``.
    """
    if result.code:
        raise ActionError(f"{what}: {result.reason}", advice)
    return result.output


def _environment(home: Path, repository: Path | None, settings: Mapping[str, str]) -> dict[str, str]:
    # Only the search path, the proxy and the certificates are inherited.
    environment = {name: os.environ[name] for name in _NETWORK if name in os.environ}
    environment |= {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "https:http:file",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment if repository is None else {**environment, "GIT_DIR": str(repository)}


def run_git(
    arguments: Sequence[str], home: Path, repository: Path | None = None, settings: Mapping[str, str] = SETTINGS
) -> GitResult:
    """Run git and return its result.

    Raises:
        ActionError: git is not installed.
        GitTimeoutError: git ran longer than ``TIMEOUT`` and was killed.
    """
    try:
        process = subprocess.Popen(
            ["git", *arguments],
            cwd=home,
            env=_environment(home, repository, settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise ActionError(f"git cannot be started: {error.strerror}.", "Install git 2.31 or later.") from error
    with process:
        try:
            output, error_output = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its children too: they keep the pipes open
            raise GitTimeoutError(f"git {arguments[0]} took longer than {TIMEOUT:.0f} seconds.") from error
    return GitResult(process.returncode, output, error_output.decode("utf-8", "replace"))
