#!/usr/bin/env python3
"""Write the outputs of action.yml and the table of outputs in README.md from `publish.outputs.OUTPUTS`."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action"))

from model_complexity.publish.outputs import OUTPUTS

ROOT = Path(__file__).resolve().parents[2]
_LINE_LENGTH = 120


def outputs_yaml() -> str:
    """Return the block ``outputs:`` of action.yml."""
    lines = ["outputs:"]
    for name, output in OUTPUTS.items():
        lines += [f"  {name}:", "    description: >-"]
        lines += textwrap.wrap(
            output.description,
            _LINE_LENGTH,
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines) + "\n"


def outputs_table() -> str:
    """Return the README's table of outputs."""
    rows = [f"| `{name}` | {_with_links(output.description)} |" for name, output in OUTPUTS.items()]
    return "\n".join(["| output | meaning |", "|:--|:--|", *rows]) + "\n"


def replace_outputs(action_yml: str, readme: str) -> tuple[str, str]:
    """Return action.yml and README.md with their outputs generated."""
    yaml = _replace(r"(?m)^outputs:\n(?: .*\n)+", outputs_yaml(), action_yml)
    table = _replace(r"(?<=\n## Outputs\n\n)(?:\|.*\n)+", outputs_table(), readme)
    return yaml, table


def _replace(pattern: str, replacement: str, text: str) -> str:
    replaced, count = re.subn(pattern, lambda _: replacement, text)
    if count != 1:
        raise ValueError(f"{pattern!r} matches {count} times. It must match once.")
    return replaced


def _with_links(description: str) -> str:
    return re.sub(r"\bdocs/[\w-]+\.md\b", r"[\g<0>](\g<0>)", description)


def main() -> None:
    """Rewrite both files."""
    files = ROOT / "action.yml", ROOT / "README.md"
    old_action_yml, old_readme = (file.read_text(encoding="utf-8") for file in files)
    for file, text in zip(files, replace_outputs(old_action_yml, old_readme), strict=True):
        file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
