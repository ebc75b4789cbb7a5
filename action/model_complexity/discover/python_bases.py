"""The bases of a .py config: `_base_` literals and imports below `with read_base():`. Nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_NODE_NAMES: Final[dict[type[ast.AST], str]] = {
    ast.Call: "a call",
    ast.Name: "a name",
    ast.Attribute: "an attribute",
    ast.JoinedStr: "an f-string",
    ast.BinOp: "an operator",
    ast.IfExp: "a condition",
    ast.Subscript: "a subscript",
    ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
    ast.Starred: "an unpacking",
    ast.Constant: "a value that is not a string",
    ast.Dict: "a dict",
    ast.Set: "a set",
}
MAX_DOTS: Final = 1_000
"""The most dots on a line with an import. At each of them Python's parser copies the name so far."""
MAX_BRACES: Final = 5_000
"""The most opening braces of a file with an f-string. For each value Python 3.11 scans the whole string."""
_IMPORTS: Final = re.compile(r"\b(?:from|import)\b")
_F_STRING: Final = re.compile(r"[fF][rR]?['\"]")
_OWN_SCOPE: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Import:
    """``from <level dots><module> import <names>``; ``import <module>`` has no names."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class PythonBases:
    """The paths in ``_base_``, the imports in ``read_base()`` blocks, and why others are unresolved."""

    paths: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    unresolved: tuple[str, ...] = ()


def syntax_tree(text: str) -> ast.Module:
    """Parse a config without compiling or running it.

    Raises:
        SyntaxError: the text is not Python, or exceeds the parser's limits.
    """
    _require_linear_cost(text)
    try:
        return ast.parse(text)
    except (RecursionError, MemoryError, ValueError) as error:  # deep nesting or a null character
        raise SyntaxError("Python's parser cannot read it") from error


def python_bases(text: str) -> PythonBases:
    """Find the bases of a config.

    Raises:
        SyntaxError: the text is not Python, or exceeds the parser's limits.
    """
    statements = tuple(_statements(syntax_tree(text).body))
    paths: list[str] = []
    unresolved: list[str] = []
    for statement, nested in statements:
        for value in _base_values(statement):
            if nested:
                unresolved.append("is assigned inside a block")
            else:
                _sort_items(value, paths, unresolved)
    blocks = (statement for statement, _ in statements if _reads_base(statement))
    imports = tuple(imported for block in blocks for imported in _imports(block))
    return PythonBases(tuple(paths), tuple(dict.fromkeys(imports)), tuple(dict.fromkeys(unresolved)))


def _require_linear_cost(text: str) -> None:
    # For these inputs the parser's time or memory grows with the square of the text.
    joined = text.replace("\r\n", "\n").replace("\r", "\n").replace("\\\n", " ")
    if any(line.count(".") > MAX_DOTS and _IMPORTS.search(line) for line in joined.split("\n")):
        raise SyntaxError("an import has too many dots")
    if text.count("{") > MAX_BRACES and _F_STRING.search(text):
        raise SyntaxError("an f-string has too many values")


def _statements(body: Iterable[ast.stmt]) -> Iterator[tuple[ast.stmt, bool]]:
    """Yield each statement of the module's scope, in order, and whether it is nested."""
    stack: list[tuple[ast.stmt, bool]] = [(statement, False) for statement in reversed(list(body))]
    while stack:
        statement, nested = stack.pop()
        yield statement, nested
        if not isinstance(statement, _OWN_SCOPE):
            stack.extend((inner, True) for inner in reversed(list(_nested_statements(statement))))


def _nested_statements(statement: ast.stmt) -> Iterator[ast.stmt]:
    for block in ("body", "handlers", "cases", "orelse", "finalbody"):
        for inner in getattr(statement, block, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            else:  # an except clause or a case
                yield from inner.body


def _base_values(statement: ast.stmt) -> Iterator[ast.expr | None]:
    """Yield the values that are assigned to ``_base_``, None for one that is not a single expression."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Name) and target.id == "_base_":
                yield statement.value
            elif isinstance(target, (ast.Tuple, ast.List)) and any(_is_base(item) for item in target.elts):
                yield None
    elif isinstance(statement, ast.AnnAssign) and _is_base(statement.target) and statement.value is not None:
        yield statement.value
    elif isinstance(statement, ast.AugAssign) and _is_base(statement.target):
        yield None


def _is_base(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "_base_"


def _sort_items(value: ast.expr | None, paths: list[str], unresolved: list[str]) -> None:
    if value is None:
        unresolved.append("is unpacked or extended")
        return
    for item in value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            paths.append(item.value)
        else:
            unresolved.append(f"contains {_NODE_NAMES.get(type(item), 'an expression')}")


def _reads_base(statement: ast.stmt) -> bool:
    if not isinstance(statement, (ast.With, ast.AsyncWith)):
        return False
    calls = (item.context_expr for item in statement.items if isinstance(item.context_expr, ast.Call))
    return any("read_base" in {getattr(call.func, "id", ""), getattr(call.func, "attr", "")} for call in calls)


def _imports(block: ast.stmt) -> Iterator[Import]:
    for statement, _ in _statements(_nested_statements(block)):
        if isinstance(statement, ast.ImportFrom):
            yield Import(statement.module or "", statement.level, tuple(name.name for name in statement.names))
        elif isinstance(statement, ast.Import):
            yield from (Import(name.name, 0, ()) for name in statement.names)
