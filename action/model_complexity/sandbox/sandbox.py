"""The wall: starts whatever runs the pull request's code without privileges, with limits, and reads its answers as data.

Behind the wall are ``measure.worker`` and the ``install`` command. They get a built environment (an allow-list, not ours less
some), where we are root another user, no file descriptor but their own, and a working directory that is a copy of the tree.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model_complexity.common.failures import failure
from model_complexity.common.shapes import InputSpec
from model_complexity.errors import ActionError
from model_complexity.report import Answer, Failure, Result, Versions
from model_complexity.sandbox.process import LineSink, account_of, read_lines, run_untrusted

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
"""Variables that reach the pull request's code when they are set and hold no credentials (``user:password@host``)."""

_BOOT_SECONDS = 180.0
_GRACE_SECONDS = 60.0
_LONGEST_INSTALL = 3_600.0
_BEGINNING = re.compile(rb'\{"job": ([0-9]{1,9}), "(?:measurement|failure)": ')
# The working directory is the pull request's: nothing in it may stand in for our modules or for torch.
_BOOTSTRAP = """
import sys
sys.path[:] = [folder for folder in sys.path if folder]
from model_complexity.worker.main import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Job:
    """One config, by its path inside the tree, at one shape."""

    config: str
    shape: InputSpec


@dataclass(frozen=True)
class WorkerInfo:
    """What the worker said of itself before its first answer."""

    device: str
    versions: Versions


@dataclass(frozen=True)
class MeasureOptions:
    """How models are measured.

    Args:
        timeout: seconds for one job.
        device: ``auto``, ``cpu`` or ``cuda``.
        method: ``auto``, ``dry`` or ``real``.
        jobs: how many side by side; 0 for as many as there are cores.
        deploy: whether the deployed forms of models are counted too.
    """

    timeout: float = 300
    device: str = "auto"
    mode: str = "auto"
    jobs: int = 0
    deploy: bool = False


@dataclass(frozen=True)
class Sandbox:
    """How untrusted code is run; made by ``Sandbox.prepare``.

    Args:
        python: interpreter of the worker environment.
        workdir: a folder for its homes and for the copy of our code that it may import.
        worker: the user that measures; None leaves it at ours, which is right only where we hold no secret (on a desk).
        installer: the user that runs ``install`` and owns the environment, which the worker then cannot change.
        options: what the user asked for.
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
        """Lays out the room.

        Args:
            python: see the class.
            workdir: an empty folder.
            users: names of worker and installer; one stands in for the other if that is None.
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
        """A home for one process, so that none finds, or runs out of room by, what another has left in its own."""
        with tempfile.TemporaryDirectory(prefix="home-", dir=self.workdir, ignore_cleanup_errors=True) as name:
            _chown_recursive(Path(name), account)
            yield Path(name)

    def environment(self, home: Path) -> dict[str, str]:
        """The whole environment of untrusted code. Nothing of ours is in it that is not named here."""
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
        }

    def install(self, command: str, tree: Path, log_line: LineSink) -> None:
        """Runs the ``install`` input in the worker environment, in ``tree``, and passes its output to ``log_line``.

        Raises:
            ActionError: it ended with another status than 0.
        """
        started = time.monotonic()
        _chown_recursive(tree, self.installer)  # `pip install -e .` writes beside the sources
        shell = ["/bin/bash", "-euo", "pipefail", "-c", command]
        with self._home(self.installer) as home:
            environment = self.environment(home)
            for ours in ("PYTHONPATH", "PYTHONWARNINGS", "PYTHONNOUSERSITE"):
                del environment[ours]
            with run_untrusted(
                shell, tree=tree, environment=environment, account=self.installer, log_line=log_line
            ) as process:
                status = _wait(process)
        if status:
            raise ActionError(
                f"input `install`: the command ended with status {status} after {time.monotonic() - started:.0f} s.",
                "Its output is above; it runs in the worker environment, in the pull request's tree, without any token.",
            )

    def measure(
        self,
        tree: Path,
        jobs: Sequence[Job],
        log_line: LineSink,
        on_ready: Callable[[WorkerInfo], None] = lambda _: None,
    ) -> Iterator[tuple[Job, Result]]:
        """Measures configs of one tree; results come as they are done.

        A worker that is brought down is replaced, and costs the job that did it.

        Raises:
            ActionError: the worker cannot start: the worker environment is broken, or there is no such device.
        """
        remaining = dict(enumerate(jobs))
        side_by_side = self.options.jobs
        while remaining:
            for answer in self._answers(tree, remaining, side_by_side, log_line, on_ready):
                if answer.job not in remaining or (side_by_side == 1 and answer.job != next(iter(remaining))):
                    break
                yield remaining.pop(answer.job), answer.result
                if not remaining:
                    return
            if side_by_side == 1:
                culprit = remaining.pop(next(iter(remaining)))
                yield (
                    culprit,
                    Failure(**failure("crash", "brought the whole worker down, or answered for another config")),
                )
            side_by_side = 1  # whichever of those side by side it was does it again when it is alone

    def _answers(
        self,
        tree: Path,
        jobs: Mapping[int, Job],
        side_by_side: int,
        log_line: LineSink,
        on_ready: Callable[[WorkerInfo], None],
    ) -> Iterator[Answer]:
        reading, writing = os.pipe()
        lines = ({"job": number, "config": job.config, "shape": job.shape} for number, job in jobs.items())
        asked = self.workdir / "jobs.jsonl"
        asked.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        command = [str(self.python), "-c", _BOOTSTRAP, "--answers-fd", str(writing)]
        command += ["--jobs", str(side_by_side), "--timeout", str(self.options.timeout)]
        command += ["--device", self.options.device, "--mode", self.options.mode]
        command += ["--deploy"] if self.options.deploy else []
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
                stdin=asked,
                keep=(writing,),
            ),
        ):
            os.close(writing)
            replies = read_lines(reading, lambda: self.options.timeout + _GRACE_SECONDS if started else _BOOT_SECONDS)
            _read_handshake(next(replies, b""), on_ready)
            started = True
            for line in replies:
                answer = parse_answer(line)
                if answer is None:
                    return
                yield answer


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(_LONGEST_INSTALL)
    except subprocess.TimeoutExpired as error:
        message = f"input `install`: the command was ended after {_LONGEST_INSTALL / 60:.0f} minutes."
        raise ActionError(message, "Its output is above.") from error


def _chown_recursive(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Makes a folder, with all in it, a user's own. Links are not followed."""
    if account is None:
        return
    for parent, folders, files in _walk(folder):
        for name in (".", *folders, *files):
            os.chown(parent / name, account.pw_uid, account.pw_gid, follow_symlinks=False)


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Path.walk, which Python 3.11 does not have."""
    for parent, folders, files in os.walk(folder):
        yield Path(parent), folders, files


def _read_handshake(line: bytes, on_ready: Callable[[WorkerInfo], None]) -> None:
    try:
        data: Any = json.loads(line)
        if "ready" in data:
            device = str(data["ready"]["device"])
            on_ready(WorkerInfo(device if device in ("cpu", "cuda") else "?", Versions(**data["ready"]["versions"])))
            return
        message = str(data["fatal"]["message"])[:300]
    except (ValueError, KeyError, TypeError):
        message = "it ended, or hung, before its first word"
    raise ActionError(
        f"the worker environment cannot measure: {message}.",
        "Its output is above. Check what `install` changed (torch, fvcore, mmengine and tabulate must import) and `device`.",
    )


def parse_answer(line: bytes) -> Answer | None:
    """Reads one line of the worker. One that breaks the rules is its job's failure; None when it is not clear whose it is.

    The worker itself writes the beginning of the line; what follows comes from the config's process and is read once, by the
    data model: whatever is wrong with it, it must cost no more than this answer.
    """
    beginning = _BEGINNING.match(line)
    if beginning is None:
        return None
    try:
        return Answer.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"its result is not valid: {where}: {first['msg']}"
        return Answer(job=int(beginning[1]), failure=Failure(**failure("crash", message)))
