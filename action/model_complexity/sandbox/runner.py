"""Where configs of both trees are measured: the sandbox, watched and narrated."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TextIO

from model_complexity.common.failures import failure
from model_complexity.common.shapes import InputSpec
from model_complexity.common.text import format_count
from model_complexity.errors import ActionError
from model_complexity.github import workflow_commands as workflow
from model_complexity.report import Entry, Failure, Measurement, Result, Target
from model_complexity.revisions import Trees
from model_complexity.sandbox.sandbox import Job, MeasureOptions, Sandbox, WorkerInfo
from model_complexity.settings.inputs import Inputs, RunnerEnvironment

LONGEST_RUN = 3 * 3_600.0
"""Seconds for all configs of both sides: GitHub ends a job after six hours at the latest, with nothing published."""


class ProgressLog(Protocol):
    """Tells whoever waits how far the work is. Each makes what it is told safe for where it is shown."""

    def group(self, title: str, /) -> AbstractContextManager[None]:
        """A part of the work: what is told while it is open belongs to it, and may be somebody else's output."""

    def log(self, line: str, /) -> None:
        """One line."""


@dataclass(frozen=True)
class Runner:
    """Installs and measures; whatever the pull request's code prints is shown as data.

    Args:
        sandbox: the wall between us and that code.
        command: the ``install`` input; blank for none.
        narrator: is told what happens.
        deadline: monotonic time from which on no more is measured; what there is gets published.
    """

    sandbox: Sandbox
    command: str
    progress: ProgressLog
    deadline: float

    @classmethod
    def prepare(cls, env: RunnerEnvironment, inputs: Inputs, workdir: Path, log: TextIO) -> Self:
        """Puts up the wall for the action.

        Raises:
            ActionError: it does not stand.
        """
        if env.model_complexity_worker_user:
            restrict_to_owner(env.github_workspace.parent)
        users = (env.model_complexity_worker_user, env.model_complexity_install_user)
        return cls.with_python(env.model_complexity_python, inputs, workdir, workflow.WorkflowLog(log), users)

    @classmethod
    def with_python(
        cls,
        python: Path,
        inputs: Inputs,
        workdir: Path,
        progress: ProgressLog,
        users: tuple[str | None, str | None] = (None, None),
    ) -> Self:
        """Takes this worker environment; without users there is no wall, and what is measured runs as whoever we are.

        Raises:
            ActionError: there is no such interpreter or user.
        """
        inside = workdir / "worker"
        inside.mkdir()
        options = MeasureOptions(inputs.timeout, inputs.device, inputs.mode, inputs.jobs, inputs.deploy)
        sandbox = Sandbox.prepare(python, inside, users=users, options=options)
        return cls(sandbox, inputs.install, progress, time.monotonic() + LONGEST_RUN)

    def install(self, tree: Path) -> None:
        """Runs the ``install`` input in head's tree, once for both sides.

        Raises:
            ActionError: the command failed.
        """
        if self.command:
            with self._at_fixed_path(tree) as place, self.progress.group("Installing what the repository needs"):
                self.sandbox.install(self.command, place, self._say)

    def measure(self, wanted: Sequence[tuple[Target, InputSpec]], trees: Trees) -> tuple[Entry, ...]:
        """Measures every target at its shape, on the sides where it exists.

        Raises:
            ActionError: the worker environment cannot measure anything.
        """
        head = self._side("head", trees.head, [Job(target.config, shape) for target, shape in wanted if target.config])
        before = [Job(target.base_config, shape) for target, shape in wanted if target.base_config]
        base = self._side("merge base", trees.base, before, keep_going=bool(head)) if trees.base else {}
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

    def _side(self, side: str, tree: Path, jobs: Sequence[Job], *, keep_going: bool = False) -> dict[Job, Result]:
        """Measures one side. What was measured is kept, whatever happens to the rest (``keep_going``: on the other side)."""
        if not jobs:
            return {}
        with self._at_fixed_path(tree) as place:
            return self.measure_tree(side, place, jobs, keep_going=keep_going)

    def measure_tree(
        self, side: str, tree: Path, jobs: Sequence[Job], *, keep_going: bool = False
    ) -> dict[Job, Result]:
        """Measures configs of one tree where it lies. ``side`` is what it is called.

        Raises:
            ActionError: the worker environment cannot measure anything, and not ``keep_going``.
        """
        found: dict[Job, Result] = {}
        with self.progress.group(f"Measuring {side}"):
            try:
                self._collect(found, side, tree, jobs)
            except (ActionError, OSError) as error:
                if not (found or keep_going):
                    raise
                self.progress.log(f"{side}: {error}")
                connection_error = Failure(**failure("crash", f"the worker could not go on: {error}"))
                found.update({job: connection_error for job in jobs if job not in found})
        return found

    def _collect(self, found: dict[Job, Result], side: str, tree: Path, jobs: Sequence[Job]) -> None:
        def announce(ready: WorkerInfo) -> None:
            left = len(jobs) - len(found)
            self.progress.log(f"{side}: {left} to measure on {ready.device} with torch {ready.versions.torch}")

        for job, result in self.sandbox.measure(tree, jobs, self._say, announce):
            found[job] = result
            self.progress.log(f"{side}: {len(found)}/{len(jobs)} {_format_result(job, result)}")
            if time.monotonic() > self.deadline and len(found) < len(jobs):
                late = Failure(
                    **failure("timeout", f"the run was over its {LONGEST_RUN / 3_600:.0f} hours before its turn")
                )
                found.update({job: late for job in jobs if job not in found})
                return

    @contextmanager
    def _at_fixed_path(self, tree: Path) -> Iterator[Path]:
        """Has both sides lie at the same path in turn, so that what `pip install -e .` wrote down means the side at hand."""
        place = tree.parent / "tree"
        tree.rename(place)
        try:
            yield place
        finally:
            place.rename(tree)

    def _say(self, line: str) -> None:
        self.progress.log(f"  | {line}")


def _format_result(job: Job, result: Result) -> str:
    shape = job.shape if isinstance(job.shape, str) else ", ".join(map(str, job.shape))
    where = f"{job.config} ({shape})"
    if isinstance(result, Measurement):
        figures = ", ".join(f"{format_count(count)} {metric}" for metric, count in result.figures.items())
        return f"{where}: {figures} in {result.seconds:.1f} s"
    return f"{where}: {result.kind}: {result.message}"


def restrict_to_owner(folder: Path) -> None:
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
