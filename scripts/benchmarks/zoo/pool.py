"""A pool of zoo workers: answers come in the order of the jobs, with a line of progress."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from scripts.benchmarks.lib.progress import Progress

from model_complexity.common.options import WORKER_VARIABLES

_WORKER = Path(__file__).with_name("worker.py")
_DIED = {"failure": {"kind": "crash", "message": "the worker exited"}, "cpu": 0.0}


class _Worker:
    def __init__(self, tree: Path, library: str, timeout: float) -> None:
        reading, writing = os.pipe()
        command = [sys.executable, "-W", "ignore", str(_WORKER), library, str(writing), str(timeout)]
        with Path(os.devnull).open("w", encoding="utf-8") as null:  # configs may print
            self.process = subprocess.Popen(
                command,
                cwd=tree,
                stdin=subprocess.PIPE,
                stdout=null,
                stderr=null,
                pass_fds=[writing],
                text=True,
                env={**os.environ, **WORKER_VARIABLES},
            )
        os.close(writing)
        self.answers: IO[str] = os.fdopen(reading, encoding="utf-8")

    def run_job(self, job: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer, or None if the worker exited."""
        assert self.process.stdin
        try:
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        line = self.answers.readline()
        return json.loads(line) if line else None

    def end(self) -> dict[str, float]:
        """Wait for the worker to exit; return its usage."""
        assert self.process.stdin
        self.process.stdin.close()
        line = self.answers.readline()
        self.answers.close()
        self.process.wait()
        return json.loads(line)["usage"] if line else {}


class Pool:
    """Workers as a context: ``with Pool(...) as pool: pool.run(jobs, "measured")``; ``usage`` is filled when it ends."""

    def __init__(self, tree: Path, library: str, *, size: int, timeout: float) -> None:
        self._start = lambda: _Worker(tree, library, timeout)
        self._workers = [self._start() for _ in range(size)]
        self.usage: list[dict[str, float]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.usage = [worker.end() for worker in self._workers]

    def run(self, jobs: Sequence[dict[str, Any]], verb: str) -> list[dict[str, Any]]:
        """Return one answer for each job, in order. A job that crashes its worker fails alone."""
        waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
        for number in range(len(jobs)):
            waiting.put(number)
        answers: list[dict[str, Any]] = [_DIED] * len(jobs)
        progress = Progress(verb, len(jobs))

        def serve(index: int) -> None:
            while True:
                try:
                    number = waiting.get_nowait()
                except queue.Empty:
                    return
                answer = self._workers[index].run_job(jobs[number])
                if answer is None:
                    self._workers[index] = self._start()
                answers[number] = answer or _DIED
                progress.step(jobs[number]["config"])

        threads = [threading.Thread(target=serve, args=(index,)) for index in range(len(self._workers))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        progress.end()
        return answers
