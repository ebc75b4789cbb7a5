"""Where configs of both trees are measured: the sandbox, watched and narrated in the runner's log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TextIO

from model_complexity.errors import ActionError
from model_complexity.github import workflow
from model_complexity.history import Trees
from model_complexity.measure.page import figure
from model_complexity.measure.shapes import Shape
from model_complexity.report import Entry, Measurement, Result, Target
from model_complexity.sandbox import Job, Ready, Sandbox
from model_complexity.settings import Settings


@dataclass(frozen=True)
class Bench:
    """Installs and measures; whatever the pull request's code prints is shown as data.

    Args:
        sandbox: the wall between us and that code.
        command: the ``install`` input; blank for none.
        log: the runner's log.
    """

    sandbox: Sandbox
    command: str
    log: TextIO

    @classmethod
    def prepare(cls, settings: Settings, room: Path, log: TextIO) -> Self:
        """Puts up the wall.

        Raises:
            ActionError: it does not stand.
        """
        around = settings.around
        if around.model_complexity_worker_user:
            shut_off(around.github_workspace.parent)
        inside = room / "worker"
        inside.mkdir()
        sandbox = Sandbox.prepare(
            around.model_complexity_python,
            inside,
            users=(around.model_complexity_worker_user, around.model_complexity_install_user),
            timeout=settings.inputs.timeout,
            device=settings.inputs.device,
        )
        return cls(sandbox, settings.inputs.install, log)

    def install(self, tree: Path) -> None:
        """Runs the ``install`` input in head's tree, once for both sides.

        Raises:
            ActionError: the command failed.
        """
        if self.command:
            with self._guarded("Installing what the repository needs"):
                self.sandbox.install(self.command, tree, self._say)

    def measure(self, targets: Sequence[Target], shapes: Sequence[Shape], trees: Trees) -> tuple[Entry, ...]:
        """Measures every target at every shape, on the sides where it exists.

        Raises:
            ActionError: the analysis environment cannot measure anything.
        """
        wanted = [(target, shape) for target in targets for shape in shapes]
        head = self._side("head", trees.head, [Job(target.config, shape) for target, shape in wanted if target.config])
        before = [Job(target.base_config, shape) for target, shape in wanted if target.base_config]
        base = self._side("merge base", trees.base, before) if trees.base else {}
        return tuple(
            Entry(
                target=target,
                shape=shape,
                head=head[Job(target.config, shape)] if target.config else None,
                base=base.get(Job(target.base_config, shape)) if target.base_config else None,
            )
            for target, shape in wanted
            if target.config or base  # a deleted config has nothing to show where the base was not measured
        )

    def _side(self, side: str, tree: Path, jobs: Sequence[Job]) -> dict[Job, Result]:
        found: dict[Job, Result] = {}

        def announce(ready: Ready) -> None:
            self._print(
                f"{side}: {len(jobs) - len(found)} to measure on {ready.device} with torch {ready.versions.torch}"
            )

        if jobs:
            with self._guarded(f"Measuring {side}"):
                for number, (job, result) in enumerate(self.sandbox.measure(tree, jobs, self._say, announce), 1):
                    found[job] = result
                    self._print(f"{side}: {number}/{len(jobs)} {_told(job, result)}")
        return found

    @contextmanager
    def _guarded(self, title: str) -> Iterator[None]:
        """A foldable part of the log in which the runner obeys nothing."""
        workflow.group(self.log, title)
        try:
            with workflow.stop_commands(self.log):
                yield
        finally:
            workflow.endgroup(self.log)

    def _say(self, line: str) -> None:
        self._print(f"  | {line}")

    def _print(self, line: str) -> None:
        self.log.write(workflow.neutral(line) + "\n")
        self.log.flush()


def _told(job: Job, result: Result) -> str:
    where = f"{job.config} ({', '.join(str(side) for side in job.shape)})"
    if isinstance(result, Measurement):
        figures = (
            f"{figure(result.flops)} flops, {figure(result.params)} params, {figure(result.activations)} activations"
        )
        return f"{where}: {figures} in {result.seconds:.1f} s"
    return f"{where}: {result.kind}: {result.message}"


def shut_off(folder: Path) -> None:
    """Bars other users from everything below ``folder``.

    In the container that is /github: the checkout with the credentials that actions/checkout left in it, the event, and the
    runner's command files, most of them readable by everyone.

    Raises:
        ActionError: it cannot be barred.
    """
    try:
        folder.chmod(0o700)
    except OSError as error:
        raise ActionError(
            f"cannot bar the worker from {folder}: {error.strerror}.", "Run the action in its container."
        ) from error
