"""The line of a config's `model`, for annotations. The text is parsed, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from model_complexity.discover.python_bases import syntax_tree

_NAME: Final = "model"
_YAML_KEY: Final = re.compile(r"""(?:"model"|'model'|model)[ \t]*:(?:\s|$)""")
_JSON_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:]|\n', re.DOTALL)


def model_line(path: str, content: bytes) -> int:
    """Return the line of a config's top-level ``model``, 1 if none is found."""
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    if path.endswith(".py"):
        return _python_line(text)
    in_braces = path.endswith(".json") or text.lstrip().startswith("{")
    return _json_line(text) if in_braces else _yaml_line(text)


def _python_line(text: str) -> int:
    try:
        tree = syntax_tree(text)
    except SyntaxError:
        return 1
    return next((statement.lineno for statement in tree.body if _NAME in _names(statement)), 1)


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement assigns to, or calls a method of, as in ``model.update(...)``."""
    if isinstance(statement, ast.Assign):
        yield from map(_root, statement.targets)
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign)):
        yield _root(statement.target)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield _root(statement.value.func)


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _yaml_line(text: str) -> int:
    lines = enumerate(re.split(r"\r\n|\r|\n", text), 1)
    return next((number for number, line in lines if _YAML_KEY.match(line)), 1)


def _json_line(text: str) -> int:
    line, depth, key = 1, 0, 0
    for token in _JSON_TOKEN.finditer(text):
        symbol = token[0]
        if symbol == ":" and key:
            return key
        if symbol != "\n":
            key = line if depth == 1 and symbol == f'"{_NAME}"' else 0
            depth += (symbol in "{[") - (symbol in "}]")
        line += symbol.count("\n")  # a string in YAML may span lines
    return 1
