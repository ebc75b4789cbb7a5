"""Write the table of operators in docs/counting.md from the docstrings of their handles. Needs the worker environment."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action"))

from fvcore.nn.flop_count import _DEFAULT_SUPPORTED_OPS as FVCORE_HANDLES

from model_complexity.worker.count.handles import FLOP_HANDLES
from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION

importlib.import_module("model_complexity.worker.codebases")  # registers the libraries' operators
PAGE = Path(__file__).resolve().parents[2] / "docs" / "counting.md"
BEGIN = "<!-- operators: begin -->"
END = "<!-- operators: end -->"


def operator_table() -> str:
    """Return a Markdown table: one row a handle, fvcore's own in the last one."""
    rows = ["| operators | flops | source |", "|:--|:--|:--|"]
    for handle, operators in _by_handle():
        flops, source = _documentation(handle)
        rows.append(f"| {_names(operators)} | {flops} | {source} |")
    fvcore = [name for name in FVCORE_HANDLES if name not in FLOP_HANDLES and FVCORE_HANDLES[name] is not None]
    rows.append(f"| {_names(fvcore)} | as fvcore counts them | fvcore.nn.jit_handles |")
    return "\n".join(rows)


def rewrite(page: str) -> str:
    """Return a page with the table between its markers.

    Raises:
        ValueError: the page lacks a marker.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{PAGE.name} lacks the markers {BEGIN} and {END}.")
    return f"{before}{BEGIN}\n{operator_table()}\n{END}{after}"


def _by_handle() -> Iterator[tuple[Callable[..., int], list[str]]]:
    operators: dict[Callable[..., int], list[str]] = {}
    for name, handle in FLOP_HANDLES.items():
        operators.setdefault(getattr(handle, "func", handle), []).append(name)
    yield from operators.items()


def _documentation(handle: Callable[..., Any]) -> tuple[str, str]:
    text = inspect.getdoc(handle) or ""
    first = text.partition("\n")[0].removeprefix("Count ").rstrip(".").replace("``", "`")
    source = " ".join(text.partition("Source:")[2].split()).rstrip(".").replace("``", "`")
    return first, source


def _names(operators: list[str]) -> str:
    return ", ".join(f"`{_name(operator)}`" for operator in operators)


def _name(operator: str) -> str:
    return operator.rpartition(".")[2] if operator.startswith(AUTOGRAD_FUNCTION) else operator.removeprefix("aten::")
