"""What a run found out, put together: one report, whether the action asked for it or somebody at a desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from model_complexity import __version__
from model_complexity.compare import check, not_judged
from model_complexity.policy.effective import Standing
from model_complexity.report import Entry, Report
from model_complexity.revisions import Choice, Sides


class About(NamedTuple):
    """Whose report it is."""

    repository: str
    pull_request: int | None = None
    run_url: str | None = None


def found_out(about: About, sides: Sides, law: Standing, choice: Choice, entries: Sequence[Entry]) -> Report:
    """The report, with the budgets judged."""
    measured = {entry.target for entry in entries}  # a deleted config is not, where there is no base to measure
    return Report(
        repository=about.repository,
        pull_request=about.pull_request,
        head=sides.head,
        base=sides.base,
        entries=tuple(entries),
        not_measured=(*choice.not_measured, *(target for target in choice.targets if target not in measured)),
        problems=choice.problems,
        budgets=check(entries, law.policy),
        policy=law.status,
        notes=(*law.notes, *sides.notes, *choice.notes, *not_judged(entries, law.policy)),
        tool=__version__,
        run_url=about.run_url,
    )
