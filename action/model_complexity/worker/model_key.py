"""Key equal jobs: configs that build the same model for the same input are measured once.

There is a key only where nothing but the model part of the config can make a difference: a config that runs code of its own
(a class, a function, a call to something unknown) has none, and is measured by itself.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from typing import Any, List, Optional

from mmengine.config import Config

from model_complexity.common.shapes import InputSpec

_PURE_CALLS = {"bool", "dict", "enumerate", "float", "int", "len", "list", "max", "min", "range", "reversed", "round"}
_PURE_CALLS |= {"set", "sorted", "str", "sum", "tuple", "zip"}
_PURE_METHODS = {
    "append",
    "copy",
    "count",
    "extend",
    "format",
    "get",
    "index",
    "insert",
    "items",
    "join",
    "keys",
    "pop",
}
_PURE_METHODS |= {"replace", "setdefault", "split", "strip", "update", "values"}
_CODE = (
    ast.AsyncFunctionDef,
    ast.AsyncWith,
    ast.ClassDef,
    ast.FunctionDef,
    ast.Global,
    ast.Lambda,
    ast.With,
    ast.Yield,
)


def model_key(config: Config, scope: str, inputs: InputSpec) -> Optional[str]:
    """Return a digest that only equal jobs share, None where that is unknown.

    Args:
        config: as read.
        scope: the library whose registry builds the model.
        inputs: the resolved shape.
    """
    try:
        imports = _imports_of(config.text)
        parts = [scope, inputs, imports, config.get("custom_imports"), config.get("data_preprocessor"), config.model]
        text = json.dumps(parts, sort_keys=True, default=_name_of)
    except (SyntaxError, TypeError, ValueError, RecursionError):
        return None
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _imports_of(text: str) -> List[str]:
    """Return what the files of a config import, from their joined text.

    Raises:
        SyntaxError: it is not Python (JSON, YAML), so what was run is not known.
        ValueError: it does more than put values together.
    """
    # mmengine writes the path of each file above its text, and no statement of Python begins with a slash.
    lines = ["" if line.startswith("/") else line for line in text.splitlines()]
    imports = []
    for node in ast.walk(ast.parse("\n".join(lines))):
        if isinstance(node, _CODE) or (isinstance(node, ast.Call) and not _is_pure(node.func)):
            raise ValueError("runs code of its own")
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            imports.append(ast.dump(node))
    return sorted(set(imports))


def _is_pure(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute):
        return called.attr in _PURE_METHODS
    return isinstance(called, ast.Name) and called.id in _PURE_CALLS


def _name_of(value: Any) -> Any:
    """Return the name of a class or function, if the name leads back to it. Other objects have no distinct text.

    Raises:
        TypeError: it has no such name.
    """
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    named: Any = sys.modules.get(getattr(value, "__module__", ""))
    for part in getattr(value, "__qualname__", "").split("."):
        named = getattr(named, part, None)
    if named is None or named is not value:
        raise TypeError(f"{value!r} has no name")
    return f"{value.__module__}.{value.__qualname__}"
