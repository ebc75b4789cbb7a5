"""action.yml, README, docs and code hold the same list of inputs and outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts.lib.generate_outputs import replace_outputs

from model_complexity import __version__
from model_complexity.common.failures import HINTS
from model_complexity.policy import Policy, parse_policy
from model_complexity.publish.outputs import OUTPUTS
from model_complexity.report import FailureKind
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


def test_outputs_of_action_yml_and_readme_equal_the_generated_text() -> None:
    action_yml = (ROOT / "action.yml").read_text()
    assert replace_outputs(action_yml, README) == (action_yml, README), "run scripts/lib/generate_outputs.py"
    assert {name: about["description"] for name, about in ACTION["outputs"].items()} == {
        name: output.description for name, output in OUTPUTS.items()
    }


def test_every_output_has_a_description() -> None:
    assert [name for name, output in OUTPUTS.items() if not output.description] == []


def test_every_kind_of_failure_has_its_hint_and_is_documented() -> None:
    kinds = set(FailureKind.__args__)  # type: ignore[attr-defined]
    assert set(HINTS) == kinds
    documented = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [kind for kind in kinds if f"`{kind}`" not in documented] == []


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


@pytest.mark.parametrize("example", ["minimal", "budgets", "manual-run", "gpu"])
def test_example_workflow_has_known_inputs_only(example: str) -> None:
    workflow = yaml.safe_load((ROOT / "docs" / "examples" / f"{example}.yml").read_text())
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    given = [set(step["with"]) for step in steps if "model-complexity" in step.get("uses", "")]
    assert [inputs - set(ACTION["inputs"]) for inputs in given] == [set()]


def test_example_policy_is_valid() -> None:
    policy = parse_policy((ROOT / "docs" / "examples" / "policy.yml").read_bytes())
    assert [(budget.metric, budget.level) for budget in policy.budgets] == [
        ("flops", "fail"),
        ("flops", "fail"),
        ("params", "warn"),
    ]


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_link_between_pages_leads_to_a_file_and_a_heading() -> None:
    pages = [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / ".github").glob("*.md"),
    ]
    links = [
        (page, target)
        for page in pages
        for target in re.findall(r"\]\(([^()\s]+)\)", page.read_text())
        if not target.startswith("https://")
    ]
    assert len(links) > 50
    broken = []
    for page, target in links:
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors_of(file)):
            broken.append(f"{page.name}: {target}")
    assert broken == []


def test_the_two_commands_exist() -> None:
    for command in re.findall(r"^(scripts/\w+)", README, re.MULTILINE):
        assert (ROOT / command).stat().st_mode & 0o111, command
