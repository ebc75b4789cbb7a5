"""The `_base_` key of .json and .yaml configs, found as text: PyYAML takes seconds for the largest that are read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_KEY: Final = re.compile(r"""(?:"(model|_base_)"|'(model|_base_)'|(model|_base_))[ \t]*:(?=\s|$)(.*)""")
_QUOTED: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*\"""", re.DOTALL)
_PLAIN: Final = re.compile(r"[^\s,\[\]{}#&*!|>'\"%@`?-][^,\[\]{}\r\n]*|-[^\s,\[\]{}][^,\[\]{}\r\n]*")
_COMMENT: Final = re.compile(r"(?:^|(?<=\s))#.*")
_ITEM: Final = re.compile(r"( *)-(?:[ \t]+(.*))?$")


class UnreadableBaseError(ValueError):
    """The bases are there and cannot be read; the message says why, to follow the file's name."""


@dataclass(frozen=True)
class DataConfig:
    """What a .json or .yaml file says about itself: a config has a top-level ``model`` or ``_base_`` key."""

    is_config: bool
    bases: tuple[str, ...] = ()
    problem: str = ""


def json_bases(text: str) -> DataConfig:
    """Reads the ``_base_`` key of a JSON object."""
    mentions = '"_base_"' in text or '"model"' in text
    try:
        content = json.loads(text) if mentions else None
    except json.JSONDecodeError as error:
        return DataConfig(is_config=True, problem=f"is not JSON: {error.msg} in line {error.lineno}")
    except (RecursionError, ValueError):
        return DataConfig(is_config=True, problem="is nested too deeply, or has a number too long, to be read")
    if not isinstance(content, dict) or not {"_base_", "model"} & content.keys():
        return DataConfig(is_config=False)
    bases = content.get("_base_", [])
    listed = bases if isinstance(bases, list) else [bases]
    problem = (
        "" if all(isinstance(base, str) for base in listed) else "has a `_base_` that is not a path or a list of paths"
    )
    return DataConfig(is_config=True, bases=tuple(base for base in listed if isinstance(base, str)), problem=problem)


def yaml_bases(text: str) -> DataConfig:
    """Reads the top-level ``_base_`` key of a YAML mapping: a scalar, ``[a, b]``, or a block list."""
    if text.lstrip().startswith("{"):
        return _flow_mapping(text)
    lines = text.splitlines()
    keys = [(number, match) for number, line in enumerate(lines) if (match := _KEY.match(line))]
    bases = [(number, match[4]) for number, match in keys if "_base_" in match.groups()[:3]]
    if not bases:
        return DataConfig(is_config=bool(keys))
    number, rest = bases[-1]  # of two the last one counts, as for YAML's libraries
    try:
        return DataConfig(is_config=True, bases=tuple(_value(rest, lines[number + 1 :])))
    except UnreadableBaseError as error:
        return DataConfig(is_config=True, problem=f"has a `_base_` that cannot be read in line {number + 1}: {error}")


def _flow_mapping(text: str) -> DataConfig:
    """YAML that starts with a brace is read where it is JSON as well."""
    data = json_bases(text)
    if data.problem or (not data.is_config and "_base_" in text):
        return DataConfig(
            is_config=True, problem="is a mapping in braces that is not JSON; its `_base_` cannot be read"
        )
    return data


def _value(rest: str, following: Sequence[str]) -> Iterator[str]:
    rest = rest.strip()
    if not rest or rest.startswith("#"):
        yield from _block_list(following)
    elif rest.startswith("["):
        yield from _flow_list("\n".join([rest, *following]))
    else:
        if _continues(following):
            raise UnreadableBaseError("a value of several lines")
        yield from _scalar(rest)


def _continues(following: Sequence[str]) -> bool:
    """Says whether the next line with content belongs to the value above it."""
    content = next((line for line in following if _COMMENT.sub("", line).strip()), "")
    return content[:1].isspace()


def _block_list(following: Sequence[str]) -> Iterator[str]:
    indent: str | None = None
    for line in following:
        if not _COMMENT.sub("", line).strip():
            continue
        item = _ITEM.match(line)
        if item is None and not line[:1].isspace():
            return  # the next key, or the end of the document
        if item is None or (indent is not None and item[1] != indent):
            raise UnreadableBaseError("only a list of paths is understood")
        indent = item[1]
        yield from _scalar(item[2] or "")


def _scalar(text: str) -> Iterator[str]:
    """Yields the one string that the text holds, nothing for null."""
    text = text.strip()
    if quoted := _QUOTED.match(text):
        if _COMMENT.sub("", text[quoted.end() :]).strip():
            raise UnreadableBaseError("text after a quoted path")
        yield _unquoted(quoted[0])
        return
    plain = _COMMENT.sub("", text).strip()
    if plain in {"~", "null", ""}:
        return
    if not _PLAIN.fullmatch(plain) or ": " in plain or plain.endswith(":"):
        raise UnreadableBaseError("only a path or a list of paths is understood")
    yield plain


def _flow_list(text: str) -> Iterator[str]:
    """Yields the items of ``[a, 'b', "c"]``, which may span lines and hold comments."""
    position = 1
    while True:
        position = _skip(text, position)
        if text[position : position + 1] == "]":
            break
        item = _QUOTED.match(text, position) or _PLAIN.match(text, position)
        if item is None:
            raise UnreadableBaseError("only paths are understood in a list")
        yield from _scalar(item[0])
        position = _skip(text, item.end())
        if text[position : position + 1] == ",":
            position += 1
        elif text[position : position + 1] != "]":
            raise UnreadableBaseError("a list without its end")
    if _COMMENT.sub("", text[position + 1 :].partition("\n")[0]).strip():
        raise UnreadableBaseError("text after a list")


def _skip(text: str, position: int) -> int:
    """Returns the position of the next character that is neither blank nor in a comment."""
    while position < len(text):
        if text[position] == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif not text[position].isspace():
            break
        position += 1
    return position


def _unquoted(quoted: str) -> str:
    if quoted.startswith("'"):
        return quoted[1:-1].replace("''", "'")
    try:
        text = json.loads(quoted)
    except ValueError:
        raise UnreadableBaseError("an escape that is not understood") from None
    return str(text)
