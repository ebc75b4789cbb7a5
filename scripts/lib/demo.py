"""The demo's play: a real git repository of mmpretrain's configs, a pull request, and the whole action against a server here.

Run by scripts/demo with the host's Python, after everything is set up.
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
    """Returns the action's exit code, or 1 if the comment is not what the demo promises."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comment", type=Path, required=True, help="where the comment's Markdown is written")
    parser.add_argument("--change", choices=list(CHANGES), default="patches", help="what the pull request does")
    arguments = parser.parse_args()
    told, change = CHANGES[arguments.change]
    with tempfile.TemporaryDirectory(prefix="model-complexity-demo-") as folder, GitHubServer() as server:
        pull_request = PullRequestFixture(Path(folder), server)
        _say("a git repository of mmpretrain's configs")
        pull_request.main("mmpretrain's configs", zoo.configs())
        _say(f"a pull request: {told}")
        pull_request.push(told[0].upper() + told[1:], change(pull_request.desk))
        _say("the action, as the runner starts it, against a GitHub server on this machine (a minute or two)")
        status = _act(pull_request, "opened")
        first = server.state.comments[0].body if server.state.comments else ""
        _say("a second push (one line in the ViT's schedule): the same comment is updated")
        pull_request.push("Clip gradients", zoo.clipped_gradients(pull_request.desk))
        status = status or _act(pull_request, "synchronize")
        if status or len(server.state.comments) != 1 or server.state.comments[0].body == first:
            print("The demo did not end with one updated comment.", file=sys.stderr)
            return status or 1
        arguments.comment.write_text(server.state.comments[0].body, encoding="utf-8")
    return 0


def _act(pull_request: PullRequestFixture, action: str) -> int:
    workspace, sha = pull_request.checkout()
    told = pull_request.environment("pull_request", pull_request.payload(action), workspace, sha, max_configs="5")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "INPUT_"))}
    started = time.monotonic()
    command = [sys.executable, "-u", "-m", "model_complexity"]
    status = subprocess.run(
        command, env={**ours, **told, "MODEL_COMPLEXITY_PYTHON": str(zoo.WORKER_PYTHON)}, check=False
    ).returncode
    print(f"  (exit code {status} after {time.monotonic() - started:.0f} s)")
    return status


def _say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
