"""The line of a config's `model`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_complexity.discover import model_line


@pytest.mark.parametrize(
    ("path", "text", "line"),
    [
        ("a.py", "_base_ = 'x.py'\n\nmodel = dict(\n    type='Net',\n)\n", 3),
        ("a.py", "a = 1\nmodel: dict = dict()\nmodel = 2\n", 2),
        (
            "a.py",
            "from mmengine import read_base\nwith read_base():\n    from .x import *\nmodel.update(dict(a=1))\n",
            4,
        ),
        ("a.py", "x = 1\nmodel['head']['classes'] = 3\n", 2),
        ("a.py", "x = 1\nmodel.head.classes += 3\n", 2),
        ("a.py", "models = 1\nother.model = 2\nif x:\n    model = 3\n", 1),
        ("a.py", "_base_ = 'x.py'\n", 1),
        ("a.py", "x = 1\nmodel = (\n", 1),
        ("a.py", "", 1),
        ("a.py", "\ufeff\nmodel = 1\n", 2),
        ("a.py", "x\x00\nmodel = 1\n", 1),
        ("a.yaml", "_base_: x.yaml\n# model: no\ntrain:\n  model: no\nmodel:\n  type: Net\n", 5),
        ("a.yml", 'x: 1\r\n"model": {type: Net}\r\n', 2),
        ("a.yml", "x: 1\nmodels: 2\nmodel:x\n", 1),
        ("a.yaml", '{\n"model": {}}', 2),
        ("a.json", '{\n "a": {"model": 1},\n "b": ["model"],\n "c": "model",\n "model" : {}\n}', 5),
        ("a.json", '{\n "a": "\\"\n\\n}",\n "model": 1}', 4),
        ("a.json", "[]", 1),
    ],
)
def test_model_line_is_the_first_assignment_or_key(path: str, text: str, line: int) -> None:
    assert model_line(path, text.encode()) == line


@given(st.sampled_from(["a.py", "a.json", "a.yaml"]), st.binary(max_size=300))
def test_model_line_exists_for_any_bytes(path: str, content: bytes) -> None:
    assert 1 <= model_line(path, content) <= 1 + content.count(b"\n") + content.count(b"\r") + content.count(b"\x0c")
