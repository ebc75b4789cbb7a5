"""Publish a report: files, the job summary, outputs and the comment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TextIO

from model_complexity.errors import ActionError
from model_complexity.github import (
    Client,
    Event,
    PermissionDeniedError,
    Published,
    PullRequest,
    max_body_length,
    publish,
)
from model_complexity.github import workflow_commands as workflow
from model_complexity.publish.files import write_files
from model_complexity.publish.outputs import OUTPUTS, Publication
from model_complexity.render import CommentTemplate, Rendered, render, render_by
from model_complexity.report import Report
from model_complexity.settings.environment import Settings

_ELSEWHERE: Final = "See the job summary or the report file."
_READ_ONLY: Final = (
    f"Comment skipped: GitHub gives pull requests from forks and from Dependabot a read-only token. {_ELSEWHERE}"
)
_STATUSES: Final = {
    "created": "Comment created",
    "updated": "Comment updated",
    "kept": "Comment is up to date",
    "nothing": "Comment skipped: the pull request changes no config",
    "outdated": "Comment skipped: a newer commit was pushed. Its run will comment",
    "closed": "Comment skipped: the pull request is closed",
}


@dataclass(frozen=True)
class Publisher:
    """Write files, summary and outputs, then the comment: a comment that GitHub refuses costs nothing else.

    ``template`` is the repository's own comment template.
    """

    settings: Settings
    event: Event
    pull_request: PullRequest | None
    client: Client
    log: TextIO
    template: CommentTemplate | None = None

    def publish(self, report: Report) -> None:
        """Publish a report everywhere.

        Raises:
            ActionError: an output could not be written, or GitHub refused the comment.
        """
        errors: list[ActionError] = []
        outputs = workflow.Outputs(self.settings.env.github_output)
        publication = Publication(report, lambda: self._write(report), lambda: self._publish_comment(report))
        for name, output in OUTPUTS.items():
            try:
                outputs.set(name, output.value(publication))
            except ActionError as error:  # the other outputs are still set
                errors.append(error)
        if errors:
            raise errors[0]

    def _write(self, report: Report) -> str:
        env, key = self.settings.env, self.settings.inputs.key
        workflow.write_summary(env.github_step_summary, render(report, limit=workflow.SUMMARY_LIMIT - 1))
        return write_files(env.github_workspace, key, report, self._comment(report).text)

    def _comment(self, report: Report) -> Rendered:
        limit = max_body_length(self.settings.inputs.key)
        return render_by(self.template, report, limit=limit) if self.template else Rendered(render(report, limit=limit))

    def _publish_comment(self, report: Report) -> str:
        """Return the comment's address; empty if there is no comment."""
        if self.pull_request is None:
            return ""
        key = self.settings.inputs.key
        changes_configs = report.entries or report.not_measured or report.warnings
        comment = self._comment(report)
        if comment.problem:
            workflow.warning(self.log, f"The comment template is not used: {comment.problem}.")
        body = comment.text if changes_configs else None
        try:
            published = publish(self.client, self.pull_request.number, key, body, report.head, cleared=_cleared(report))
        except PermissionDeniedError as error:
            if not self.event.token_is_read_only:
                raise ActionError(error.message, f"{error.advice} {_ELSEWHERE}") from error
            workflow.warning(self.log, _READ_ONLY)
            return ""
        workflow.notice(self.log, _comment_status(published))
        return published.url or ""


def _comment_status(published: Published) -> str:
    status = _STATUSES[published.action]
    return f"{status}: {published.url}" if published.url else f"{status}."


def _cleared(report: Report) -> str:
    return (
        "## Model complexity\n\n"
        "**This pull request no longer changes a config.** The results of an earlier push were removed.\n\n"
        f"<sub>Head `{report.head[:9]}`. Model Complexity `{report.tool}`.</sub>"
    )
