"""Parse policy files: valid ones, and issues that name line, column and field."""

from __future__ import annotations

import re
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_complexity.common.metrics import METRICS
from model_complexity.policy import Policy, PolicyError, PolicyIssue, parse_policy
from model_complexity.policy.yaml_document import MAX_BYTES

WHOLE = """\
include: [configs/**, "projects/*"]
exclude: configs/old/**
shapes: auto
shapes-for:
  - configs: [configs/vit/**, "!configs/vit/tiny.py"]
    shapes: [224, 384x512, points=40000x4]
budgets:
  - configs: configs/vit/**
    metric: flops
    max: 1.5G
    max-increase: 0.5%
    shapes: "224"
  - {metric: params, max: 20000, level: warn}
ignore:
  - configs: configs/vit/huge.py
    metric: flops
    reason: on
max-configs: 50
timeout: "600"
jobs: 0
deploy: true
"""


def issues(text: str | bytes) -> list[str]:
    with pytest.raises(PolicyError) as raised:
        parse_policy(text.encode() if isinstance(text, str) else text)
    return [str(issue) for issue in raised.value.issues]


def test_complete_policy_is_parsed() -> None:
    policy = parse_policy(WHOLE.encode())
    assert (policy.include, policy.exclude) == (("configs/**", "projects/*"), ("configs/old/**",))
    assert (policy.max_configs, policy.timeout, policy.jobs, policy.deploy) == (50, 600, 0, True)
    assert policy.shapes_of("configs/vit/a.py", ()) == ((3, 224, 224), (3, 384, 512), "points=40000x4")
    assert policy.shapes_of("configs/vit/tiny.py", ()) == ("auto",)
    flops, params = policy.budgets
    assert flops.max
    assert flops.max_increase
    assert (flops.max.text, flops.max.value, flops.level) == ("1.5G", 1_500_000_000, "fail")
    assert (flops.max_increase.text, flops.max_increase.fraction) == ("0.5%", Fraction(1, 200))
    assert flops.shapes == ((3, 224, 224),)
    assert params.max
    assert (params.configs, params.max.value, params.level) == (("**",), 20_000, "warn")
    assert policy.reason_to_ignore("configs/vit/huge.py", "flops") == "on", "a string, though YAML 1.1 reads it as true"
    assert policy.reason_to_ignore("configs/vit/huge.py", "params") is None


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "~", "{}", "---\n...\n", "\ufeff# with a mark\n"])
def test_empty_file_is_an_empty_policy(text: str) -> None:
    assert parse_policy(text.encode()) == Policy()


