"""action.yml, README, docs and code hold the same list of inputs and outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from tests.e2e.codebases import PROBES, install_lines

from model_complexity import __version__
from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.policy import Policy
from model_complexity.publish.outputs import OUTPUTS
from model_complexity.settings.inputs import Inputs

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
README = (ROOT / "README.md").read_text()
EXPRESSION = "${{ github.token }}"
POLICY_FIELDS = [str(field.alias) for field in Policy.model_fields.values()]


def rows_below(heading: str) -> dict[str, str]:
    """The first and the rest of the cells of the table below a heading of the README."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", section, re.MULTILINE))


def test_action_yml_and_settings_have_the_same_inputs_and_defaults() -> None:
    inputs = dict(ACTION["inputs"])
    fields = {name.replace("_", "-"): field.default for name, field in Inputs.model_fields.items()}
    assert list(inputs) == list(fields)
    assert inputs.pop("github-token")["default"] == EXPRESSION
    for name, declared in inputs.items():
        assert Inputs.parse({name: declared["default"]}) == Inputs(), name


def default_of(name: str) -> str:
    """What an input is when nobody gives it, as people write it."""
    told = {"configs": "configs/**`, `**/configs/**", "github-token": "the workflow's token"}
    value = Inputs.model_fields[name.replace("-", "_")].default
    written = "false" if value is False else str(value)
    return told.get(name) or (value[0] if isinstance(value, tuple) else written or "–")


def test_the_readme_documents_every_input_with_its_default() -> None:
    rows = rows_below("Inputs")
    assert list(rows) == list(ACTION["inputs"])
    for name in ACTION["inputs"]:
        assert rows[name].split(" | ")[0].strip("`") == default_of(name), name


def test_an_input_that_the_policy_can_stand_in_for_has_no_default_of_action_ymls() -> None:
    """The runner would pass it, and it would count as given."""
    for name in ("configs", *(alias for alias in POLICY_FIELDS if alias in ACTION["inputs"])):
        declared = ACTION["inputs"][name]
        assert declared["default"] == "", name
        default = default_of(name).replace("`, `", "` and any `")
        assert re.search(rf"Default: `?{re.escape(default)}`?\.$", declared["description"].strip()), name


def test_the_readme_documents_every_output() -> None:
    assert list(rows_below("Outputs")) == list(ACTION["outputs"])


def test_action_yml_declares_every_output() -> None:
    assert set(ACTION["outputs"]) == set(OUTPUTS)


def test_docs_name_every_failure_kind() -> None:
    documented = (ROOT / "docs" / "accuracy.md").read_text()
    assert [kind for kind in FAILURE_KINDS if f"`{kind}`" not in documented] == []


def test_every_codebase_has_a_section_and_all_but_one_an_install_line_and_configs_to_try_it_with() -> None:
    rows = (ROOT / "action" / "model_complexity" / "worker" / "codebases").glob("mm*.py")
    scopes = {
        found[1]
        for row in rows
        if (found := re.search(r"^CODEBASE = Codebase\(\s*\"\w+\",\s*\(\"(\w+)\"", row.read_text(), re.M))
    }
    assert {"mmdet", "mmpretrain"} < scopes
    page = (ROOT / "docs" / "codebases.md").read_text()
    assert scopes <= set(re.findall(r"^## (\w+)$", page, re.MULTILINE))
    assert set(install_lines()) == set(PROBES) == scopes - {"mmagic"}, "whose section says why it has no line"


def test_one_version_everywhere() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text()
    assert re.search(rf"^## {re.escape(__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_readmes_workflows_are_valid_yaml_with_known_inputs() -> None:
    blocks = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)]
    workflows = [block for block in blocks if "jobs" in block]
    assert len(workflows) >= 2
    for workflow in workflows:
        steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
        given = {name for step in steps if "model-complexity" in step["uses"] for name in step.get("with", {})}
        assert given <= set(ACTION["inputs"])


def test_the_two_commands_exist() -> None:
    for command in re.findall(r"^(scripts/\w+)", README, re.MULTILINE):
        assert (ROOT / command).stat().st_mode & 0o111, command
