"""One untrusted process: started as another user with limits, its output read as data, all of it killed at the end."""

from __future__ import annotations

import contextlib
import os
import pwd
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from select import select

from model_complexity.errors import ActionError

LineSink = Callable[[str], None]
"""Takes one line of untrusted output, and makes it safe for where it is shown."""

LONGEST_ANSWER = 6 * 2**20
OUTPUT_LIMIT = 4 * 2**20
_LONGEST_LINE = 16_384
_POLL_SECONDS = 0.1
_DRAIN_SECONDS = 1.0
_LIMITS = (
    (resource.RLIMIT_CORE, "c", 0, 1),
    (resource.RLIMIT_FSIZE, "f", 16 * 2**30, 1024),
    (resource.RLIMIT_NOFILE, "n", 4_096, 1),
)
_MAX_PROCESSES = 1_024 + (os.cpu_count() or 1) ** 2
"""Threads count too, and each job in real mode has one per core."""
_LIMITS_OF_OWN_USER = (*_LIMITS, (resource.RLIMIT_NPROC, "u", _MAX_PROCESSES, 1))
"""Resource, bash's letter for it, its maximum, and bash's unit. Processes are limited only for a user that runs nothing else:
they are counted per user."""


def account_of(user: str) -> pwd.struct_passwd:
    """Look a user up.

    Raises:
        ActionError: there is no such user, or it is root.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise ActionError(
            f"there is no user {user!r} on this machine.",
            "Check MODEL_COMPLEXITY_WORKER_USER and MODEL_COMPLEXITY_INSTALL_USER.",
        ) from error
    if account.pw_uid == 0:
        raise ActionError(f"untrusted code must not run as root, but user {user!r} is root.")
    return account


@contextlib.contextmanager
def run_untrusted(
    command: list[str],
    *,
    tree: Path,
    environment: Mapping[str, str],
    account: pwd.struct_passwd | None,
    log_line: LineSink,
    stdin: Path = Path(os.devnull),
    keep: tuple[int, ...] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``command`` in ``tree``, send its bounded output to ``log_line``, and kill all of it when the block ends.

    Args:
        command: program and arguments; no shell.
        tree: its working directory.
        environment: its whole environment.
        account: its user; None for ours.
        log_line: takes its stdout and stderr, line by line, from another thread.
        stdin: a file that it reads.
        keep: file descriptors that it inherits.

    Raises:
        ActionError: it cannot be started.
    """
    with stdin.open("rb") as source:
        try:
            process = subprocess.Popen(
                _limited(command, own_user=account is not None),
                cwd=tree,
                env=dict(environment),
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=keep,
                start_new_session=True,
                umask=0o022,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ActionError(f"cannot start {command[0]} in {tree}: {error}.") from error
    if process.stdout is None:
        raise AssertionError
    ended = threading.Event()
    pump = threading.Thread(target=_forward_output, args=(process.stdout.fileno(), log_line, ended), daemon=True)
    pump.start()
    try:
        yield process
    finally:
        _end(process, account)
        ended.set()
        pump.join()
        process.stdout.close()


def _end(process: subprocess.Popen[bytes], account: pwd.struct_passwd | None) -> None:
    """Kill a process and all that it started: its group, then its user's processes, or its descendants if the user is ours."""
    descendants = [] if account or process.returncode is not None else _freeze_tree(process.pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    for pid in descendants:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    if account:
        _kill_all_of(account)
    process.wait()


def read_lines(descriptor: int, seconds: Callable[[], float]) -> Iterator[bytes]:
    """Yield whole lines until the pipe ends, no line comes for ``seconds()``, or one is longer than 6 MiB."""
    buffer = b""
    deadline = time.monotonic() + seconds()
    while select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(descriptor, 1 << 20)
        if not part:
            return
        *whole, buffer = (buffer + part).split(b"\n")
        for line in whole:
            yield line
            deadline = time.monotonic() + seconds()
        if len(buffer) > LONGEST_ANSWER:
            return


def _forward_output(descriptor: int, log_line: LineSink, ended: threading.Event) -> None:
    """Pass lines on, bounded in length and number."""
    buffer, printed = b"", 0
    for part in _parts(descriptor, ended):
        *whole, buffer = (buffer + part).split(b"\n")
        if len(buffer) > _LONGEST_LINE:
            whole, buffer = [*whole, buffer], b""
        for raw in whole:
            if printed <= OUTPUT_LIMIT < printed + len(raw) + 1:
                log_line(f"[output truncated: the first {OUTPUT_LIMIT // 2**20} MiB are shown]")
            printed += len(raw) + 1
            if printed <= OUTPUT_LIMIT:
                log_line(raw.decode("utf-8", "replace").rstrip("\r"))
    if buffer and printed <= OUTPUT_LIMIT:
        log_line(buffer.decode("utf-8", "replace"))


def _parts(descriptor: int, ended: threading.Event) -> Iterator[bytes]:
    """Read until the pipe ends, or soon after the process does: a process that escaped may keep the pipe open, or flood it."""
    leave = float("inf")
    while time.monotonic() < leave:
        if ended.is_set():
            leave = min(leave, time.monotonic() + _DRAIN_SECONDS)
        if select([descriptor], [], [], _POLL_SECONDS)[0]:
            part = os.read(descriptor, 1 << 16)
            if not part:
                return
            yield part
        elif ended.is_set():
            return


def _limited(command: list[str], *, own_user: bool) -> list[str]:
    """Wrap a command in ``ulimit``: limits apply from its first instruction, and no Python runs between fork and exec."""
    limits = []
    for limit, letter, most, unit in _LIMITS_OF_OWN_USER if own_user else _LIMITS:
        hard = resource.getrlimit(limit)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        limits.append(f"ulimit -{letter} {allowed // unit}")
    # When memory runs out, the system must kill this process and not the one that has the token.
    victim = "{ echo 1000 > /proc/self/oom_score_adj; } 2> /dev/null"
    return ["/bin/bash", "-c", f'{victim}; {" && ".join(limits)} && exec "$@"', "limited", *command]


def _freeze_tree(pid: int) -> list[int]:
    """Stop a process, and list its descendants. A worker's jobs have their own sessions, and it adopts orphans."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGSTOP)
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            children.setdefault(int(_stat(entry)[1]), []).append(int(entry.name))
    descendants = [*children.get(pid, [])]
    for child in descendants:  # the list grows
        descendants += children.get(child, [])
    return descendants


def _kill_all_of(account: pwd.struct_passwd) -> None:
    """Kill every process of a user, from a process of that user, until none is left."""
    for _ in range(20):
        subprocess.run(
            ["/bin/sh", "-c", "kill -KILL -1"],
            check=False,
            capture_output=True,
            cwd="/",
            env={},
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
        )
        if not _has_processes(account.pw_uid):
            return
        time.sleep(0.1)


def _has_processes(uid: int) -> bool:
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == uid and not _is_zombie(entry):
                return True
    return False


def _is_zombie(entry: Path) -> bool:
    return _stat(entry)[0] == "Z"


def _stat(entry: Path) -> list[str]:
    """Return state, parent and so on of a process. Source: man7.org, proc_pid_stat(5)."""
    return (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
