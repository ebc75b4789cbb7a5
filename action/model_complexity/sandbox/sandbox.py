"""Starts the processes that run the pull request's code without privileges and with limits, and reads its answers as data.

Inside the sandbox run ``worker.main`` and the ``install`` command. Their environment is an allow-list, not a filtered copy of
the host's. They get another user where we are root, no file descriptor but their own, and a copy of the tree to work in.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from model_complexity.common.failures import failure
from model_complexity.common.options import WORKER_VARIABLES, MeasureOptions
from model_complexity.errors import ActionError
from model_complexity.report import Answer, Failure, Result
from model_complexity.sandbox.job_states import JobStates
from model_complexity.sandbox.process import LineSink, account_of, read_lines, run_untrusted
from model_complexity.sandbox.protocol import Job, Reply, WorkerInfo, format_request, parse_handshake, parse_reply

PASSED_VARIABLES = frozenset(
    {
        *("LANG", "LC_ALL", "TZ"),
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        *("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_DEFAULT_TIMEOUT"),
        *(
            "LD_LIBRARY_PATH",
            "CUDA_HOME",
            "CUDA_VISIBLE_DEVICES",
            "NVIDIA_VISIBLE_DEVICES",
            "NVIDIA_DRIVER_CAPABILITIES",
        ),
        *("OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    }
)
"""Variables that the pull request's code gets if they are set and have no credentials (``user:password@host``)."""

