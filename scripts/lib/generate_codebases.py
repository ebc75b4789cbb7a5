"""Write the generated parts of docs/codebases.md: the list of codebases, their install lines and probe configs.

Usage: .venv/worker/bin/python scripts/lib/generate_codebases.py
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action"))

from model_complexity.worker.codebases import CODEBASES, Codebase

DOCS = Path(__file__).resolve().parents[2] / "docs" / "codebases.md"
LIST = "list"
_BEGIN, _END = "<!-- generated from worker/codebases: {name} -->", "<!-- end -->"
_PART = re.compile(r"<!-- generated from worker/codebases: (\w+) -->\n.*?<!-- end -->\n", re.DOTALL)


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
        raise ValueError(f"docs/codebases.md has the generated parts {sorted(names)}; the rows give {sorted(parts)}")
    return _PART.sub(lambda found: f"{_BEGIN.format(name=found[1])}\n{parts[found[1]]}{_END}\n", page)


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


def main() -> None:
    """Write the page."""
    DOCS.write_text(generate(DOCS.read_text(encoding="utf-8"), CODEBASES), encoding="utf-8")


if __name__ == "__main__":
    main()
