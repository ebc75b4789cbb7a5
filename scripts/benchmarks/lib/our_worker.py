"""Run the product's worker on many configs, as the sandbox does, and measure its cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "action"))

from scripts.benchmarks.lib.progress import Progress

from model_complexity.common.options import WORKER_VARIABLES

_ROOT = Path(__file__).resolve().parents[3]
_BOOTSTRAP = f"""
import sys
sys.path[:] = [{str(_ROOT / "action")!r}, *(folder for folder in sys.path if folder)]
from model_complexity.worker.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Usage:
    """CPU seconds and peak MiB of a process and its children."""

    cpu: float
    peak_mib: int

    @classmethod
    def of(cls, used: Any) -> Usage:
        """Convert the result of ``os.wait4``. Source: man7.org, getrusage(2): ``ru_maxrss`` is in KiB."""
        return cls(round(used.ru_utime + used.ru_stime, 2), round(used.ru_maxrss / 1024))


@dataclass(frozen=True)
class Launch:
    """How a worker is started.

    Args:
        arguments: those of its Python, before the descriptor of the answers.
        lines: what it reads before the jobs.
    """

    arguments: Sequence[str]
    lines: Sequence[str]


def launch(options: Mapping[str, Any]) -> Launch:
    """Start the worker of this checkout. Options are those of ``common.options``."""
    return Launch(["-c", _BOOTSTRAP], [json.dumps(dict(options))])


def measure(
    tree: Path,
    jobs: Sequence[tuple[str, Any]],
    verb: str,
    /,
    *,
    launch: Callable[[Mapping[str, Any]], Launch] = launch,
    on_answer: Callable[[int, dict[str, Any]], None] = lambda number, answer: None,
    **options: Any,
) -> tuple[list[dict[str, Any]], Usage]:
    """Measure configs of a tree.

    Args:
        tree: the folder that config paths start from.
        jobs: config and shape, as the worker takes them.
        verb: what the line of progress says.
        launch: how the worker is started with the options.
        on_answer: called with a job's number and its answer as soon as there is one.
        options: the worker's, as in ``common.options``, e.g. ``mode="real"``.

    Returns:
        One answer for each job, in order, and the worker's usage.

    Raises:
        RuntimeError: the worker did not start, or exited early.
    """
    reading, writing = os.pipe()
    start = launch({"device": "cpu", "jobs": 1, **options})
    lines = [*start.lines, *_job_lines(jobs)]
    command = [sys.executable, "-W", "ignore", *start.arguments, "--answers-fd", str(writing)]
    answers: dict[int, dict[str, Any]] = {}
    with (
        tempfile.TemporaryFile("w+") as jobs_file,
        Path(os.devnull).open("w", encoding="utf-8") as null,  # configs may print
    ):
        jobs_file.write("\n".join(lines) + "\n")
        jobs_file.seek(0)
        environment = {**os.environ, **WORKER_VARIABLES}
        process = subprocess.Popen(
            command, cwd=tree, stdin=jobs_file, stdout=null, stderr=null, pass_fds=[writing], env=environment
        )
        os.close(writing)
        progress = Progress(verb, len(jobs))
        with os.fdopen(reading, encoding="utf-8") as pipe:
            first = json.loads(pipe.readline() or "{}")
            if "ready" not in first:
                raise RuntimeError(f"the worker did not start: {first}")
            for line in pipe:
                answer = json.loads(line)
                if "job" not in answer:
                    continue  # an attempt starts or ends
                number = answer.pop("job")
                answers[number] = answer
                on_answer(number, answer)
                progress.step(jobs[number][0])
        progress.end()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0  # os.wait4 reaped it
    if len(answers) < len(jobs):
        raise RuntimeError(f"the worker ended after {len(answers)} of {len(jobs)} jobs")
    return [answers[number] for number in range(len(jobs))], Usage.of(used)


def _job_lines(jobs: Sequence[tuple[str, Any]]) -> list[str]:
    return [json.dumps({"job": n, "config": config, "shape": shape}) for n, (config, shape) in enumerate(jobs)]
