"""What a run found out, put together: one report, whether the action asked for it or somebody at a desk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from model_complexity import __version__
from model_complexity.compare import evaluate, skipped_checks
from model_complexity.policy.effective import EffectivePolicy
from model_complexity.report import Entry, Report
from model_complexity.revisions import Choice, Revisions


class ReportSource(NamedTuple):
    """Whose report it is."""

    repository: str
    pull_request: int | None = None
    run_url: str | None = None


def build_report(
    source: ReportSource, revisions: Revisions, policy: EffectivePolicy, selection: Choice, entries: Sequence[Entry]
) -> Report:
    """The report, with the budgets judged."""
    measured = {entry.target for entry in entries}  # a deleted config is not, where there is no base to measure
    return Report(
        repository=source.repository,
        pull_request=source.pull_request,
        head=revisions.head,
        base=revisions.base,
        entries=tuple(entries),
        not_measured=(*selection.not_measured, *(target for target in selection.targets if target not in measured)),
        warnings=selection.warnings,
        budgets=evaluate(entries, policy.policy),
        policy=policy.status,
        notes=(*policy.notes, *revisions.notes, *selection.notes, *skipped_checks(entries, policy.policy)),
        tool=__version__,
        run_url=source.run_url,
    )
