"""The worker of the last commit that counted a torch.jit trace, in a git worktree."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.benchmarks.lib.our_worker import Launch

COMMIT = "9094346fc3f2174df551bc72a44a531dfab98872"
_ROOT = Path(__file__).resolve().parents[3]
_BOOTSTRAP = """
import sys
sys.path[:] = [{action!r}, *(folder for folder in sys.path if folder)]
from model_complexity.measure.worker import main
sys.exit(main(sys.argv[1:]))
"""
_FLAGS = {"timeout": "--timeout", "device": "--device", "jobs": "--jobs", "mode": "--method"}
"""Its command-line options, by our names for them."""
_DEFAULTS = {"timeout": 300}


class MissingCommitError(Exception):
    """The clone does not have the commit."""


@contextmanager
def worktree() -> Iterator[Path]:
    """Check the commit out into a temporary worktree.

    Raises:
        MissingCommitError: the clone is shallow, or is no clone.
    """
    if _git("cat-file", "-e", f"{COMMIT}^{{commit}}").returncode:
        raise MissingCommitError(f"Commit {COMMIT[:7]} is not in this clone. Run git fetch --unshallow.")
    with tempfile.TemporaryDirectory(prefix="traced-") as folder:
        tree = Path(folder, "tree")
        _git("worktree", "add", "--detach", str(tree), COMMIT).check_returncode()
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def launch_from(tree: Path) -> Callable[[Mapping[str, Any]], Launch]:
    """Return how the worker in this worktree is started."""

    def launch(options: Mapping[str, Any]) -> Launch:
        flags = [part for name, value in {**_DEFAULTS, **options}.items() for part in (_FLAGS[name], str(value))]
        return Launch(["-c", _BOOTSTRAP.format(action=str(tree / "action")), *flags], [])

    return launch


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
