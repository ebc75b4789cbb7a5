"""The worker: options and jobs in as JSON lines on stdin, answers out as JSON lines on a pipe of its own.

    options {"timeout": 300, "device": "auto", "mode": "auto", "jobs": 0, ...}, the first line
    job     {"job": 0, "config": "configs/a.py", "shape": [3, 224, 224]}      or  "shape": "auto"  or  "points=40000x4"
    attempt {"started": 0}  then  {"ended": 0}
    answer  {"job": 0, "measurement": {...}}  or  {"job": 0, "failure": {...}}

The first line out is ``{"ready": {"device": ..., "versions": {...}}}`` or ``{"fatal": {"message": ..., "detail": ...}}``. Each
attempt at a job is announced before it starts and once it has ended, so that the host knows which jobs run if this process is
lost. A job may need several attempts, or none of its own to the end. Answers come in the order in which jobs finish. torch is
imported once, and so is an installed library after a config has used it. Each attempt runs in a fork of its own, several in
parallel. stdout and stderr are for what the configs print.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import importlib.util
import itertools
import json
import os
import sys
import traceback
from pathlib import Path
from select import select
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Set, Tuple

from model_complexity.common.failures import FAILURE_KINDS, NETWORK_IS_OFF, STUB, UNINITIALIZED, worker_failure
from model_complexity.common.options import MeasureOptions
from model_complexity.worker.deduplicate import JobDeduplicator
from model_complexity.worker.forks import (
    POLL_SECONDS,
    ChildProcess,
    KeyQuery,
    Limits,
    adopt_orphans,
    dumped,
    in_fork,
    kill_orphans,
    machine_memory,
)

_PR_SET_DUMPABLE = 4
_LONGEST_SCOPE = 60


def main(arguments: Optional[List[str]] = None) -> int:
    """Answer the jobs on stdin until it ends. The working directory is the tree whose configs are measured."""
    parser = argparse.ArgumentParser(description="Measure configs. The action starts this program.")
    parser.add_argument("--answers-fd", type=int, required=True, help="file descriptor that answers are written to")
    answers_fd: int = parser.parse_args(arguments).answers_fd
    with os.fdopen(answers_fd, "wb") as answers:

        def write_line(line: Dict[str, Any]) -> None:
            answers.write(dumped(line) + b"\n")
            answers.flush()

        try:
            options = MeasureOptions.from_json(json.loads(sys.stdin.readline()))
            state = _WorkerState.prepare(options, answers_fd, write_line)
            _set_non_dumpable()
            adopt_orphans()
        except (Exception, SystemExit) as error:
            write_line({"fatal": {"message": f"{type(error).__name__}: {error}", "detail": traceback.format_exc()}})
            return 1
        write_line({"ready": {"device": state.device, "versions": state.versions}})
        for answer in state.measure(json.loads(line) for line in sys.stdin):
            write_line(answer)
    return 0


class _WorkerState(NamedTuple):
    """State that all jobs share."""

    run_job: Callable[..., Optional[Dict[str, Any]]]
    import_library: Callable[[str], None]
    versions: Dict[str, str]
    device: str
    mode: str
    options: MeasureOptions
    limits: Limits
    max_parallel: int
    answers_fd: int
    write_line: Callable[[Dict[str, Any]], None]

    @classmethod
    def prepare(
        cls, options: MeasureOptions, answers_fd: int, write_line: Callable[[Dict[str, Any]], None]
    ) -> _WorkerState:
        """Import the libraries before the tree is importable, so that nothing in it can shadow them."""
        from model_complexity.worker import job
        from model_complexity.worker.build import imports
        from model_complexity.worker.build import model as building
        from model_complexity.worker.count import analysis as counting

        building.disable_network()
        imports.find_for_imports()

        max_parallel = options.jobs or len(os.sched_getaffinity(0))
        limits = Limits(options.timeout, options.memory_bytes or machine_memory())
        device = _device(options.device, limits)
        # An explicit GPU means a real run. Otherwise counting needs none.
        mode = "real" if options.mode == "auto" and options.device == "cuda" else options.mode
        if mode != "real":
            counting.warm_up()
        # As `python tools/train.py` with PYTHONPATH=. would see it; src/ for repositories of that layout.
        tree = Path.cwd()
        sys.path[:0] = [str(folder) for folder in (tree, tree / "src") if folder.is_dir()]
        return cls(
            job.run_job,
            building.import_library,
            job.versions(),
            device,
            mode,
            options,
            limits,
            max_parallel,
            answers_fd,
            write_line,
        )

    def measure(self, jobs: Iterable[Dict[str, Any]]) -> Iterator[Dict[str, Any]]:
        """Yield answers as jobs finish. Retries come last, each alone. Equal jobs are measured once."""
        first = "real" if self.mode == "real" else "dry"
        deduplicator = JobDeduplicator()
        retries: List[Tuple[Dict[str, Any], str, Dict[str, Any]]] = []
        for finished in self._in_parallel(iter(jobs), first, self.max_parallel, deduplicator):
            if finished is not None:
                job, answer, alone = finished
                retry_mode = self._retry_mode(answer, first, alone=alone)
                if retry_mode:
                    retries.append((job, retry_mode, answer))
                    continue
                deduplicator.complete(job, answer)
                yield {"job": job["job"], **answer}
            yield from ({"job": duplicate["job"], **answer} for duplicate, answer in deduplicator.ready())
        for job, mode, first_answer in retries:
            final = self._run_isolated(job, mode, deduplicator, first_answer)
            if final is not None:
                deduplicator.complete(job, final)
                yield {"job": job["job"], **final}
            yield from ({"job": duplicate["job"], **answer} for duplicate, answer in deduplicator.ready())
        for job in deduplicator.pending():
            yield {"job": job["job"], **(self._run_isolated(job, first, None, {}) or {})}

    def _run_isolated(
        self, job: Dict[str, Any], mode: str, deduplicator: Optional[JobDeduplicator], answer: Dict[str, Any]
    ) -> Optional[Dict[str, Any]]:
        """Return the final answer to a job that runs alone; ``answer`` is that of its last attempt.

        None means that the job turns out to be a duplicate, which ``deduplicator`` answers. Its earlier attempt ended before
        it had a key.
        """
        while mode:
            for finished in self._in_parallel(iter([job]), mode, 1, deduplicator):
                if finished is None:
                    return None
                answer = _more_informative(answer, finished[1])
            mode = self._retry_mode(answer, mode, alone=True)
        return answer

    def _retry_mode(self, answer: Dict[str, Any], mode: str, *, alone: bool) -> str:
        """Return the mode of the next attempt, blank if the answer is final.

        A job that was killed may have been the victim of parallel jobs. A dry run that failed in the model's own code may
        work for real; in a new fork, because an exception can leave a half-built model, and torch, in any state.
        """
        known = FAILURE_KINDS.get(str(answer.get("failure", {}).get("kind")))
        if known is None:
            return ""
        if known.retry_isolated and not alone:
            return mode
        if NETWORK_IS_OFF in answer.get("failure", {}).get("message", ""):
            return ""  # it is off for a real run too, which may take minutes to find out
        return "real" if known.retry_real and mode == "dry" and self.mode == "auto" else ""

    def _in_parallel(
        self, jobs: Iterator[Dict[str, Any]], mode: str, most: int, deduplicator: Optional[JobDeduplicator]
    ) -> Iterator[Optional[Tuple[Dict[str, Any], Dict[str, Any], bool]]]:
        """Run up to ``most`` forks in parallel; yield each job with its answer and whether it ran alone all the time.

        None means that a job is a duplicate, whose answer ``deduplicator`` has or will have.
        """
        limits = self.limits._replace(memory_bytes=self.limits.memory_bytes // most)
        running: Dict[ChildProcess, Dict[str, Any]] = {}
        crowded: Set[ChildProcess] = set()
        while True:
            for job in itertools.islice(jobs, most - len(running)):
                self.write_line({"started": job["job"]})  # before its code can end this process
                running[ChildProcess(self._work(job, mode), limits, running)] = job
            if not running:
                return
            crowded |= set(running) if len(running) > 1 else set()
            select(list(running), [], [], POLL_SECONDS)
            kill_orphans([fork.pid for fork in running])
            for fork in list(running):
                answer = fork.step()
                key = fork.pending_key if answer is None else ""
                if key:
                    shared = deduplicator is not None and deduplicator.claim(key, running[fork])
                    fork.reply(shared=shared)
                    if shared:
                        self.write_line({"ended": running.pop(fork)["job"]})
                        yield None
                elif answer is not None:
                    kill_orphans([other.pid for other in running])
                    checked = self._checked(answer)
                    job = running.pop(fork)
                    self.write_line({"ended": job["job"]})  # after an import that the config's answer asks for
                    yield job, checked, fork not in crowded

    def _work(self, job: Dict[str, Any], mode: str) -> Callable[[KeyQuery], Optional[Dict[str, Any]]]:
        def work(query: KeyQuery) -> Optional[Dict[str, Any]]:
            os.close(self.answers_fd)  # a config answers for itself only
            if self.device != "cpu":
                _set_non_dumpable(shut=False)  # CUDA's driver looks into its own /proc
            shape = job["shape"] if isinstance(job["shape"], str) else tuple(job["shape"])
            return self.run_job(Path(job["config"]), shape, self.device, mode, query, options=self.options)

        return work

    def _checked(self, answer: Dict[str, Any]) -> Dict[str, Any]:
        """Validate what came through the fork's pipe: a config can write anything there."""
        scope = answer.pop("scope", "")
        if set(answer) not in ({"measurement"}, {"failure"}) or not all(
            isinstance(part, dict) for part in answer.values()
        ):
            return worker_failure("crash", "the config's process returned something that is not a result")
        self._preload(scope)
        return answer

    def _preload(self, scope: Any) -> None:
        """Import a library that a config has used, so that later forks need not: the import is most of their time.

        Only an installed one: code of the tree runs in forks, where it can answer for one config alone.
        """
        if (
            not isinstance(scope, str)
            or not scope.isidentifier()
            or len(scope) > _LONGEST_SCOPE
            or scope in sys.modules
        ):
            return
        with contextlib.suppress(Exception, SystemExit):
            spec = importlib.util.find_spec(scope)
            if spec and spec.origin and spec.origin.startswith(sys.prefix + os.sep):
                self.import_library(scope)


