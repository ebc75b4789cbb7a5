"""The references of one config."""

import time

import pytest

from model_complexity.discover.references import Contents, Reference, fill_templates, read_references

FILE = "configs/net/a.py"


def bases(path: str, text: str) -> tuple[str, ...]:
    contents = read_references(path, text)
    assert contents.warnings == ()
    return tuple(reference.path for reference in contents.references)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("_base_ = './b.py'", ["configs/net/b.py"]),
        ("_base_ = ['../_base_/m.py', 'b.py', './b.py']", ["configs/_base_/m.py", "configs/net/b.py"]),
        ("_base_ = ('b.py', 'c.py')", ["configs/net/b.py", "configs/net/c.py"]),
        ("_base_ = ['b'\n  '.py']", ["configs/net/b.py"]),
        ("_base_: list = ['b.py']", ["configs/net/b.py"]),
        ("_base_ = []", []),
        ("x = dict(_base_='b.py')", []),
        ("def f():\n    _base_ = g()", []),
        ("# _base_ = 'b.py'\nx = '_base_'", []),
        ("_base_ = '{{fileDirname}}/b.py'", ["configs/net/b.py"]),
        ("_base_ = '{{ fileDirname }}/../b.py'", ["configs/b.py"]),
        ("_base_ = '{{fileBasenameNoExtension}}_b{{fileExtname}}'", ["configs/net/a_b.py"]),
        ("_base_ = 'x_{{ fileBasename }}'", ["configs/net/x_a.py"]),
        ("_base_ = '{{$MODEL:b.py}}'", ["configs/net/b.py"]),
        ("_base_ = 'b.py'\nn = {{'$N:80'}}\nm = {{_base_.model.0.size}}\ns = {{ $S : 1 }}", ["configs/net/b.py"]),
        ("\n_base_ = 'b.py'\nraw = '\\d'", ["configs/net/b.py"]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*invalid escape sequence:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*invalid escape sequence:SyntaxWarning")
def test_python_literal_is_a_reference(text: str, expected: list[str]) -> None:
    assert bases(FILE, text) == tuple(expected)


@pytest.mark.parametrize(
    ("text", "reason", "expected"),
    [
        ("_base_ = exec('raise SystemExit')", "contains a call", []),
        ("_base_ = ['b.py', f()]", "contains a call", ["configs/net/b.py"]),
        ("_base_ = './b' + '.py'", "contains an operator", []),
        ("x = 'b.py'\n_base_ = x", "contains a name", []),
        ("_base_ = f'{1}.py'", "contains an f-string", []),
        ("_base_ = ['b.py', *more]", "contains an unpacking", ["configs/net/b.py"]),
        ("_base_ = 3", "contains a value that is not a string", []),
        ("if True:\n    _base_ = 'b.py'", "is assigned inside a block", []),
        ("try:\n    pass\nexcept E:\n    _base_ = 'b.py'", "is assigned inside a block", []),
        ("match 1:\n    case _:\n        _base_ = 'b.py'", "is assigned inside a block", []),
        ("_base_ = ['b.py']\n_base_ += ['c.py']", "is unpacked or extended", ["configs/net/b.py"]),
        ("_base_, x = 'b.py', 1", "is unpacked or extended", []),
    ],
)
def test_base_that_is_no_literal_has_a_warning(text: str, reason: str, expected: list[str]) -> None:
    message = f"the bases of a.py cannot be read without running it: `_base_` {reason}"
    assert read_references(FILE, text) == Contents(tuple(map(Reference, expected)), (message,))


def test_imports_of_read_base_blocks_are_references() -> None:
    text = """
from mmengine.config import read_base
with read_base():
    from .b import *
    from .._base_.m import a as z
    if True:
        from ..c.d import e
if x:
    with config.read_base():
        from . import f, g
        from .._base_ import h, i
        from pkg.configs.j import *
        import pkg.configs.k
from .not_a_base import l
with other():
    from .not_a_base import m
"""
    assert read_references(FILE, text) == Contents(
        (
            Reference("configs/net/b.py", ("configs/net/b/__init__.py",)),
            Reference("configs/_base_/m.py", ("configs/_base_/m/a.py", "configs/_base_/m/__init__.py")),
            Reference("configs/c/d.py", ("configs/c/d/e.py", "configs/c/d/__init__.py")),
            Reference("configs/net/f.py", ("configs/net/f/__init__.py",)),
            Reference("configs/net/g.py", ("configs/net/g/__init__.py",)),
            Reference("configs/_base_.py", ("configs/_base_/h.py", "configs/_base_/i.py", "configs/_base_/__init__.py")),
            Reference("pkg/configs/j.py", ("pkg/configs/j/__init__.py",), "pkg"),
            Reference("pkg/configs/k.py", ("pkg/configs/k/__init__.py",), "pkg"),
        )
    )  # fmt: skip


def test_import_from_outside_the_repository_has_a_warning() -> None:
    block = "with read_base():\n    "
    assert bases(FILE, f"{block}from ...top import *") == ("top.py",)
    assert bases("a.py", f"{block}from .b import *") == ("b.py",)
    assert read_references(FILE, f"{block}from ....top import *").warnings == (
        "a.py imports a base from outside the repository",
    )


def test_base_of_a_package_has_its_package() -> None:
    assert read_references(FILE, "_base_ = 'mmdet::x/y.py'") == Contents(
        (Reference("configs/x/y.py", package="mmdet"),)
    )
    assert read_references(FILE, "_base_ = 'a::b::c.py'").warnings == ("a.py names a malformed base: a::b::c.py",)


@pytest.mark.parametrize("base", ["../../../x.py", "/etc/x.py", "../..", "a\\0.py", "\\ud800.py", "x" * 5_000])
def test_base_that_is_no_path_in_the_repository_has_a_warning(base: str) -> None:
    contents = read_references(FILE, f"_base_ = '{base}'")
    assert contents.references == ()
    assert [warning[:53] for warning in contents.warnings] == [
        "a.py names a base that is not a path in the repository: "[:53]
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("_base_ = 'b.py'\nx = (", "a.py is not valid Python in line 2: '(' was never closed"),
        ("_base_ = 'b.py'\nx = " + "-" * 200_000 + "1", "a.py is not valid Python: Python's parser cannot read it"),
        ("_base_ = '{{x}}'" * 1_001, "a.py has more than 1,000 templates, so its bases were not read"),
    ],
)
def test_text_that_cannot_be_parsed_has_a_warning(text: str, message: str) -> None:
    assert read_references(FILE, text) == Contents(warnings=(message,))


