"""action.yml, README, docs and code hold the same list of inputs and outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from scripts.lib.generate import generate, read_files
from tests.e2e.codebases import PROBES, install_lines

from model_complexity import __version__
from model_complexity.common.failures import HINTS
from model_complexity.policy import Policy
from model_complexity.publish.outputs import OUTPUTS
from model_complexity.report import FailureKind
from model_complexity.settings.inputs import Inputs, input_info, input_name

ROOT = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text())
README = (ROOT / "README.md").read_text()
EXPRESSION = "${{ github.token }}"
POLICY_FIELDS = [str(field.alias) for field in Policy.model_fields.values()]


def rows_below(heading: str) -> dict[str, str]:
    """The first and the rest of the cells of the table below a heading of the README."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", section, re.MULTILINE))


def test_action_yml_declares_the_inputs_with_their_defaults() -> None:
    inputs = dict(ACTION["inputs"])
    assert list(inputs) == [input_name(field) for field in Inputs.model_fields]
    assert inputs.pop("github-token")["default"] == EXPRESSION
    for name, declared in inputs.items():
        assert Inputs.parse({name: declared["default"]}) == Inputs(), name


def test_generated_sections_are_up_to_date() -> None:
    texts = read_files()
    assert generate(texts) == texts, "run scripts/generate"


def test_generated_sections_replace_what_they_were() -> None:
    texts = read_files()
    edited = {name: text.replace("Config globs, one per line", "Edited") for name, text in texts.items()}
    assert edited["README.md"] != texts["README.md"]
    assert generate(edited) == texts


def test_readme_lists_the_inputs_of_action_yml() -> None:
    assert list(rows_below("Inputs")) == list(ACTION["inputs"])


def test_input_has_no_default_in_action_yml_when_the_policy_can_set_it() -> None:
    """The runner would pass it as if a user had written it, and it would override the policy."""
    for name in ("configs", *(alias for alias in POLICY_FIELDS if alias in ACTION["inputs"])):
        declared = ACTION["inputs"][name]
        assert declared["default"] == "", name
        assert "Overrides the policy" in declared["description"], name
        assert re.search(r"Default: `.*`\.$", declared["description"].strip()), name


def test_policy_defaults_are_fields_of_the_policy() -> None:
    names = {input_name(field) for field in Inputs.model_fields if input_info(field).policy_default}
    assert names == set(ACTION["inputs"]) & set(POLICY_FIELDS) - {"shapes"}


def test_action_description_fits_the_marketplace() -> None:
    assert len(ACTION["description"]) < 125


def test_the_readme_documents_every_output() -> None:
    assert list(rows_below("Outputs")) == list(ACTION["outputs"])


def test_action_yml_declares_every_output() -> None:
    assert set(ACTION["outputs"]) == set(OUTPUTS)


def test_every_kind_of_failure_has_its_hint_and_is_documented() -> None:
    kinds = set(FailureKind.__args__)  # type: ignore[attr-defined]
    assert set(HINTS) == kinds
    documented = (ROOT / "docs" / "accuracy.md").read_text()
    assert [kind for kind in kinds if f"`{kind}`" not in documented] == []


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
