"""The bases that one .json or .yaml file names."""

import time

import pytest
import yaml

from model_complexity.discover import yaml_bases as module
from model_complexity.discover.yaml_bases import DataConfig, json_bases, yaml_bases

NOT_PATHS = "that is not a path or a list of paths"


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def _each_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADER", getattr(yaml, request.param))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"_base_": "b.json"}', ["b.json"]),
        ('{"_base_": ["../b.py", "c.json"], "model": {}}', ["../b.py", "c.json"]),
        ('{"model": {}}', []),
    ],
)
def test_json_bases_are_a_path_or_a_list_of_paths(text: str, expected: list[str]) -> None:
    assert json_bases(text) == DataConfig(is_config=True, bases=tuple(expected))


@pytest.mark.parametrize("text", ['{"images": 1}', '["model", "_base_"]'])
def test_json_without_a_top_level_key_is_no_config(text: str) -> None:
    assert json_bases(text) == DataConfig(is_config=False)


@pytest.mark.parametrize(
    ("text", "bases", "error"),
    [
        ('{"_base_": }', [], "is not JSON: Expecting value in line 1"),
        ('{"_base_": ["b.json", 3]}', ["b.json"], f"has a `_base_` {NOT_PATHS}"),
        ('{"_base_":' + "[" * 100_000, [], "is nested too deeply or has too long a number"),
    ],
)
def test_json_that_cannot_be_read_has_an_error(text: str, bases: list[str], error: str) -> None:
    assert json_bases(text) == DataConfig(is_config=True, bases=tuple(bases), error=error)


@pytest.mark.usefixtures("_each_loader")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_base_: ./b.yaml", ["./b.yaml"]),
        ("model:\n  x: 1\n_base_:   'it''s.yaml'  # a comment", ["it's.yaml"]),
        ('"_base_": "b.yaml"', ["b.yaml"]),
        ("---\n# c\n_base_: b#c.yaml # c\nx: 1", ["b#c.yaml"]),
        ("_base_: [a.yaml, 'b, c.yaml', \"d.yaml\"]", ["a.yaml", "b, c.yaml", "d.yaml"]),
        ("_base_: [\n  a.yaml, # first\n  b.yaml,\n]\nx: [1]", ["a.yaml", "b.yaml"]),
        ("_base_:\n- a.yaml\n# c\n\n- 'b.yaml'\nx:\n- c", ["a.yaml", "b.yaml"]),
        ("_base_: # c\n    - a.yaml # c\n    - \"b.yaml\"\n", ["a.yaml", "b.yaml"]),
        ("_base_: -a.yaml", ["-a.yaml"]),
        ("_base_:\r\n  - a.yaml\r\nx: 1\r\n", ["a.yaml"]),
        ("_base_: a.yaml\n_base_: b.yaml", ["b.yaml"]),
        ("_base_: []\n", []),
        ("_base_:\nx: 1", []),
        ("_base_: ~", []),
        ("_base_: [~, a.yaml]", ["a.yaml"]),
        ("model:\n  _base_: b.yaml", []),
        ('{"_base_": "b.yaml"}', ["b.yaml"]),
        ("{x: [1], _base_: [b.yaml],\n model: {}}", ["b.yaml"]),
        ("? [a, {b: c}]\n: d\n? _base_\n: b.yaml", ["b.yaml"]),
        ("x: &x [1]\ny: *x\n*x : 1\n_base_: &b b.yaml", ["b.yaml"]),
        ("_base_: !!str 3", ["3"]),
        ("_base_: '3'", ["3"]),
        ("_base_: |-\n  a.yaml\n", ["a.yaml"]),
        ("_base_:\n  a.yaml", ["a.yaml"]),
        ("_base_: a\n  b.yaml", ["a b.yaml"]),
        ("_base_:\n  - a\n    - b", ["a - b"]),
        ('_base_: "\\x41.yaml"', ["A.yaml"]),
        ("_base_: a.yaml\n---\n_base_: b.yaml", ["a.yaml"]),
        ("_base_: a.yaml\n...\n[", ["a.yaml"]),
    ],
)  # fmt: skip
def test_yaml_bases_are_a_path_or_a_list_of_paths(text: str, expected: list[str]) -> None:
    assert yaml_bases(text) == DataConfig(is_config=True, bases=tuple(expected))