def test_last_matching_rule_sets_the_shapes() -> None:
    rules = "shapes-for: [{configs: a/**, shapes: 32}, {configs: a/b.py, shapes: 64}]"
    policy = parse_policy(rules.encode())
    assert [policy.shapes_of(path, ("auto",)) for path in ("a/b.py", "a/c.py", "c.py")] == [
        ((3, 64, 64),),
        ((3, 32, 32),),
        ("auto",),
    ]


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        ("budget: []", "line 1, column 1: budget: unknown field. Did you mean `budgets`?"),
        ("x: 1", "line 1, column 1: x: unknown field. The fields are include, exclude, shapes, shapes-for,"),
        (
            "budgets:\n  - metric: flops\n    max: 5 GB",
            "line 3, column 10: budgets[0].max: '5 GB' is not an amount, such as 5G: ",
        ),
        (
            "budgets: [{metric: flops, max: 5g}]",
            "budgets[0].max: '5g' is not an amount, such as 5G: a number without leading zeros",
        ),
        ("budgets: [{metric: flops, max: 5g}]", "then K, M, G, T, P or nothing. Did you mean 5G?"),
        ("budgets: [{metric: flops, max: 5_000}]", "'5_000' is not an amount"),
        ("budgets: [{metric: flops, max: 010}]", "'010' is not an amount, such as 5G: a number without leading zeros"),
        ("budgets: [{metric: flops, max: 1:30}]", "'1:30' is not an amount"),
        ("budgets: [{metric: flops, max: -1}]", "'-1' is not an amount"),
        ("budgets: [{metric: flops, max: 9999999999P}]", "is more than the largest count, 9,223,372,036,854,775,807"),
        ("budgets: [{metric: flops, max: [5G]}]", "line 1, column 32: budgets[0].max: is not an amount"),
        ("budgets: [{metric: flops, max-increase: 3}]", "'3' is not a percentage, such as 3%. Did you mean 3%?"),
        ("budgets: [{metric: flop, max: 1}]", f"'flop' is not one of {', '.join(METRICS)}. Did you mean `flops`?"),
        ("budgets: [{metric: flops, max: 1, level: yes}]", "budgets[0].level: 'yes' is not one of warn, fail"),
        ("budgets: [{metric: flops}]", "budgets[0]: has no limit. Set `max`, `max-increase` or both"),
        ("budgets: [{max: 1}]", "line 1, column 11: budgets[0].metric: is missing"),
        (
            "budgets:\n  - metric: flops\n    max:\n",
            "line 3, column 9: budgets[0].max: has no value. Set one or remove the field",
        ),
        ("budgets: {metric: flops}", "line 1, column 10: budgets: is not a list"),
        ("budgets: [flops]", "budgets[0]: is not a mapping"),
        ("ignore: [{configs: a.py}]", "ignore[0].reason: is missing"),
        ("ignore: [{configs: a.py, reason: ''}]", "ignore[0].reason: is empty"),
        ("ignore: [{configs: a.py, reason: x, metric: mem}]", "ignore[0].metric: 'mem' is not one of flops, params"),
        ("include: ['!a']", "include[0]: the pattern '!a' starts with !. Move the glob to `exclude`"),
        ("include: [a//b]", "include[0]: the pattern 'a//b' has an empty folder name"),
        ("include: 'a,b'", "include[0]: the pattern 'a,b' has a comma. Write a list, one glob per item"),
        ("include: []", "include: is an empty list"),
        ("include: *.py", "Put a glob that starts with * in quotes"),
        ("include: **/a", "line 1, column 11: not YAML: "),
        ("include: **/a", "Put a glob that starts with * in quotes"),
        ("include: !a/b x", "include: tags (!) are not supported. Put a glob in quotes"),
        ("shapes: 0", "shapes[0]: '0' is not a side of an image"),
        ("shapes: 0224", "shapes[0]: '0224' has a number with a leading zero"),
        ("shapes: [[224, 384]]", "shapes[0]: is not a shape. Write height and width as 384x512"),
        ("max-configs: 0", "line 1, column 14: max-configs: is less than 1"),
        ("max-configs: 1001", "max-configs: is more than 1000"),
        ("timeout: 0o10", "timeout: '0o10' is not a whole number without leading zeros"),
        ("deploy: yes", "deploy: 'yes' is neither true nor false"),
        ("jobs: true", "jobs: 'true' is not a whole number without leading zeros"),
        ("jobs: 1\njobs: 2", "line 2, column 1: jobs: is set twice"),
        ("- a", "line 1, column 1: a policy is a mapping of fields"),
        ("jobs: 1\n---\njobs: 2", "line 2, column 1: a second document starts here. Remove it"),
        ("a: &x 1", "line 1, column 4: a: anchors and aliases (& and *) are not supported"),
        ("<<: *x", "line 1, column 5: <<: anchors and aliases (& and *) are not supported"),
        ("x: !!python/object/apply:os.system [id]", "x: tags (!) are not supported"),
        ("? [a]\n: b", "a key must be a name"),
        ("a: [[[[[[[[[[1]]]]]]]]]]", "a: is nested too deeply"),
        ("a: 'b", "line 1, column 6: not YAML: found unexpected end of stream"),
        ("a: b\n\tc: d", "line 2, column 1: not YAML: "),
        ('a: "\\U99999999"', "not YAML: invalid Unicode escape"),
        ("a: 1\nb: \x07", "line 2, column 1: not YAML: the file has a character that is not allowed"),
    ],
)
def test_issue_names_line_column_and_field(text: str, issue: str) -> None:
    assert issue in "\n".join(issues(text))


def test_file_is_refused_when_not_utf8_or_too_large() -> None:
    assert issues(b"a: 1\nb: \xff\n") == ["line 2, column 1: the file is not UTF-8"]
    assert issues(b"#" * (MAX_BYTES + 1)) == ["line 1, column 1: the file is larger than 65,536 bytes"]


def test_first_ten_issues_are_in_the_order_of_the_file() -> None:
    lines = issues("budgets:\n" + "  - {metric: flop, max: 1}\n" * 12)
    assert [line.split(":")[0] for line in lines] == [f"line {number}, column 14" for number in range(2, 12)]


def test_deep_or_wide_file_is_refused_quickly() -> None:
    started = time.process_time()
    assert "is nested too deeply" in issues("a: " + "[" * 60_000)[0]
    assert len(issues("budgets: [" + "{}," * 20_000 + "]")) == 10
    assert len(issues("a: " + "- " * 30_000)) == 1
    assert time.process_time() - started < 20


@given(
    st.binary(max_size=200)
    | st.text(alphabet="abflopsmx:-[]{}&*!|>'\"#%@`, \n\t0123456789", max_size=200).map(str.encode)
)
def test_any_bytes_are_a_policy_or_a_policy_error(content: bytes) -> None:
    found: tuple[PolicyIssue, ...] = ()
    try:
        parse_policy(content)
    except PolicyError as error:
        found = error.issues
    lines = len(re.split("\r\n|[\r\n\x85\u2028\u2029]", content.decode("utf-8", "replace")))
    assert all(1 <= issue.line <= lines and issue.column >= 1 for issue in found)