_BOOT_SECONDS = 180.0
_GRACE_SECONDS = 60.0
_LONGEST_INSTALL = 3_600.0
_MAX_IDLE_WORKERS = 2
"""Workers in a row that end while they run no job and have answered none. The first may be the victim of an accident."""
_WORKER_LOST: Final = "The config crashed the worker or sent an invalid answer."
# The working directory is the pull request's: nothing in it may shadow our modules or torch.
_BOOTSTRAP = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
from model_complexity.worker.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Sandbox:
    """How untrusted code is run. `Sandbox.prepare` makes it.

    Args:
        python: interpreter of the worker environment.
        workdir: a folder for its homes and for the copy of our code that it may import.
        worker: the user that measures; None keeps ours, which is right only where we hold no secret (local usage).
        installer: the user that runs ``install`` and owns the environment, which the worker then cannot change.
        options: how models are measured.
    """

    python: Path
    workdir: Path
    worker: pwd.struct_passwd | None
    installer: pwd.struct_passwd | None
    options: MeasureOptions

    @classmethod
    def prepare(
        cls, python: Path, workdir: Path, *, users: tuple[str | None, str | None], options: MeasureOptions
    ) -> Sandbox:
        """Copy the code that the worker imports, and look up its users.

        Args:
            python: see the class.
            workdir: an empty folder.
            users: names of worker and installer; None takes the other one.
            options: see the class.

        Raises:
            ActionError: there is no such interpreter or user.
        """
        if not os.access(python, os.X_OK):
            raise ActionError(
                f"there is no Python interpreter at {python}.",
                "Set MODEL_COMPLEXITY_PYTHON to the worker environment's.",
            )
        worker, installer = (account_of(user) if user else None for user in users)
        sandbox = cls(python, workdir, worker or installer, installer or worker, options)
        package = sandbox._code / "model_complexity"
        package.mkdir(parents=True)
        here = Path(__file__).parent.parent
        shutil.copy(here / "__init__.py", package)
        for part in ("common", "worker"):
            shutil.copytree(here / part, package / part, ignore=shutil.ignore_patterns("__pycache__"))
        return sandbox

    @property
    def _code(self) -> Path:
        return self.workdir / "code"

    @contextmanager
    def _home(self, account: pwd.struct_passwd | None) -> Iterator[Path]:
        """A home for one process, so that nothing that another left there reaches it or fills its disk."""
        with tempfile.TemporaryDirectory(prefix="home-", dir=self.workdir, ignore_cleanup_errors=True) as name:
            _chown_recursive(Path(name), account)
            yield Path(name)

    def environment(self, home: Path) -> dict[str, str]:
        """Return the whole environment of untrusted code; it has no variable of ours that is not named here."""
        passed = {name: value for name, value in os.environ.items() if name in PASSED_VARIABLES and "@" not in value}
        return {
            **passed,
            "PATH": f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": str(self.python.parent.parent),
            "PYTHONPATH": str(self._code),
            "HOME": str(home),
            "TMPDIR": str(home),
            "XDG_CACHE_HOME": f"{home}/.cache",
            "MPLCONFIGDIR": f"{home}/.matplotlib",
            "LANG": "C.UTF-8",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONWARNINGS": "ignore",
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            **WORKER_VARIABLES,
        }

    def install(self, command: str, tree: Path, log_line: LineSink) -> None:
        """Run the ``install`` input in ``tree``, and pass its output to ``log_line``.

        Raises:
            ActionError: its exit status is not 0.
        """
        started = time.monotonic()
        _chown_recursive(tree, self.installer)  # `pip install -e .` writes next to the sources
        shell = ["/bin/bash", "-euo", "pipefail", "-c", command]
        with self._home(self.installer) as home:
            environment = self.environment(home)
            for workers in ("PYTHONPATH", "PYTHONWARNINGS", "PYTHONNOUSERSITE", *WORKER_VARIABLES):
                del environment[workers]
            with run_untrusted(
                shell, tree=tree, environment=environment, account=self.installer, log_line=log_line
            ) as process:
                status = _wait(process)
        if status:
            raise ActionError(
                f"input `install`: the command exited with status {status} after {time.monotonic() - started:.0f} s.",
                "See its output above. The command runs in the worker environment, in the PR's checkout, without a token.",
            )

    def measure(
        self,
        tree: Path,
        jobs: Sequence[Job],
        log_line: LineSink,
        on_ready: Callable[[WorkerInfo], None] = lambda _: None,
    ) -> Iterator[tuple[Job, Result]]:
        """Measure configs of one tree, and yield results as they complete.

        A worker that crashes is replaced, at the cost of the job that it ran. If it ran several, a new worker runs one at a
        time. A job that waited, for a retry or for the answer to an equal job, is measured by the new worker.

        Raises:
            ActionError: the worker cannot start, or workers end before they run a job: their environment is broken, or there
                is no such device.
        """
        remaining = dict(enumerate(jobs))
        options, idle_workers = self.options, 0
        while remaining:
            states = JobStates(remaining, options.jobs)
            for reply in self._replies(tree, remaining, options, log_line, on_ready):
                if not states.follow(reply):
                    break
                if isinstance(reply, Answer):
                    yield remaining.pop(reply.job), reply.result
                    if not remaining:
                        return
            for number in states.running if options.jobs == 1 else ():
                yield remaining.pop(number), Failure(**failure("crash", _WORKER_LOST))
            idle_workers = 0 if states.running or states.answered else idle_workers + 1
            if idle_workers == _MAX_IDLE_WORKERS:
                raise ActionError("The worker exited before it measured a config.", "See its output above.")
            # Alone, the config that crashed the worker is known when it crashes the next one.
            options = options._replace(jobs=1)

    def _replies(
        self,
        tree: Path,
        jobs: Mapping[int, Job],
        options: MeasureOptions,
        log_line: LineSink,
        on_ready: Callable[[WorkerInfo], None],
    ) -> Iterator[Reply]:
        reading, writing = os.pipe()
        request = self.workdir / "request.jsonl"
        request.write_text(format_request(options, jobs), encoding="utf-8")
        command = [str(self.python), "-c", _BOOTSTRAP, "--answers-fd", str(writing)]
        started = False
        with (
            os.fdopen(reading, "rb"),
            self._home(self.worker) as home,
            run_untrusted(
                command,
                tree=tree,
                environment=self.environment(home),
                account=self.worker,
                log_line=log_line,
                stdin=request,
                keep=(writing,),
            ),
        ):
            os.close(writing)
            lines = read_lines(reading, lambda: options.timeout + _GRACE_SECONDS if started else _BOOT_SECONDS)
            on_ready(parse_handshake(next(lines, b"")))
            started = True
            for line in lines:
                reply = parse_reply(line)
                if reply is None:
                    return
                yield reply


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(_LONGEST_INSTALL)
    except subprocess.TimeoutExpired as error:
        message = f"input `install`: the command timed out after {_LONGEST_INSTALL / 60:.0f} minutes."
        raise ActionError(message, "See its output above.") from error


def _chown_recursive(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Make a user own a folder and all that is in it. Links are not followed."""
    if account is None:
        return
    for parent, folders, files in _walk(folder):
        for name in (".", *folders, *files):
            os.chown(parent / name, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Path.walk, which Python 3.11 does not have."""
    for parent, folders, files in os.walk(folder):
        yield Path(parent), folders, files