def test_display_name_is_one_line() -> None:
    contents = read_references("configs/a\n\udcff" + "x" * 200 + ".py", "_base_ = f()")
    assert contents.warnings[0].startswith(f"the bases of a\ufffd\ufffd{'x' * 96}… cannot be read")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("configs/net/a.json", '{"_base_": ["../b.py", "c.json"]}', ["configs/b.py", "configs/net/c.json"]),
        ("configs/net/a.json", '{"_base_": "{{fileDirname}}/b.json", "n": {{_base_.x}}}', ["configs/net/b.json"]),
        ("a.yaml", "_base_: ['{{fileDirname}}/b.yaml', c.json]", ["b.yaml", "c.json"]),
        ("a.yml", "_base_: {{fileDirname}}/b.yaml\nn: {{_base_.x}}", ["b.yaml"]),
    ],
)
def test_references_of_data_are_paths_in_the_repository(path: str, text: str, expected: list[str]) -> None:
    assert bases(path, text) == tuple(expected)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.json", '{"_base_": }', Contents(warnings=("a.json is not JSON: Expecting value in line 1",))),
        (
            "a.yml",
            "_base_: [}",
            Contents(warnings=("a.yml is not YAML: did not find expected node content in line 1",)),
        ),
        ("metafile.yml", "Models:\n  - model: x", Contents(is_config=False)),
    ],
)
def test_references_of_data_name_the_file_that_cannot_be_read(path: str, text: str, expected: Contents) -> None:
    assert read_references(path, text) == expected


@pytest.mark.parametrize(
    "text",
    ["_base_ = [" + "".join(f"'{number}.py'," for number in range(1_001)) + "]",
     "with read_base():\n    from . import " + ",".join(f"n{number}" for number in range(1_001))],
)  # fmt: skip
def test_bases_beyond_the_limit_have_a_warning(text: str) -> None:
    contents = read_references(FILE, text)
    assert len(contents.references) == 1_000
    assert contents.warnings == ("a.py names more than 1,000 bases, so the rest was not read",)


@pytest.mark.parametrize("between", [".", " . ", ".\\\n", ".\f", ".\\\r\n"])
def test_import_of_many_dots_is_not_parsed(between: str) -> None:
    # Python's parser copies the name at each dot: 1 MB of them would take hundreds of GB
    text = f"_base_ = 'b.py'\nfrom {between.join('a' * 2_000)} import b"
    message = "a.py is not valid Python: an import has too many dots"
    assert read_references(FILE, text) == Contents(warnings=(message,))


def test_long_line_of_numbers_is_parsed() -> None:
    assert bases(FILE, f"_base_ = 'b.py'\nmean = [{'0.5, ' * 20_000}]\nimport a") == ("configs/net/b.py",)
    assert bases(FILE, f"_base_ = 'b.py'\nx = [{'{1: 2}, ' * 20_000}]") == ("configs/net/b.py",)


def test_module_with_a_long_name_has_a_warning() -> None:
    text = f"with read_base():\n    from .{'a' * 1_001} import {','.join(f'c{number}' for number in range(900))}"
    assert read_references(FILE, text) == Contents(
        warnings=(f"a.py names a base that is not a path in the repository: {'a' * 99}…",)
    )


@pytest.mark.parametrize(
    ("value", "filled"),
    [("{{$A:b}}", "b"), ("{{ $A : 'b' }}", "'b'"), ("{{'$A:b'}}", "b"), ('{{"$A: b "}}', "b"), ("{{$A:}}", ""),
     ("{{$A: }}", ""), ("{{'$A:'}}", ""), ("{{'$A: '}}", ""), ("{{$A:'b''}}", "'b'"), ("{{$A:b'' }}", "b''"),
     ("{{$A:b c}}", "{{$A:b c}}")],
)  # fmt: skip
def test_environment_variable_is_replaced_by_its_default(value: str, filled: str) -> None:
    assert fill_templates(FILE, value) == filled


@pytest.mark.parametrize(
    ("path", "text"),
    [("a.py", "_base_='x'#" + "{{ " + " " * 10**6),
     ("a.py", "_base_='x'#" + "{{$a:" * 900 + "x" * 10**6), ("a.py", "_base_='x'#" + "{{$a:" + " " * 10**6),
     ("a.py", "x = f'" + "{a}" * 330_000 + "'")],
)  # fmt: skip
def test_hostile_text_is_read_in_bounded_time(path: str, text: str) -> None:
    started = time.process_time()  # of this process: what else the machine does makes no difference
    read_references(path, text)
    assert time.process_time() - started < 10  # a quadratic reader takes minutes
