"""One untrusted process: started as another user and with limits, its output pumped as data, nothing of it left running."""

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
from functools import partial
from pathlib import Path
from select import select
from typing import IO

from model_complexity.errors import ActionError

Say = Callable[[str], None]
"""Takes one line of untrusted output; whoever provides it makes the line safe for the log."""

LONGEST_ANSWER = 32 * 2**20
OUTPUT_LIMIT = 4 * 2**20
_LIMITS = {
    resource.RLIMIT_CORE: 0,
    resource.RLIMIT_FSIZE: 16 * 2**30,
    resource.RLIMIT_NOFILE: 4_096,
}


def account_of(user: str) -> pwd.struct_passwd:
    """Looks a user up.

    Raises:
        ActionError: there is no such user, or it is root.
    """
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise ActionError(f"MODEL_COMPLEXITY_WORKER_USER: there is no user {user!r} on this machine.") from error
    if account.pw_uid == 0:
        raise ActionError("MODEL_COMPLEXITY_WORKER_USER must not be root.")
    return account


@contextlib.contextmanager
def untrusted(
    command: list[str],
    *,
    tree: Path,
    environment: Mapping[str, str],
    account: pwd.struct_passwd | None,
    say: Say,
    stdin: Path = Path(os.devnull),
    keep: tuple[int, ...] = (),
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs ``command`` in ``tree``; its output, bounded, goes to ``say`` while the block runs; at its end all of it is killed.

    Args:
        command: program and arguments; no shell.
        tree: working directory.
        environment: the whole environment.
        account: whom it runs as; None for ourselves.
        say: takes its stdout and stderr, line by line, from another thread.
        stdin: a file that it reads.
        keep: file descriptors that stay open in it.

    Raises:
        ActionError: it cannot be started.
    """
    with stdin.open("rb") as fed:
        try:
            process = subprocess.Popen(
                command,
                cwd=tree,
                env=dict(environment),
                stdin=fed,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=keep,
                start_new_session=True,
                umask=0o022,
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                preexec_fn=partial(_limit, alone=account is not None),  # noqa: PLW1509 - no thread of ours is alive here, and the limits must hold from the start
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise ActionError(f"cannot start {command[0]} in {tree}: {error}.") from error
    if process.stdout is None:
        raise AssertionError
    pump = threading.Thread(target=_pump, args=(process.stdout, say), daemon=True)
    pump.start()
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if account:
            _kill_all_of(account)
        process.wait()
        pump.join(timeout=5)  # a process that escaped its session may hold the pipe; its words are not waited for
        process.stdout.close()


def read_lines(descriptor: int, seconds: Callable[[], float]) -> Iterator[bytes]:
    """Yields whole lines until the pipe ends, no line comes for ``seconds()``, or one is longer than 32 MiB."""
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


def _pump(stream: IO[bytes], say: Say) -> None:
    printed = 0
    with contextlib.suppress(ValueError):  # the stream was closed under us at the end
        for raw in iter(lambda: stream.readline(16_384), b""):
            printed += len(raw)
            if printed <= OUTPUT_LIMIT:
                say(raw.decode("utf-8", "replace").rstrip("\r\n"))
            elif printed - len(raw) <= OUTPUT_LIMIT:
                say(f"[its output goes on; the first {OUTPUT_LIMIT // 2**20} MiB are shown]")


def _limit(*, alone: bool) -> None:
    # The number of processes is counted per user: it says nothing where the user has others.
    limits = {**_LIMITS, resource.RLIMIT_NPROC: 4_096} if alone else _LIMITS
    for limit, most in limits.items():
        hard = resource.getrlimit(limit)[1]
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _kill_all_of(account: pwd.struct_passwd) -> None:
    """Kills every process of a user: a child takes on the user and signals all that it may."""
    child = os.fork()
    if child == 0:
        try:
            os.setgid(account.pw_gid)
            os.setuid(account.pw_uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
