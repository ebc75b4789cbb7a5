"""Run the action on a pull request to a repository of mmpretrain's configs, against a GitHub server on loopback.

scripts/demo starts it with the host environment's Python.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support import zoo  # noqa: E402 - the path above makes it importable
from tests.support.github_server import GitHubServer  # noqa: E402
from tests.support.pull_request import PullRequestFixture  # noqa: E402

CHANGES = {
    "patches": (
        f"patches of 14 pixels in {zoo.VIT}, a deeper stem in {zoo.RESNET_BASE}, a syntax error in a new config",
        zoo.finer_patches_deeper_stem,
    ),
    "depth": (f"a ResNet of 34 layers in {zoo.RESNET_BASE}", zoo.deeper_resnet),
    "head": (f"a classifier of 2,000 classes in {zoo.MOBILENET}", zoo.wider_head),
}


def main() -> int:
    """Run the demo; return the action's exit code, or 1 without one updated comment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comment", type=Path, required=True, help="file for the comment's Markdown")
    parser.add_argument("--change", choices=list(CHANGES), default="patches", help="the pull request's change")
    arguments = parser.parse_args()
    title, change = CHANGES[arguments.change]
    with tempfile.TemporaryDirectory(prefix="model-complexity-demo-") as folder, GitHubServer() as server:
        pull_request = PullRequestFixture(Path(folder), server)
        _print_step("a git repository of mmpretrain's configs")
        pull_request.main("mmpretrain's configs", zoo.configs())
        _print_step(f"a pull request: {title}")
        pull_request.push(title[0].upper() + title[1:], change(pull_request.clone))
        _print_step("the action, as the runner starts it, against a GitHub server on this machine (a minute or two)")
        status = _run_action(pull_request, "opened")
        first = server.state.comments[0].body if server.state.comments else ""
        _print_step("a second push (one line in the ViT's schedule): the same comment is updated")
        pull_request.push("Clip gradients", zoo.clipped_gradients(pull_request.clone))
        status = status or _run_action(pull_request, "synchronize")
        if status or len(server.state.comments) != 1 or server.state.comments[0].body == first:
            print("The demo did not end with one updated comment.", file=sys.stderr)
            return status or 1
        arguments.comment.write_text(server.state.comments[0].body, encoding="utf-8")
    return 0


def _run_action(pull_request: PullRequestFixture, action: str) -> int:
    workspace, sha = pull_request.checkout()
    variables = pull_request.environment("pull_request", pull_request.payload(action), workspace, sha, max_configs="5")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "INPUT_"))}
    started = time.monotonic()
    command = [sys.executable, "-u", "-m", "model_complexity"]
    status = subprocess.run(
        command, env={**inherited, **variables, "MODEL_COMPLEXITY_PYTHON": str(zoo.WORKER_PYTHON)}, check=False
    ).returncode
    print(f"  (exit code {status} after {time.monotonic() - started:.0f} s)")
    return status


def _print_step(text: str) -> None:
    print(f"\n=== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
