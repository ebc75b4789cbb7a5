"""The `install` lines of docs/codebases.md and the configs they are tested with, read without torch."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

import yaml

PAGE = Path(__file__).parents[2] / "docs" / "codebases.md"
_PART = re.compile(r"<!-- (\w+): begin -->\n```yaml\n(install:.*?)```\n(.*?)<!-- \1: end -->", re.DOTALL)


class Documented(NamedTuple):
    """How to install a library, and the configs of it to test that with."""

    install: str
    probe_configs: tuple[str, ...]


def documented_codebases(page: str) -> dict[str, Documented]:
    """Map each library with an `install` line to it and to its probe configs."""
    documented = {}
    for library, block, rest in _PART.findall(page):
        inputs: dict[str, Any] = yaml.safe_load(block)
        documented[library] = Documented(inputs["install"], tuple(re.findall(r"^- `(.+)`$", rest, re.MULTILINE)))
    return documented


CODEBASES = documented_codebases(PAGE.read_text(encoding="utf-8"))
