"""Globs of the input `configs`."""

import random
import re
import time

import pytest

from model_complexity.discover import Patterns, is_base
from model_complexity.errors import ActionError


@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("", ["configs/a.py", "configs/x/a.py", "p/configs/a.py", "a/b/configs/c/d.py"], ["configs", "a.py", "myconfigs/a.py"]),
        ("configs/**", ["configs/a.py", "configs/x/y/a.py"], ["configs", "x/configs/a.py"]),
        ("configs/*.py", ["configs/a.py", "configs/.py"], ["configs/x/a.py", "configs/a.json"]),
        ("configs/**/a.py", ["configs/a.py", "configs/x/a.py", "configs/x/y/a.py"], ["configs/x/b.py", "a.py"]),
        ("a?.py", ["ab.py", "x/ac.py"], ["a.py", "abc.py"]),
        ("/a.py", ["a.py"], ["x/a.py"]),
        ("resnet[0-9].py", ["resnet5.py"], ["resnet.py", "resnetx.py"]),
        ("r[!0-9].py,q[^a].py", ["rx.py", "qb.py"], ["r5.py", "qa.py"]),
        ("configs/resnet", ["configs/resnet/a.py", "configs/resnet/x/a.py", "configs/resnet"], ["configs/resnet2/a.py"]),
        ("configs/resnet/", ["configs/resnet/a.py"], ["configs/resnet", "x/configs/resnet/a.py"]),
        ("resnet/", ["resnet/a.py", "x/resnet/a.py"], ["resnet"]),
        ("a/**/b/**/c.py", ["a/b/c.py", "a/x/b/y/z/c.py", "a/b/b/c.py"], ["a/c.py", "a/x/c.py"]),
        ("configs/a\nb.py", ["configs/a/x.py", "b.py"], ["configs/c.py"]),
        ("configs/**\n!configs/old/**", ["configs/a.py"], ["configs/old/a.py"]),
        ("configs/**, !configs/old/**, configs/old/keep.py", ["configs/old/keep.py"], ["configs/old/a.py"]),
        ("!configs/old/**", ["configs/a.py", "p/configs/a.py"], ["configs/old/a.py"]),
    ],
)  # fmt: skip
def test_patterns_match_paths(text: str, yes: list[str], no: list[str]) -> None:
    patterns = Patterns.parse(text)
    assert [path for path in [*yes, *no] if patterns.matches(path)] == yes


@pytest.mark.parametrize(
    "text",
    ["!", "/", "a[b", "[a,b].py", "a//b", "../a", "./a", "a\\b", "{a}", "a\x07b", "x" * 1001, "a.py\n" * 201],
)
def test_malformed_pattern_names_the_input(text: str) -> None:
    with pytest.raises(ActionError, match="`configs`"):
        Patterns.parse(text)


def test_double_star_agrees_with_a_regular_expression() -> None:
    choose = random.Random(1)  # noqa: S311
    for _ in range(3_000):
        names = ["top", *choose.choices(["**", "a", "b"], k=choose.randint(1, 5))]
        path = "/".join(["top", *choose.choices("ab", k=choose.randint(0, 6))])
        middle = "".join("(?:/[^/]+)*" if name == "**" else f"/{name}" for name in names[1:-1])
        end = "(?:/[^/]+)+" if names[-1] == "**" else f"/{names[-1]}(?:/.+)?"
        expected = re.fullmatch(f"top{middle}{end}", path) is not None
        assert Patterns.parse("/".join(names)).matches(path) == expected, (names, path)


def test_hostile_path_is_matched_in_bounded_time() -> None:
    patterns = Patterns.parse("**/a/**/a/**/a/**/*a*a*a*a*a*a*b")
    started = time.perf_counter()
    assert not patterns.matches("a/" * 1_000 + "a" * 200)
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("_base_/a.py", True),
        ("configs/_base_/models/a.py", True),
        ("configs/_base_.py", False),
        ("my_base_/a.py", False),
    ],
)
def test_is_base_depends_on_the_folder(path: str, expected: bool) -> None:
    assert is_base(path) is expected


def test_patterns_select_no_base_and_no_package_file() -> None:
    paths = ["configs/a.py", "configs/__init__.py", "configs/README.md", "configs/_base_/a.py", "configs/a.yml"]
    assert [path for path in paths if Patterns().selects(path)] == ["configs/a.py", "configs/a.yml"]
