"""The demo's play: a real git repository of mmpretrain's configs, a pull request, and the whole action against a server here.

Run by scripts/demo with the speaking half's Python, after everything is set up.
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

from tests.github_server import GitHubServer  # noqa: E402 - the path above makes it importable
from tests.play import Play  # noqa: E402

ANALYSIS = ROOT / ".venv" / "analysis" / "bin" / "python"
VIT = "configs/vision_transformer/vit-base-p16_64xb64_in1k.py"
RESNET_BASE = "configs/_base_/models/resnet18.py"
BROKEN = "configs/resnet/resnet18_broken.py"


def main() -> int:
    """Returns the action's exit code, or 1 if the comment is not what the demo promises."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--comment", type=Path, required=True, help="where the comment's Markdown is written")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="model-complexity-demo-") as folder, GitHubServer() as server:
        play = Play(Path(folder), server)
        _say("a git repository of mmpretrain's configs")
        play.main("mmpretrain's configs", _configs())
        _say(
            f"a pull request: patches of 14 pixels in {VIT}, a deeper stem in {RESNET_BASE}, a syntax error in a new config"
        )
        play.push("Finer patches, deeper stem", _changes(play.desk))
        _say("the action, as the runner starts it, against a GitHub server on this machine (a minute or two)")
        status = _act(play, "opened")
        first = server.state.comments[0].body if server.state.comments else ""
        _say("a second push (one line in the ViT's schedule): the same comment is updated")
        play.push(
            "Clip gradients",
            {VIT: (play.desk / VIT).read_text() + "optim_wrapper = dict(clip_grad=dict(max_norm=2.0))\n"},
        )
        status = status or _act(play, "synchronize")
        if status or len(server.state.comments) != 1 or server.state.comments[0].body == first:
            print("The demo did not end with one updated comment.", file=sys.stderr)
            return status or 1
        arguments.comment.write_text(server.state.comments[0].body, encoding="utf-8")
    return 0


def _configs() -> dict[str, str]:
    where = "import importlib.util as u; print(u.find_spec('mmpretrain').submodule_search_locations[0])"
    command = [str(ANALYSIS), "-W", "ignore", "-c", where]
    packaged = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), ".mim")
    files = sorted(file for file in (packaged / "configs").rglob("*") if file.suffix in (".py", ".yml", ".md"))
    return {str(file.relative_to(packaged)): file.read_text(encoding="utf-8") for file in files}


def _changes(desk: Path) -> dict[str, str]:
    vit, base = (desk / VIT).read_text(), (desk / RESNET_BASE).read_text()
    changes = {
        VIT: vit.replace("model = dict(\n", "model = dict(\n    backbone=dict(patch_size=14),\n"),
        RESNET_BASE: base.replace("type='ResNet'", "type='ResNetV1d'"),
        BROKEN: "_base_ = 'resnet18_8xb32_in1k.py'\n\nmodel = dict(backbone=dict(depth=34)\n",
    }
    if vit == changes[VIT] or base == changes[RESNET_BASE]:
        raise SystemExit("mmpretrain's configs are not the pinned version's: the demo's changes do not apply")
    return changes


def _act(play: Play, action: str) -> int:
    workspace, sha = play.checkout()
    told = play.environment("pull_request", play.payload(action), workspace, sha, max_configs="5")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "INPUT_"))}
    started = time.monotonic()
    command = [sys.executable, "-u", "-m", "model_complexity"]
    status = subprocess.run(
        command, env={**ours, **told, "MODEL_COMPLEXITY_PYTHON": str(ANALYSIS)}, check=False
    ).returncode
    print(f"  (exit code {status} after {time.monotonic() - started:.0f} s)")
    return status


def _say(text: str) -> None:
    print(f"\n=== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
