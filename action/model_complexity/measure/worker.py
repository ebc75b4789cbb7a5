"""The worker: jobs in as JSON lines on stdin, answers out as JSON lines on a pipe of its own.

    job     {"job": 0, "config": "configs/a.py", "shape": [3, 224, 224]}
    answer  {"job": 0, "measurement": {...}}  or  {"job": 0, "failure": {...}}

The first line out is ``{"ready": {"device": ..., "versions": {...}}}`` or ``{"fatal": {"message": ..., "detail": ...}}``.
torch is imported once; each job runs in a fork, so that a config which hangs, exits, crashes or takes all memory costs its
own answer only. stdout and stderr belong to what the configs print.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from select import select
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from .failures import worker_failure

LARGEST_ANSWER = 16 * 2**20
_PR_SET_DUMPABLE = 4
_POLL_SECONDS = 0.2


class Limits(NamedTuple):
    """What one job may use."""

    seconds: float
    memory_bytes: int


def main(arguments: Optional[List[str]] = None) -> int:
    """Answers the jobs on stdin until it ends. The working directory is the tree whose configs are measured."""
    parser = argparse.ArgumentParser(description="Measures configs; started by the action, not by people.")
    parser.add_argument("--answers-fd", type=int, required=True, help="file descriptor that answers are written to")
    parser.add_argument("--timeout", type=float, required=True, help="seconds for one job")
    parser.add_argument(
        "--memory-bytes", type=int, default=0, help="resident memory of one job; 0: what the machine has"
    )
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    options = parser.parse_args(arguments)
    limits = Limits(options.timeout, options.memory_bytes or machine_memory())
    with os.fdopen(options.answers_fd, "w", encoding="utf-8") as answers:

        def say(line: Dict[str, Any]) -> None:
            answers.write(json.dumps(line) + "\n")
            answers.flush()

        try:
            device, run = _prepare(options.device, limits)
            _shut_out_others()
        except (Exception, SystemExit) as error:
            say({"fatal": {"message": f"{type(error).__name__}: {error}", "detail": traceback.format_exc()}})
            return 1
        say({"ready": {"device": device, "versions": run["versions"]}})
        for line in sys.stdin:
            job = json.loads(line)
            say({"job": job["job"], **_answer(run["job"], job, device, limits, options.answers_fd)})
    return 0


def _shut_out_others(*, shut: bool = True) -> None:
    """Bars other processes of this user, the configs' own, from this one's memory and descriptors, and so from its answers.

    Forks inherit it. Source: man7.org, prctl(2) on PR_SET_DUMPABLE and ptrace(2) on access mode checking.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux has it
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, int(not shut), 0, 0, 0)


def _prepare(asked: str, limits: Limits) -> Any:
    """Imports the libraries while the tree is not yet importable, so that nothing in it can stand in for them."""
    from . import building, job

    device = _device(asked, limits)
    building.cut_network()
    # As `python tools/train.py` with PYTHONPATH=. would see it; src/ for repositories of that layout.
    tree = Path.cwd()
    sys.path[:0] = [str(folder) for folder in (tree, tree / "src") if folder.is_dir()]
    return device, {"job": job.run_job, "versions": job.versions()}


def _device(asked: str, limits: Limits) -> str:
    """Looks for a GPU in a fork: CUDA, once touched, cannot be used in forks of this process."""
    if asked == "cpu":
        return "cpu"

    def look() -> Dict[str, Any]:
        import torch

        return {"cuda": torch.cuda.is_available()}

    found = bool(in_fork(look, limits._replace(seconds=120.0)).get("cuda"))
    if asked == "cuda" and not found:
        raise RuntimeError("device cuda was asked for, and torch sees no CUDA device")
    return "cuda" if found else "cpu"


def _answer(
    run: Callable[..., Dict[str, Any]], job: Dict[str, Any], device: str, limits: Limits, answers_fd: int
) -> Dict[str, Any]:
    def work() -> Dict[str, Any]:
        os.close(answers_fd)  # a config answers for itself only
        if device != "cpu":
            _shut_out_others(shut=False)  # CUDA's driver looks into its own /proc
        return run(Path(job["config"]), job["shape"], device)

    answer = in_fork(work, limits)
    # What came through the fork's pipe may be anything that the config wrote there.
    if set(answer) not in ({"measurement"}, {"failure"}):
        return worker_failure("crash", "the config's process answered with something that is no result")
    return answer


def in_fork(work: Callable[[], Dict[str, Any]], limits: Limits) -> Dict[str, Any]:
    """Runs ``work`` in a child of its own process group and returns its dictionary, or a failure that says how it ended."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_the_child(work, writing)
    os.close(writing)
    try:
        return _watch(child, reading, limits)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # whatever the config left running


def _be_the_child(work: Callable[[], Dict[str, Any]], writing: int) -> None:
    """Never returns: the child leaves by os._exit, so that nothing of the parent's runs twice."""
    status = 1
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        data = json.dumps(work()).encode()
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)
        status = 0
    except BaseException:  # the traceback is for the log; the parent sees that no answer came
        traceback.print_exc()
    finally:
        os._exit(status)


def _watch(child: int, reading: int, limits: Limits) -> Dict[str, Any]:
    """Reads the answer until the pipe ends, or the child has ended: what it left running may hold the pipe open."""
    deadline = time.monotonic() + limits.seconds
    data = b""
    status: Optional[int] = None
    while True:
        if select([reading], [], [], _POLL_SECONDS if status is None else 0)[0]:
            part = os.read(reading, 1 << 20)
            data += part
            if len(data) > LARGEST_ANSWER:
                return _stop(child, status, "crash", f"the result is larger than {LARGEST_ANSWER // 2**20} MiB")
            if not part:
                break
        elif status is not None:
            break
        elif time.monotonic() > deadline:
            return _stop(child, status, "timeout", f"no result after {limits.seconds:g} seconds")
        elif resident_memory(child) > limits.memory_bytes:
            return _stop(
                child, status, "out_of_memory", f"used more than {limits.memory_bytes / 2**30:.1f} GiB of memory"
            )
        else:
            status = _status(child)
    return _ended(_reap(child) if status is None else status, data)


def _status(child: int) -> Optional[int]:
    pid, status = os.waitpid(child, os.WNOHANG)
    return status if pid else None


def _stop(child: int, status: Optional[int], kind: str, message: str) -> Dict[str, Any]:
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return worker_failure(kind, message)


def _reap(child: int) -> int:
    """The child's exit status. It has closed its pipe; one that goes on without it is ended."""
    for _ in range(20):
        status = _status(child)
        if status is not None:
            return status
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _ended(status: int, data: bytes) -> Dict[str, Any]:
    if data:
        try:
            answer = json.loads(data)
        except ValueError:
            answer = None
        return answer if isinstance(answer, dict) else worker_failure("crash", "the result is not JSON")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return worker_failure("out_of_memory", "was killed by the system, most often for lack of memory")
        return worker_failure("crash", f"died of signal {number} ({signal.Signals(number).name})")
    return worker_failure("crash", f"ended its process with status {os.WEXITSTATUS(status)} before it gave a result")


def resident_memory(pid: int) -> int:
    """Bytes that a process has in memory; 0 when it is gone or the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine_memory() -> int:
    """Nine tenths of what this machine or container may use, in bytes."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int(Path(file).read_text(encoding="ascii")))
    return min(sizes) * 9 // 10


if __name__ == "__main__":
    sys.exit(main())
