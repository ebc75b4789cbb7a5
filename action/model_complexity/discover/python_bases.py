"""The bases that a .py config names: `_base_` literals and the imports under `with read_base():`. Nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_KINDS: Final[dict[type[ast.AST], str]] = {
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
    ast.Constant: "something other than text",
    ast.Dict: "a dict",
    ast.Set: "a set",
}
MAX_DOTS: Final = 1_000
"""Dots on a line with an import; at each of them Python's parser copies the name so far."""
MAX_BRACES: Final = 5_000
"""Opening braces of a file with an f-string; for each of its values Python 3.11 looks through the whole string."""
_IMPORTS: Final = re.compile(r"\b(?:from|import)\b")
_F_STRING: Final = re.compile(r"[fF][rR]?['\"]")
_OWN_SCOPE: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Import:
    """One import of configs: ``from <level dots><module> import <names>``; a plain ``import a.b`` has no names."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class PythonBases:
    """``paths`` as written in ``_base_``, the ``imports`` of all ``read_base()`` blocks, and what could not be read."""

    paths: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    unresolved: tuple[str, ...] = ()


def syntax_tree(text: str) -> ast.Module:
    """Parses a config, without compiling or running it.

    Raises:
        SyntaxError: it is not Python, or Python's parser gives up on it.
    """
    _check_cost(text)
    try:
        return ast.parse(text)
    except (RecursionError, MemoryError, ValueError) as error:  # nested too deeply; a null character
        raise SyntaxError("Python's parser cannot read it") from error


def python_bases(text: str) -> PythonBases:
    """Finds the bases of a config.

    Raises:
        SyntaxError: it is not Python, or Python's parser gives up on it.
    """
    statements = tuple(_statements(syntax_tree(text).body))
    paths: list[str] = []
    unresolved: list[str] = []
    for statement, nested in statements:
        for value in _assigned(statement):
            if nested:
                unresolved.append("is assigned inside a block")
            else:
                _collect(value, paths, unresolved)
    blocks = (statement for statement, _ in statements if _reads_base(statement))
    imports = tuple(found for block in blocks for found in _imports(block))
    return PythonBases(tuple(paths), tuple(dict.fromkeys(imports)), tuple(dict.fromkeys(unresolved)))


def _check_cost(text: str) -> None:
    """Keeps from the parser what takes it time and memory that grow with the square of the text."""
    joined = text.replace("\r\n", "\n").replace("\r", "\n").replace("\\\n", " ")
    if any(line.count(".") > MAX_DOTS and _IMPORTS.search(line) for line in joined.split("\n")):
        raise SyntaxError("an import has more dots than can be read")
    if text.count("{") > MAX_BRACES and _F_STRING.search(text):
        raise SyntaxError("an f-string has more values than can be read")


def _statements(body: Iterable[ast.stmt]) -> Iterator[tuple[ast.stmt, bool]]:
    """Yields each statement of the module's own scope, in order, and whether it is inside another one."""
    stack: list[tuple[ast.stmt, bool]] = [(statement, False) for statement in reversed(list(body))]
    while stack:
        statement, nested = stack.pop()
        yield statement, nested
        if not isinstance(statement, _OWN_SCOPE):
            stack.extend((inner, True) for inner in reversed(list(_inside(statement))))


def _inside(statement: ast.stmt) -> Iterator[ast.stmt]:
    for block in ("body", "handlers", "cases", "orelse", "finalbody"):
        for inner in getattr(statement, block, ()):
            if isinstance(inner, ast.stmt):
                yield inner
            else:  # an except clause or a case
                yield from inner.body


def _assigned(statement: ast.stmt) -> Iterator[ast.expr | None]:
    """Yields what the statement assigns to ``_base_``, None where that cannot be told apart."""
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


def _collect(value: ast.expr | None, paths: list[str], unresolved: list[str]) -> None:
    """Sorts the items of a literal into paths and, for what is not a literal, obstacles."""
    items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
    for item in items:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            paths.append(item.value)
        else:
            kind = "more than one assignment" if item is None else _KINDS.get(type(item), "an expression")
            unresolved.append(f"holds {kind}")


def _reads_base(statement: ast.stmt) -> bool:
    if not isinstance(statement, (ast.With, ast.AsyncWith)):
        return False
    calls = (item.context_expr for item in statement.items if isinstance(item.context_expr, ast.Call))
    return any("read_base" in {getattr(call.func, "id", ""), getattr(call.func, "attr", "")} for call in calls)


def _imports(block: ast.stmt) -> Iterator[Import]:
    for statement, _ in _statements(_inside(block)):
        if isinstance(statement, ast.ImportFrom):
            yield Import(statement.module or "", statement.level, tuple(name.name for name in statement.names))
        elif isinstance(statement, ast.Import):
            yield from (Import(name.name, 0, ()) for name in statement.names)
