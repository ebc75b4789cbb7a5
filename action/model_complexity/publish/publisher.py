"""What a run leaves behind: report.json and report.html, the job summary, outputs, and the comment."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

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
from model_complexity.publish.outputs import OUTPUTS, Publication
from model_complexity.render import CommentTemplate, Rendered, render, render_by, render_html
from model_complexity.report import Report
from model_complexity.settings.environment import Settings

FOLDER = "model-complexity"
REPORT = "report.json"
COMMENT = "comment.md"
PAGE = "report.html"
_ELSEWHERE = "The figures are in the job summary and in the report file."
_READ_ONLY = f"No comment: GitHub gives a read-only token to pull requests from forks and from Dependabot. {_ELSEWHERE}"


@dataclass(frozen=True)
class Publisher:
    """Writes files, summary and outputs, then speaks on the pull request, in this order: no refusal costs the figures."""

    settings: Settings
    event: Event
    pull_request: PullRequest | None
    client: Client
    log: TextIO
    template: CommentTemplate | None = None
    """The maintainers' own, for the comment."""

    def publish(self, report: Report) -> None:
        """Publishes a report everywhere.

        Raises:
            ActionError: something could not be written, or GitHub refused a comment that should have been allowed.
        """
        warnings: list[ActionError] = []
        outputs = workflow.Outputs(self.settings.env.github_output)
        publication = Publication(report, lambda: self._write(report), lambda: self._publish_comment(report))
        for name, output in OUTPUTS.items():
            try:
                outputs.set(name, output.value(publication))
            except ActionError as error:  # one that cannot be had, for want of room or of permission, costs no other
                warnings.append(error)
        if warnings:
            raise warnings[0]

    def _write(self, report: Report) -> str:
        env, key = self.settings.env, self.settings.inputs.key
        workflow.write_summary(env.github_step_summary, render(report, limit=workflow.SUMMARY_LIMIT - 1))
        return write_files(env.github_workspace, key, report, self._comment(report).text)

    def _comment(self, report: Report) -> Rendered:
        limit = max_body_length(self.settings.inputs.key)
        return render_by(self.template, report, limit=limit) if self.template else Rendered(render(report, limit=limit))

    def _publish_comment(self, report: Report) -> str:
        """Says it on the pull request, and returns where; blank if nothing is said."""
        if self.pull_request is None:
            return ""
        key = self.settings.inputs.key
        touched = report.entries or report.not_measured or report.warnings
        comment = self._comment(report)
        if comment.problem:
            workflow.warning(self.log, f"The comment template was not used: {comment.problem}.")
        body = comment.text if touched else None
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
    said = {
        "created": "The comment was created",
        "updated": "The comment was updated",
        "kept": "The comment already says this",
        "nothing": "No config is touched, so there is no comment",
        "outdated": "No comment: the pull request has a newer head, whose run will speak",
        "closed": "No comment: the pull request was closed meanwhile",
    }[published.action]
    return f"{said}: {published.url}" if published.url else f"{said}."


def _cleared(report: Report) -> str:
    return (
        "## Model complexity\n\n"
        "**This pull request no longer touches a config.** The figures of an earlier push were cleared.\n\n"
        f"<sub>Head `{report.head[:9]}`. Model Complexity `{report.tool}`.</sub>"
    )


def write_files(workspace: Path, key: str, report: Report, comment: str) -> str:
    """Writes ``model-complexity/KEY/report.json``, ``comment.md`` and ``report.html`` into the workspace, for later steps.

    The workspace is the pull request's checkout: anything that it put in the way (a link to somewhere else) is removed, not
    followed.

    Returns:
        The report's path, relative to the workspace, which later steps see under another absolute path.

    Raises:
        ActionError: a file cannot be written.
    """
    folder = workspace / FOLDER / key
    try:
        for part in (workspace / FOLDER, folder):
            if part.is_symlink() or (part.exists() and not part.is_dir()):
                part.unlink()
            part.mkdir(exist_ok=True)
        for name, text in ((REPORT, report.model_dump_json(indent=1)), (COMMENT, comment), (PAGE, render_html(report))):
            _replace_file(folder / name, text)
    except OSError as error:
        raise ActionError(f"cannot write {FOLDER}/{key} in the workspace: {error.strerror}.") from error
    return f"{FOLDER}/{key}/{REPORT}"


def _replace_file(path: Path, text: str) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
        file.write(text + "\n")
