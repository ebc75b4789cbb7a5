"""A step's log as GitHub's runner reads it: which of its lines are workflow commands.

Source: docs.github.com, actions/reference/workflow-commands-for-github-actions, and the runner's ActionCommand: `::name
properties::data` after any white space at the start of a line, or the older `##[name properties]data` anywhere in it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NEW = re.compile(r"\s*::([^\s:]+)(?: ([^:]*))?::(.*)", re.DOTALL)
_OLD = re.compile(r"##\[([^\s\]]+)(?: ([^\]]*))?\](.*)", re.DOTALL)


class Command(NamedTuple):
    """A workflow command. Properties and data are still escaped."""

    name: str
    properties: str
    data: str


def workflow_commands(log: str) -> list[Command]:
    """Return the commands in order. Between ``::stop-commands::TOKEN`` and ``::TOKEN::`` there are none."""
    commands: list[Command] = []
    stopped_by = ""
    for line in re.split(r"\r\n|\r|\n", log):
        match = _NEW.match(line) or _OLD.search(line)
        if match is None:
            continue
        command = Command(match[1], match[2] or "", match[3])
        if stopped_by:
            stopped_by = "" if command.name == stopped_by else stopped_by
        elif command.name == "stop-commands":
            stopped_by = command.data
        else:
            commands.append(command)
    return commands


def shown_log(log: str) -> str:
    """Return the log without ``add-mask`` commands, which the runner does not show."""
    return "".join(line for line in log.splitlines(keepends=True) if not line.startswith("::add-mask::"))
