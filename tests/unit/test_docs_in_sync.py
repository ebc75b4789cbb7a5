"""action.yml, README, docs and code hold the same list of inputs and outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from scripts.lib.generate import generate, read_files

from model_complexity import __version__
from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.common.metrics import METRICS
from model_complexity.policy import Policy, parse_policy
from model_complexity.publish.outputs import OUTPUTS
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


def test_action_yml_declares_every_output_with_its_description() -> None:
    assert {name: about["description"] for name, about in ACTION["outputs"].items()} == {
        name: output.description for name, output in OUTPUTS.items()
    }


def test_every_output_has_a_description() -> None:
    assert [name for name, output in OUTPUTS.items() if not output.description] == []


def test_docs_name_every_failure_kind() -> None:
    documented = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert [kind for kind in FAILURE_KINDS if f"`{kind}`" not in documented] == []


@pytest.mark.parametrize("page", ["policy", "glossary", "comment-templates"])
def test_docs_name_every_metric(page: str) -> None:
    documented = (ROOT / "docs" / f"{page}.md").read_text()
    assert [name for name in METRICS if f"`{name}`" not in documented] == []


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
