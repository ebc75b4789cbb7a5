"""Run work in supervised forks: a child that hangs, crashes, exits or takes all memory loses its own answer only."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import re
import signal
import sys
import time
import traceback
from pathlib import Path
from select import select
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional, Sequence

from model_complexity.common.failures import worker_failure

LARGEST_ANSWER = 4 * 2**20
POLL_SECONDS = 0.2
_PR_SET_CHILD_SUBREAPER = 36

_PROCEED = b"o"
_KEY_QUERY = re.compile(rb"key ([0-9a-f]{64})\n")

Answer = Dict[str, Any]
KeyQuery = Callable[[str], bool]


class Limits(NamedTuple):
    """Limits of one child: seconds of wall clock, bytes of resident memory."""

    seconds: float
    memory_bytes: int


class ChildProcess:
    """A child process, in a session of its own, that does ``work`` and answers with a dictionary through a pipe.

    Args:
        work: runs in the child, which leaves by os._exit, so that nothing of the parent's runs twice. It takes a query: whether
            another job has the same key. The query waits for ``reply``. After a yes, the answer may be None.
        limits: beyond them the child is killed, and the answer is a failure.
        others: the other running forks, whose pipes the child must close.
    """

    def __init__(
        self, work: Callable[[KeyQuery], Optional[Answer]], limits: Limits, others: Iterable[ChildProcess] = ()
    ) -> None:
        self._limits = limits
        self._data = b""
        self._status: Optional[int] = None
        self._deadline = time.monotonic() + limits.seconds
        self._replied = False
        self._reading, writing = os.pipe()
        replies, self._replying = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # a collection in the child would walk through, and so copy, all that this process has imported
        self._child = os.fork()
        if self._child == 0:
            for fork in (self, *others):
                os.close(fork._reading)
                os.close(fork._replying)
            _child_main(work, writing, replies)
        os.close(writing)
        os.close(replies)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child

    def fileno(self) -> int:
        """For ``select``."""
        return self._reading

    @property
    def pending_key(self) -> str:
        """The untrusted key whose query waits for a reply, blank if there is none."""
        query = None if self._replied else _KEY_QUERY.match(self._data)
        return query[1].decode("ascii") if query else ""

    def reply(self, *, shared: bool) -> None:
        """Reply to the query. A child whose key is shared has nothing left to do, and is killed."""
        self._replied = True
        self._data = self._data.partition(b"\n")[2]
        if shared:
            self._kill()
            return
        with contextlib.suppress(BrokenPipeError):
            os.write(self._replying, _PROCEED)

    def step(self) -> Optional[Answer]:
        """Read the pipe and check the limits without waiting; return the answer once there is one.

        Orphans of the child may keep its pipe open, so the child's exit counts as the pipe's end.
        """
        if select([self._reading], [], [], 0)[0]:
            part = os.read(self._reading, 1 << 20)
            self._data += part
            if len(self._data) > LARGEST_ANSWER:
                return self._stop("crash", f"the result is larger than {LARGEST_ANSWER // 2**20} MiB")
            return None if part else self._finish()
        if self._status is not None:
            return self._finish()
        if time.monotonic() > self._deadline:
            return self._stop("timeout", f"no result after {self._limits.seconds:g} seconds")
        if resident_memory(self._child) > self._limits.memory_bytes:
            return self._stop("out_of_memory", f"used more than {self._limits.memory_bytes / 2**30:.1f} GiB of memory")
        self._poll()
        return None

    def _poll(self) -> None:
        if self._status is None:
            pid, status = os.waitpid(self._child, os.WNOHANG)
            self._status = status if pid else None

    def _finish(self) -> Answer:
        # The child has closed its pipe. It has a second to exit.
        for _ in range(20):
            self._poll()
            if self._status is not None:
                break
            time.sleep(0.05)
        self._kill()
        return _ended(self._status or 0, self._data)

    def _stop(self, kind: str, message: str) -> Answer:
        self._kill()
        return worker_failure(kind, message)

    def _kill(self) -> None:
        # Kills the child's whole session and reaps the child.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError):
                if kill is os.killpg or self._status is None:
                    kill(self._child, signal.SIGKILL)
        if self._status is None:
            self._status = os.waitpid(self._child, 0)[1]
        os.close(self._reading)
        os.close(self._replying)


def in_fork(work: Callable[[], Answer], limits: Limits) -> Answer:
    """Run ``work`` in a fork and wait for its answer."""
    fork = ChildProcess(lambda query: work(), limits)
    while True:
        select([fork], [], [], POLL_SECONDS)
        answer = fork.step()
        if answer is not None:
            return answer


def dumped(answer: Answer) -> bytes:
    """Return one line of JSON. Bytes of file names that are not UTF-8 become question marks."""
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")


def kill_orphans(known: Sequence[int]) -> None:
    """Kill the children that this process did not start itself (see ``adopt_orphans``)."""
    try:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
    except OSError:
        return
    for child in map(int, children):
        if child not in known:
            with contextlib.suppress(ProcessLookupError, PermissionError, ChildProcessError):
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)


def adopt_orphans() -> None:
    """Make orphaned grandchildren children of this process. Source: man7.org, prctl(2)."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux has it
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _child_main(work: Callable[[KeyQuery], Optional[Answer]], writing: int, replies: int) -> None:
    status = 1
    gc.set_threshold(100_000, 20, 100)  # what a job makes lives as long as the job

    def query(key: str) -> bool:
        os.write(writing, f"key {key}\n".encode("ascii"))
        return os.read(replies, 1) != _PROCEED

    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        answer = work(query)
        data = dumped(answer) if answer is not None else b""
        sys.stdout.flush()
        sys.stderr.flush()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data)
        status = 0
    except BaseException:  # the traceback is for the log; the parent sees that no answer came
        traceback.print_exc()
    finally:
        os._exit(status)


def _ended(status: int, data: bytes) -> Answer:
    if data:
        try:
            answer = json.loads(data)
        except (ValueError, RecursionError):
            answer = None
        return answer if isinstance(answer, dict) else worker_failure("crash", "the result is not JSON")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number == signal.SIGKILL:
            return worker_failure("out_of_memory", "was killed by the system, most often for lack of memory")
        return worker_failure("crash", f"terminated by signal {number} ({signal.Signals(number).name})")
    return worker_failure("crash", f"exited with status {os.WEXITSTATUS(status)} before it returned a result")


def resident_memory(pid: int) -> int:
    """Return the bytes that a process has in memory, 0 if they are unknown."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def machine_memory() -> int:
    """Return nine tenths of the memory of this machine or container, in bytes."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for file in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            sizes.append(int(Path(file).read_text(encoding="ascii")))
    return min(sizes) * 9 // 10
