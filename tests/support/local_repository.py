"""A developer's clone in which the commands run, and what a command left behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.action_runs import TREE

from model_complexity import cli
from model_complexity.report import Measurement, Report


class CommandResult(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> Report:
        return Report.model_validate_json(self.out)

    @property
    def flops(self) -> dict[str, tuple[int | None, int | None]]:
        """Of each config, at head and at the base."""
        return {
            entry.target.name: (
                entry.head.figures["flops"] if isinstance(entry.head, Measurement) else None,
                entry.base.figures["flops"] if isinstance(entry.base, Measurement) else None,
            )
            for entry in self.report.entries
        }


class LocalRepository:
    """A developer's clone with a zoo on main, in which the commands run."""

    def __init__(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root = root
        self._capsys = capsys
        self.git("init", "--quiet", "-b", "main")
        self.write(TREE)
        self.commit("A zoo")

    def git(self, *arguments: str) -> str:
        identity = {f"GIT_{who}_{what}": "octo@cat" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, **identity}
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True, env=environment
        )
        return done.stdout.strip()

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text, encoding="utf-8")

    def commit(self, message: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str) -> CommandResult:
        status = cli.main([*arguments])
        return CommandResult(status, *self._capsys.readouterr())
