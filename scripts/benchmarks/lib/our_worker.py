"""Runs the product's own worker over many configs, as the sandbox does, and says what it cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benchmarks.lib.progress import Progress

_ROOT = Path(__file__).resolve().parents[3]
_BOOT = f"""
import sys
sys.path[:] = [{str(_ROOT / "action")!r}, *(folder for folder in sys.path if folder)]
from model_complexity.worker.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Usage:
    """What a process used, with all that it started and waited for: CPU seconds, and MiB of its largest process."""

    cpu: float
    peak_mib: int

    @classmethod
    def of(cls, used: Any) -> Usage:
        """From what ``os.wait4`` tells. Source: man7.org, getrusage(2): ``ru_maxrss`` is in KiB."""
        return cls(round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / 1024))


def measure(
    tree: Path, jobs: Sequence[tuple[str, Any]], verb: str, /, **options: Any
) -> tuple[list[dict[str, Any]], Usage]:
    """Measures configs of a tree.

    Args:
        tree: the folder that config paths start from.
        jobs: config and shape, as the worker takes them.
        verb: what the line of progress says.
        options: the worker's, as in ``common.options``, e.g. ``mode="real"``.

    Returns:
        One answer for each job, in their order, and what the worker used.

    Raises:
        RuntimeError: the worker could not start, or ended before it had answered.
    """
    reading, writing = os.pipe()
    lines = [json.dumps({"device": "cpu", "jobs": 1, **options})]
    lines += [json.dumps({"job": n, "config": config, "shape": shape}) for n, (config, shape) in enumerate(jobs)]
    command = [sys.executable, "-W", "ignore", "-c", _BOOT, "--answers-fd", str(writing)]
    answers: dict[int, dict[str, Any]] = {}
    with (
        tempfile.TemporaryFile("w+") as asked,
        Path(os.devnull).open("w", encoding="utf-8") as null,  # what configs print is nobody's
    ):
        asked.write("\n".join(lines) + "\n")
        asked.seek(0)
        process = subprocess.Popen(command, cwd=tree, stdin=asked, stdout=null, stderr=null, pass_fds=[writing])
        os.close(writing)
        progress = Progress(verb, len(jobs))
        with os.fdopen(reading, encoding="utf-8") as pipe:
            first = json.loads(pipe.readline() or "{}")
            if "ready" not in first:
                raise RuntimeError(f"the worker did not start: {first}")
            for line in pipe:
                answer = json.loads(line)
                answers[answer.pop("job")] = answer
                progress.step(jobs[len(answers) - 1][0])
        progress.end()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0  # it was waited for
    if len(answers) < len(jobs):
        raise RuntimeError(f"the worker ended after {len(answers)} of {len(jobs)} jobs")
    return [answers[number] for number in range(len(jobs))], Usage.of(used)
