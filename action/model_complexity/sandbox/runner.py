"""Measures the configs of both trees in the sandbox, and logs progress."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self

from model_complexity.common.failures import failure
from model_complexity.common.options import MeasureOptions
from model_complexity.common.shapes import InputSpec
from model_complexity.common.text import format_count
from model_complexity.errors import ActionError
from model_complexity.report import Entry, Failure, Measurement, Result, Target
from model_complexity.sandbox.protocol import Job, WorkerInfo
from model_complexity.sandbox.sandbox import Sandbox

LONGEST_RUN = 3 * 3_600.0
"""Seconds for all configs of both sides: GitHub ends a job after six hours at the latest, with nothing published."""


class Trees(NamedTuple):
    """The checked-out files of both sides; ``base`` is None if there is nothing to compare with."""

    head: Path
    base: Path | None


class ProgressLog(Protocol):
    """A log of the run's progress. It makes each line safe for where it is shown."""

    def group(self, title: str, /) -> AbstractContextManager[None]:
        """Open a step; lines that are logged before it closes belong to it, and may be untrusted output."""

    def log(self, line: str, /) -> None:
        """Log one line."""


@dataclass(frozen=True)
class Runner:
    """Installs and measures. `Runner.create` makes it.

    Args:
        sandbox: where the pull request's code runs.
        install_command: the ``install`` input; blank for none.
        progress: takes progress, and what the pull request's code prints.
        deadline: monotonic time after which no config is measured, so that the rest gets published.
        notes: what readers of the report must know about the environment, as Markdown.
    """

    sandbox: Sandbox
    install_command: str
    progress: ProgressLog
    deadline: float
    notes: tuple[str, ...] = ()

    @classmethod
    def create(
        cls,
        python: Path,
        options: MeasureOptions,
        workdir: Path,
        progress: ProgressLog,
        *,
        install_command: str = "",
        users: tuple[str | None, str | None] = (None, None),
        notes: tuple[str, ...] = (),
    ) -> Self:
        """Prepare the sandbox.

        Args:
            python: interpreter of the worker environment.
            options: how models are measured.
            workdir: a folder to make the sandbox's in.
            progress: see the class.
            install_command: see the class.
            users: names of the users that measure and install; without them code runs as us, with our rights.
            notes: see the class.

        Raises:
            ActionError: there is no such interpreter or user.
        """
        inside = workdir / "worker"
        inside.mkdir()
        sandbox = Sandbox.prepare(python, inside, users=users, options=options)
        return cls(sandbox, install_command, progress, time.monotonic() + LONGEST_RUN, notes)

    def install(self, tree: Path) -> None:
        """Run the ``install`` input in head's tree, once for both sides.

        Raises:
            ActionError: the command failed.
        """
        if self.install_command:
            with self._at_fixed_path(tree) as place, self.progress.group("Installing dependencies"):
                self.sandbox.install(self.install_command, place, self._log_output)

    def measure(self, requests: Sequence[tuple[Target, InputSpec]], trees: Trees) -> tuple[Entry, ...]:
        """Measure every target at its shape, on the sides where it exists.

        Raises:
            ActionError: the worker cannot start.
        """
        head_jobs = [Job(target.config, shape) for target, shape in requests if target.config]
        base_jobs = [Job(target.base_config, shape) for target, shape in requests if target.base_config]
        head = self._measure_side("head", trees.head, head_jobs)
        base = self._measure_side("merge base", trees.base, base_jobs, keep_going=bool(head)) if trees.base else {}
        return tuple(
            Entry(
                target=target,
                shape=shape,
                head=head[Job(target.config, shape)] if target.config else None,
                base=base.get(Job(target.base_config, shape)) if target.base_config else None,
            )
            for target, shape in requests
            if target.config or base  # a deleted config has nothing to show where the base was not measured
        )

    def _measure_side(
        self, side: str, tree: Path, jobs: Sequence[Job], *, keep_going: bool = False
    ) -> dict[Job, Result]:
        if not jobs:
            return {}
        with self._at_fixed_path(tree) as place:
            return self.measure_tree(side, place, jobs, keep_going=keep_going)

    def measure_tree(
        self, side: str, tree: Path, jobs: Sequence[Job], *, keep_going: bool = False
    ) -> dict[Job, Result]:
        """Measure configs of one tree in place.

        Results that exist when the worker fails for good are kept, and its other jobs are failures.

        Args:
            side: the tree's name in the log.
            tree: the folder that config paths start from.
            jobs: what to measure.
            keep_going: whether to return failures even if nothing was measured.

        Raises:
            ActionError: nothing was measured, and not ``keep_going``.
        """
        results: dict[Job, Result] = {}
        with self.progress.group(f"Measuring {side}"):
            try:
                self._collect(results, side, tree, jobs)
            except (ActionError, OSError) as error:
                if not (results or keep_going):
                    raise
                self.progress.log(f"{side}: {error}")
                stopped = Failure(**failure("crash", f"The worker stopped: {error}"))
                results.update({job: stopped for job in jobs if job not in results})
        return results

    def _collect(self, results: dict[Job, Result], side: str, tree: Path, jobs: Sequence[Job]) -> None:
        def announce(worker: WorkerInfo) -> None:
            left = len(jobs) - len(results)
            self.progress.log(f"{side}: {left} to measure on {worker.device} with torch {worker.versions.torch}")

        for job, result in self.sandbox.measure(tree, jobs, self._log_output, announce):
            results[job] = result
            self.progress.log(f"{side}: {len(results)}/{len(jobs)} {_format_result(job, result)}")
            if time.monotonic() > self.deadline and len(results) < len(jobs):
                message = f"The run reached its limit of {LONGEST_RUN / 3_600:.0f} hours before this config."
                late = Failure(**failure("timeout", message))
                results.update({job: late for job in jobs if job not in results})
                return

    @contextmanager
    def _at_fixed_path(self, tree: Path) -> Iterator[Path]:
        """Move each side to the same path in turn, so that an editable install imports the side that is measured."""
        place = tree.parent / "tree"
        tree.rename(place)
        try:
            yield place
        finally:
            place.rename(tree)

    def _log_output(self, line: str) -> None:
        self.progress.log(f"  | {line}")


def _format_result(job: Job, result: Result) -> str:
    shape = job.shape if isinstance(job.shape, str) else ", ".join(map(str, job.shape))
    where = f"{job.config} ({shape})"
    if isinstance(result, Measurement):
        counts = ", ".join(f"{format_count(count)} {metric}" for metric, count in result.figures.items())
        return f"{where}: {counts} in {result.seconds:.1f} s"
    return f"{where}: {result.kind}: {result.message}"
