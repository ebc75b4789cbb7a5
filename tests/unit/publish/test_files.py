"""Files of a run, in a workspace that the pull request controls."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.factories import report

from model_complexity.errors import ActionError
from model_complexity.publish.files import write_files
from model_complexity.render import render_html
from model_complexity.report import Report


def test_files_are_written_and_replaced(tmp_path: Path) -> None:
    for _ in range(2):  # a second run replaces the first's
        assert write_files(tmp_path, "default", report(), "text") == "model-complexity/default/report.json"
    folder = tmp_path / "model-complexity" / "default"
    assert Report.model_validate_json((folder / "report.json").read_text()) == report()
    assert (folder / "comment.md").read_text() == "text\n"
    assert (folder / "report.html").read_text() == render_html(report()) + "\n"


def test_links_in_the_checkout_are_not_followed(tmp_path: Path) -> None:
    secret, workspace = tmp_path / "file_commands", tmp_path / "workspace"
    secret.mkdir()
    (secret / "set_env").write_text("untouched")
    (workspace / "model-complexity" / "default").mkdir(parents=True)
    (workspace / "model-complexity" / "default" / "report.json").symlink_to(secret / "set_env")
    (workspace / "model-complexity" / "default" / "comment.md").mkdir()
    (workspace / "model-complexity" / "default" / "report.html").symlink_to(secret / "set_env")
    (workspace / "model-complexity" / "other").symlink_to(secret)
    write_files(workspace, "default", report(), "text")
    write_files(workspace, "other", report(), "text")
    (workspace / "elsewhere").mkdir()
    (workspace / "elsewhere" / "model-complexity").symlink_to(secret)
    write_files(workspace / "elsewhere", "default", report(), "text")
    assert (secret / "set_env").read_text() == "untouched"
    assert (workspace / "model-complexity" / "default" / "report.html").read_text().startswith("<!doctype html>")
    assert list(secret.iterdir()) == [secret / "set_env"]
    assert (workspace / "model-complexity" / "default" / "comment.md").read_text() == "text\n"


def test_missing_workspace_is_an_error_with_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ActionError, match="Cannot write model-complexity/default in the workspace: No such file"):
        write_files(tmp_path / "gone", "default", report(), "text")
