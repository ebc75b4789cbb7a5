"""Write the list of codebases, their install lines and probe configs in docs/codebases.md. Needs the worker environment."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action"))

from model_complexity.worker.codebases import CODEBASES, Codebase

PAGE = Path(__file__).resolve().parents[2] / "docs" / "codebases.md"
LIST = "codebases"
_PART = re.compile(r"<!-- (\w+): begin -->\n.*?<!-- \1: end -->\n", re.DOTALL)


def generate(page: str, codebases: Sequence[Codebase]) -> str:
    """Return the page with its generated parts written anew.

    Args:
        page: the text of docs/codebases.md.
        codebases: the rows.

    Raises:
        ValueError: a part is missing, or belongs to no row.
    """
    parts = _parts(codebases)
    names = [found[1] for found in _PART.finditer(page)]
    if sorted(names) != sorted(parts):
        raise ValueError(
            f"docs/codebases.md has the generated parts {sorted(names)}, but the rows give {sorted(parts)}. "
            "Give each codebase a section with the lines `<!-- SCOPE: begin -->` and `<!-- SCOPE: end -->`."
        )
    return _PART.sub(lambda found: f"<!-- {found[1]}: begin -->\n{parts[found[1]]}<!-- {found[1]}: end -->\n", page)


def _parts(codebases: Sequence[Codebase]) -> Mapping[str, str]:
    libraries = [row for row in codebases if row.scopes != ("mmengine",)]
    return {LIST: _list(libraries), **{row.scopes[0]: _install(row) for row in libraries if row.install}}


def _list(libraries: Sequence[Codebase]) -> str:
    lines = ["| Codebase | `default_scope` | `install` | Modules that may be missing |", "|:--|:--|:--|:--|"]
    for row in libraries:
        scope = row.scopes[0]
        install = "tested" if row.install else "–"
        optional = ", ".join(f"`{name}`" for name in row.optional_imports) or "–"
        lines.append(f"| [{row.name}](#{scope}) | `{scope}` | {install} | {optional} |")
    return "\n".join(lines) + "\n"


def _install(row: Codebase) -> str:
    commands = textwrap.indent(textwrap.dedent(row.install).strip(), "  ")
    configs = "\n".join(f"- `{name}`" for name in row.probe_configs)
    return f"```yaml\ninstall: |\n{commands}\n```\n\nTested with:\n\n{configs}\n"


def rewrite(page: str) -> str:
    """Return docs/codebases.md with the parts of every codebase."""
    return generate(page, CODEBASES)
