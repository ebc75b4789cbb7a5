#!/usr/bin/env python3
"""Write the parts of files that are made from the host's code: one function and one row of SECTIONS per part."""

from __future__ import annotations

import argparse
import re
import sys
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from model_complexity.policy.schema import policy_schema_text
from model_complexity.publish.outputs import OUTPUTS
from model_complexity.settings.inputs import Inputs, default_text, input_info, input_name

ROOT: Final = Path(__file__).resolve().parents[2]
_WIDTH: Final = 125
_DOCS_PAGE: Final = re.compile(r"(?<![\[(/])docs/[\w-]+\.md")


class Section(NamedTuple):
    """A part of a file.

    Args:
        file: relative to the repository's root.
        pattern: matches the text before, the generated text and the text after, as three groups.
        generate: returns the generated text, with a line break at its end.
    """

    file: str
    pattern: str
    generate: Callable[[], str]


def action_inputs() -> str:
    """Return the entries below ``inputs:`` of action.yml."""
    return "".join(_action_input(field) for field in Inputs.model_fields)


def _action_input(field: str) -> str:
    info = input_info(field)
    value = Inputs.model_fields[field].default
    sentences = [info.description]
    default = info.action_default or _yaml_text(value)
    if info.policy:  # the runner would pass a default as if a user had written it, and it would override the policy
        sentences += [info.policy, f"Default: {default_text(field)}."]
        default = '""'
    return f"  {input_name(field)}:\n{_yaml_description(' '.join(sentences))}    default: {default}\n"


def _yaml_description(text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH - 6, break_long_words=False, break_on_hyphens=False)
    return "    description: >-\n" + "".join(f"      {line}\n" for line in lines)


def _yaml_text(value: object) -> str:
    if isinstance(value, bool | int):
        return f'"{str(value).lower()}"'  # a string: inputs have no other type
    return str(value) or '""'


def readme_inputs() -> str:
    """Return the table of inputs of the README."""
    rows = [_readme_input(field) for field in Inputs.model_fields]
    return "".join(["| input | default | meaning |\n|:--|:--|:--|\n", *rows])


def _readme_input(field: str) -> str:
    info = input_info(field)
    meaning = " ".join(filter(None, [info.description, info.policy])).replace("|", r"\|")
    return f"| `{input_name(field)}` | {default_text(field) or '–'} | {_with_links(meaning)} |\n"


def _with_links(text: str) -> str:
    return _DOCS_PAGE.sub(lambda page: f"[{page[0]}]({page[0]})", text)


def action_outputs() -> str:
    """Return the entries below ``outputs:`` of action.yml."""
    return "".join(f"  {name}:\n{_yaml_description(output.description)}" for name, output in OUTPUTS.items())


def readme_outputs() -> str:
    """Return the table of outputs of the README."""
    rows = [f"| `{name}` | {_with_links(output.description)} |\n" for name, output in OUTPUTS.items()]
    return "".join(["| output | meaning |\n|:--|:--|\n", *rows])


SECTIONS: Final = (
    Section("action.yml", r"(?ms)(^inputs:.*?\n)(.*?)(^(?:\n+)outputs:)", action_inputs),
    Section("README.md", r"(?ms)(^## Inputs\n.*?\n)(\| input \|.*?\n)((?!\|))", readme_inputs),
    Section("action.yml", r"(?ms)(^outputs:\n)(.*?)(^(?:\n+)runs:)", action_outputs),
    Section("README.md", r"(\n## Outputs\n\n)((?:\|.*\n)+)(\n)", readme_outputs),
    Section("docs/model-complexity.schema.json", r"(?s)\A()(.*)()\Z", policy_schema_text),
)


def generate(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the files' texts with every section up to date.

    Raises:
        ValueError: a file does not have its section exactly once.
    """
    results = dict(texts)
    for section in SECTIONS:
        text, count = re.subn(
            section.pattern,
            lambda found, section=section: found[1] + section.generate() + found[3],  # type: ignore[misc]
            results[section.file],
        )
        if count != 1:
            raise ValueError(f"{section.file} has {count} places for {section.generate.__name__}, not one")
        results[section.file] = text
    return results


def read_files() -> dict[str, str]:
    """Return the texts of all files that have sections."""
    return {section.file: (ROOT / section.file).read_text(encoding="utf-8") for section in SECTIONS}


def main() -> int:
    """Write the files, or check them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, and fail if a file is out of date")
    options = parser.parse_args()
    before = read_files()
    outdated = {name: text for name, text in generate(before).items() if text != before[name]}
    for name, text in outdated.items():
        if options.check:
            print(f"{name} is out of date. Run scripts/generate.", file=sys.stderr)
        else:
            (ROOT / name).write_text(text, encoding="utf-8")
            print(f"{name} is rewritten")
    return int(options.check and bool(outdated))


if __name__ == "__main__":
    sys.exit(main())
