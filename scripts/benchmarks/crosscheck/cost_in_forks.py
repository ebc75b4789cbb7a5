"""Print the cost of single jobs in forks of a warm process, with the package in a given folder.

    job     {"config": ..., "shape": [C, H, W]}, JSON lines on stdin
    answer  {"pass": CPU seconds of the counting pass, "job": CPU seconds of the job, "peak_mib": of its process}

A program of its own, because the packages of two commits have the same name. Answers are JSON lines on the file descriptor.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple


class Layout(NamedTuple):
    """Where a commit has what the measurement needs, below ``model_complexity``."""

    building: str
    counting: str
    job: str
    disable_network: str


LAYOUTS = {
    "recorded": Layout("worker.build.model", "worker.count.analysis", "worker.job", "disable_network"),
    "traced": Layout("measure.building", "measure.counting", "measure.job", "cut_network"),
}


def main(layout: Layout, library: str, repeats: int, answers_fd: int) -> None:
    """Answer the jobs on stdin, each with one cost for each repetition."""
    building, counting, job = (_module(name) for name in (layout.building, layout.counting, layout.job))
    getattr(building, layout.disable_network)()
    building.import_library(library)
    counting.warm_up()
    with os.fdopen(answers_fd, "w", encoding="utf-8") as answers:
        for line in sys.stdin:
            request = json.loads(line)
            costs = [_in_fork(partial(_cost, job, request)) for _ in range(repeats)]
            answers.write(json.dumps(costs) + "\n")
            answers.flush()


def _module(name: str) -> Any:
    return importlib.import_module(f"model_complexity.{name}")


def _cost(job: Any, request: dict[str, Any]) -> dict[str, float]:
    count, spent = job.count, []

    def timed(*arguments: Any, **keywords: Any) -> Any:
        started = time.process_time()
        try:
            return count(*arguments, **keywords)
        finally:
            spent.append(time.process_time() - started)

    job.count = timed
    started = time.process_time()
    answer = job.run_job(Path(request["config"]), tuple(request["shape"]))
    seconds = time.process_time() - started
    assert "measurement" in answer, answer
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"pass": sum(spent), "job": seconds, "peak_mib": round(peak)}


def _in_fork(work: Callable[[], dict[str, float]]) -> dict[str, float]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            with os.fdopen(writing, "w", encoding="utf-8") as pipe:
                pipe.write(json.dumps(work()))
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return dict(json.loads(text))


if __name__ == "__main__":
    sys.path[:] = [sys.argv[1], *sys.path[1:]]
    main(LAYOUTS[sys.argv[2]], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
