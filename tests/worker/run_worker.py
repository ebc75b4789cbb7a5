"""Drives worker.main as the sandbox does, for tests in the worker environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from model_complexity.common.options import WORKER_VARIABLES
from tests.support.flat import flat

ACTION = Path(__file__).parent.parent.parent / "action"
BOOT = f"""
import sys
sys.path[:0] = [{str(ACTION)!r}]
from model_complexity.worker.main import main
sys.exit(main(sys.argv[1:]))
"""


def replies(tree: Path, jobs: Sequence[dict[str, Any]], /, **options: Any) -> list[dict[str, Any]]:
    """All lines of the worker after its handshake: attempts and answers."""
    reading, writing = os.pipe()
    command = [sys.executable, "-W", "ignore", "-c", BOOT, "--answers-fd", str(writing)]
    lines = [{"device": "cpu", "timeout": 60, "jobs": 1, **options}, *jobs]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    environment = {**os.environ, **WORKER_VARIABLES}
    process = subprocess.Popen(command, cwd=tree, stdin=subprocess.PIPE, pass_fds=[writing], text=True, env=environment)
    os.close(writing)
    assert process.stdin
    process.stdin.write(text)
    process.stdin.close()
    with os.fdopen(reading, encoding="utf-8") as pipe:
        lines = [json.loads(line) for line in pipe]
    assert process.wait() == 0
    assert set(lines[0]) == {"ready"}
    return lines[1:]


def answers(tree: Path, jobs: Sequence[dict[str, Any]], /, **options: Any) -> list[dict[str, Any]]:
    """All answers of the worker, in its order."""
    found = [line for line in replies(tree, jobs, **options) if "job" in line]
    return [line | {"measurement": flat(line["measurement"])} if "measurement" in line else line for line in found]


def measure(
    tree: Path, configs: Sequence[str], *, shape: tuple[int, ...] = (3, 32, 32), **options: Any
) -> list[dict[str, Any]]:
    """One answer for each config, in order."""
    jobs = [{"job": number, "config": config, "shape": shape} for number, config in enumerate(configs)]
    found = sorted(answers(tree, jobs, **options), key=lambda answer: int(answer["job"]))
    assert [answer["job"] for answer in found] == list(range(len(configs)))
    return found