def _more_informative(dry: Dict[str, Any], real: Dict[str, Any]) -> Dict[str, Any]:
    """Return the dry failure where the real run only failed because compiled operators are missing."""
    compiled_is_missing = STUB in real.get("failure", {}).get("message", "")
    reads_values = UNINITIALIZED in dry.get("failure", {}).get("message", "")
    return dry if compiled_is_missing and "failure" in dry and not reads_values else real


def _set_non_dumpable(*, shut: bool = True) -> None:
    """Bar the configs' own processes, of the same user, from this one's memory and descriptors.

    Forks inherit it. Source: man7.org, prctl(2) on PR_SET_DUMPABLE and ptrace(2) on access mode checking.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux has it
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, int(not shut), 0, 0, 0)


def _device(requested: str, limits: Limits) -> str:
    """Detect a GPU in a fork: CUDA, once initialised, cannot be used in forks of this process."""
    if requested == "cpu":
        return "cpu"

    def look() -> Dict[str, Any]:
        import torch

        return {"cuda": torch.cuda.is_available()}

    found = bool(in_fork(look, limits._replace(seconds=120.0)).get("cuda"))
    if requested == "cuda" and not found:
        raise RuntimeError("device cuda was requested, but torch sees no CUDA device")
    return "cuda" if found else "cpu"


if __name__ == "__main__":
    sys.exit(main())
