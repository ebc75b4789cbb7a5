"""The JSON Schema: current, and equal to the parser on the examples in docs/ and on mistakes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from model_complexity.policy import Policy, PolicyError, parse_policy
from model_complexity.policy.schema import policy_schema, policy_schema_text

ROOT = Path(__file__).parents[3]
DOCS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCKS = [block for path in DOCS for block in re.findall(r"```yaml\n(.*?)```", path.read_text(), re.DOTALL)]
FIELDS = {str(field.alias) for field in Policy.model_fields.values()}
LOADED = [(block, yaml.safe_load(block)) for block in BLOCKS]
EXAMPLES = [
    block
    for block, data in LOADED
    if isinstance(data, dict)
    and FIELDS & data.keys()
    and True not in data  # the `on` of a workflow, which has `jobs` too
]
VALIDATOR = Draft202012Validator(policy_schema())


def test_committed_schema_is_current() -> None:
    committed = (ROOT / "docs" / "model-complexity.schema.json").read_text()
    assert committed == policy_schema_text(), "run scripts/generate"
    Draft202012Validator.check_schema(json.loads(committed))


def test_every_example_in_the_docs_is_valid() -> None:
    assert len(EXAMPLES) >= 2
    for example in EXAMPLES:
        parse_policy(example.encode())
        VALIDATOR.validate(yaml.safe_load(example))


def test_complete_example_and_docs_have_every_field() -> None:
    page = (ROOT / "docs" / "policy.md").read_text()
    (complete,) = [yaml.safe_load(example) for example in EXAMPLES if len(yaml.safe_load(example)) == len(FIELDS)]
    parts = [complete, *(part for key in ("shapes-for", "budgets", "ignore") for part in complete[key])]
    schema = policy_schema()
    fields = {name for part in (schema, *schema["$defs"].values()) for name in part["properties"]}
    assert fields == {name for part in parts for name in part}
    assert [
        name for name in fields if not re.search(rf"^\| `{name}` \|", page, re.MULTILINE) and name != "reason"
    ] == []


def test_every_field_of_the_schema_has_a_description() -> None:
    schema = policy_schema()
    for part in (schema, *schema["$defs"].values()):
        assert part["description"]
        assert all(about["description"] for about in part["properties"].values())


@pytest.mark.parametrize(
    "text",
    [
        "budget: []",
        "budgets: [{metric: flops}]",
        "budgets: [{max: 5G}]",
        "budgets: [{metric: flop, max: 5G}]",
        "budgets: [{metric: flops, max: 5 GB}]",
        "budgets: [{metric: flops, max: 5g}]",
        "budgets: [{metric: flops, max: -5}]",
        "budgets: [{metric: flops, max: null}]",
        "budgets: [{metric: flops, max-increase: 3}]",
        "budgets: [{metric: flops, max: 5G, level: error}]",
        "budgets: {metric: flops, max: 5G}",
        "ignore: [{configs: a.py}]",
        "ignore: [{reason: because}]",
        "ignore: [{configs: a.py, reason: ''}]",
        "include: []",
        "include: ['!a']",
        "include: 'a,b'",
        "include: 'a\\b'",
        "shapes: [[224, 384]]",
        "shapes: 0",
        "shapes: large",
        "shapes-for: [{shapes: 224}]",
        "max-configs: 0",
        "timeout: soon",
        "jobs: -1",
        "deploy: 1",
        "deploy: perhaps",
        "[]",
    ],
)
def test_schema_and_parser_refuse_the_same_mistakes(text: str) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(text))
    with pytest.raises(PolicyError):
        parse_policy(text.encode())


GLOBS = st.sampled_from(["configs/**", "a.py", "[ab]*/x?.py", "*.json"])
SHAPES = st.sampled_from(["auto", 224, "224", "224x384", "224 384", "points=40000x4", "img=3x224x224 tokens=77:int"])


def one_or_more(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return one | st.lists(one, min_size=1, max_size=3)


LIMITS = {
    "max": st.integers(0, 10**15) | st.sampled_from(["5G", "1.5M", "0", "20000", "0.25T", "3P"]),
    "max-increase": st.sampled_from(["3%", "0%", "0.125%", "100000%"]),
}
MORE = {"configs": one_or_more(GLOBS), "shapes": one_or_more(SHAPES), "level": st.sampled_from(["warn", "fail"])}
METRICS = st.sampled_from(["flops", "params", "activations"])
BUDGETS = st.one_of(
    st.fixed_dictionaries(
        {"metric": METRICS, name: limit}, optional=MORE | {other: LIMITS[other] for other in LIMITS if other != name}
    )
    for name, limit in LIMITS.items()
)
RULES = {
    "include": one_or_more(GLOBS),
    "exclude": one_or_more(GLOBS),
    "shapes": one_or_more(SHAPES),
    "shapes-for": st.lists(
        st.fixed_dictionaries({"configs": one_or_more(GLOBS), "shapes": one_or_more(SHAPES)}), max_size=3
    ),
    "budgets": st.lists(BUDGETS, max_size=3),
    "ignore": st.lists(
        st.fixed_dictionaries({"configs": one_or_more(GLOBS), "reason": st.just("why")}, optional={"metric": METRICS}),
        max_size=3,
    ),
    "max-configs": st.integers(1, 1_000),
    "timeout": st.integers(1, 86_400),
    "jobs": st.integers(0, 256),
    "deploy": st.booleans(),
}


@given(st.fixed_dictionaries({}, optional=RULES))
def test_schema_and_parser_accept_the_same_policies(data: dict[str, Any]) -> None:
    VALIDATOR.validate(data)
    parse_policy(yaml.safe_dump(data).encode())