@pytest.mark.usefixtures("_each_loader")
@pytest.mark.parametrize(
    "value",
    ["*anchor", "!!python/name:a.b", "!path a.yaml", "!!python/tuple [a.yaml]", "{a: b}", "[a, [b]]", "[a: b]",
     "[a, *b]", "3", "[a, 3]", "true", "1:30"],
)  # fmt: skip
def test_yaml_base_that_is_no_path_has_an_error(value: str) -> None:
    assert yaml_bases(f"x: 1\n_base_: {value}\ny: 2") == DataConfig(
        is_config=True, error=f"has a `_base_` in line 2 {NOT_PATHS}"
    )


@pytest.mark.usefixtures("_each_loader")
@pytest.mark.parametrize(
    ("text", "bases", "line"),
    [
        ("x: 1\n_base_: a: b\n", ["a"], 2),
        ("_base_: [a\ny: 2", [], 2),
        ("_base_: 'a' b\ny: 2", ["a"], 1),
        ("_base_: [a] b", ["a"], 1),
        ("_base_: a.yaml\nx: [}\n", ["a.yaml"], 2),
        ("{\n_base_: [a}", [], 2),
        ("x: [\n]]\nmodel: 1", [], 2),
        ("model: 1\n  x: 2", [], 2),
    ],
)
def test_config_that_is_not_yaml_has_an_error_and_the_bases_before_it(text: str, bases: list[str], line: int) -> None:
    found = yaml_bases(text)
    assert (found.is_config, found.bases, found.error[:13]) == (True, tuple(bases), "is not YAML: ")
    assert found.error.endswith(f" in line {line}")


@pytest.mark.usefixtures("_each_loader")
@pytest.mark.parametrize(("text", "error"), [
    ("_base_: a\x07", "is not YAML: a character is not allowed"),
    ("_base_: " + "[" * 200, "is nested more than 100 levels deep"),
    ("%TAG ! x\n" * 101 + "---\n_base_: a", "has more than 100 tag directives"),
])  # fmt: skip
def test_config_beyond_the_limits_has_an_error(text: str, error: str) -> None:
    assert yaml_bases(text) == DataConfig(is_config=True, error=error)


@pytest.mark.usefixtures("_each_loader")
@pytest.mark.parametrize(
    "text", ["", "# model: x", "Models:\n  - model: x", "models: 1", "- model", "model", "x: [", "a\x07", "*a : 1"]
)
def test_yaml_without_a_top_level_key_is_no_config(text: str) -> None:
    assert yaml_bases(text) == DataConfig(is_config=False)


@pytest.mark.usefixtures("_each_loader")
def test_yaml_escape_beyond_unicode_has_an_error() -> None:
    found = yaml_bases('_base_: "\\Uffffffff"')
    assert (found.is_config, found.bases, found.error[:13]) == (True, (), "is not YAML: ")


def test_yaml_without_libyaml_is_read_up_to_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADER", yaml.SafeLoader)
    text = "_base_: a.yaml\n#".ljust(module.MAX_PURE)
    assert yaml_bases(text) == DataConfig(is_config=True, bases=("a.yaml",))
    assert yaml_bases(f"{text} ") == DataConfig(
        is_config=True, error="is larger than 65,536 characters, the limit where PyYAML has no libyaml"
    )


@pytest.mark.parametrize("loader", ["CSafeLoader", "SafeLoader"])
@pytest.mark.parametrize(
    "text",
    ["[" * 10**6, "{a: " * 250_000, "- " * 500_000, "[\n" * 500_000, "\n" * 10**6 + "- ? " * 250_000,
     "[" * 99 + "a, " * 300_000, "&a " + "a" * 10**6, "&" + "a" * 10**6, "*" + "a" * 10**6, "!<" + "a" * 10**6,
     "['" + "a" * 10**6, "a" + " #" * 500_000, "|\n" + " a\n" * 300_000, "\n" + "_base_:\n" * 130_000,
     "\n" + "".join(f"- &a{number} a\n" for number in range(80_000)), "\n" + "- *a\n" * 200_000,
     "a\n" + "".join(f"%TAG !{number}! x\n" for number in range(60_000))],
    ids=lambda text: text[:9].strip(),
)  # fmt: skip
def test_hostile_yaml_is_read_in_bounded_time(text: str, loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOADER", getattr(yaml, loader))
    limit = module.MAX_PURE if loader == "SafeLoader" else 2**20
    started = time.process_time()  # of this process: what else the machine does makes no difference
    assert yaml_bases(f"_base_: {text}"[:limit]).is_config
    assert time.process_time() - started < 10  # a quadratic reader takes minutes
