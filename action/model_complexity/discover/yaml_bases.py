"""The `_base_` key of .json and .yaml configs. Nothing is run, no YAML value is built and no alias is expanded."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

import yaml
from yaml.resolver import Resolver

LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser, which PyYAML's wheels contain and mmengine uses, reads a MiB in 0.2 s."""
MAX_PURE: Final = 2**16
"""The most characters that PyYAML's own parser reads where libyaml is missing. It takes ten times as long."""
MAX_DEPTH: Final = 100
"""The deepest nesting that is read. libyaml's time grows with its square."""
MAX_TAG_DIRECTIVES: Final = 100
"""The most ``%TAG`` lines of a file. libyaml compares each with all others."""

_CONFIG_KEYS: Final = {"_base_", "model"}
_KEY_LINE: Final = re.compile(r"""^["']?(?:_base_|model)["']?[ \t]*:""", re.MULTILINE)
_STRING: Final = "tag:yaml.org,2002:str"
_NULL: Final = "tag:yaml.org,2002:null"
_RESOLVE: Final[Callable[..., str]] = Resolver().resolve


@dataclass(frozen=True)
class DataConfig:
    """The bases of a .json or .yaml file; it is a config if it has a top-level ``model`` or ``_base_`` key."""

    is_config: bool
    bases: tuple[str, ...] = ()
    error: str = ""


class _LimitError(Exception):
    """A file would take too long to read; the message follows its name."""


def json_bases(text: str) -> DataConfig:
    """Read the ``_base_`` key of a JSON object."""
    mentions = '"_base_"' in text or '"model"' in text
    try:
        content = json.loads(text) if mentions else None
    except json.JSONDecodeError as error:
        return DataConfig(is_config=True, error=f"is not JSON: {error.msg} in line {error.lineno}")
    except (RecursionError, ValueError):
        return DataConfig(is_config=True, error="is nested too deeply or has too long a number")
    if not isinstance(content, dict) or not _CONFIG_KEYS & content.keys():
        return DataConfig(is_config=False)
    bases = content.get("_base_", [])
    listed = bases if isinstance(bases, list) else [bases]
    paths = tuple(base for base in listed if isinstance(base, str))
    reason = "" if len(paths) == len(listed) else "has a `_base_` that is not a path or a list of paths"
    return DataConfig(is_config=True, bases=paths, error=reason)


def yaml_bases(text: str) -> DataConfig:
    """Read the ``_base_`` key of a YAML document that is a mapping."""
    config = DataConfig(is_config=False)
    has_key = False
    try:
        for key, value in _config_entries(_events(text)):
            has_key = True
            if key == "_base_":  # of two the last one counts, as for YAML's libraries
                config = _read_bases(value)
    except (yaml.YAMLError, _LimitError, ValueError, OverflowError) as error:
        is_config = has_key or _KEY_LINE.search(text) is not None
        return DataConfig(is_config, config.bases, _describe(error) if is_config else "")
    return DataConfig(has_key, config.bases, config.error)


def _describe(error: Exception) -> str:
    if isinstance(error, _LimitError):
        return str(error)
    if isinstance(error, yaml.MarkedYAMLError):
        return (
            f"is not YAML: {error.problem or error.context} in line {_line(error.problem_mark or error.context_mark)}"
        )
    if isinstance(error, yaml.YAMLError):
        return "is not YAML: a character is not allowed"
    return "is not YAML: invalid Unicode escape"  # PyYAML's own parser passes it to chr()


def _events(text: str) -> Iterator[yaml.Event]:
    """Yield the parser's events of the first document."""
    if LOADER is yaml.SafeLoader and len(text) > MAX_PURE:
        raise _LimitError(f"is larger than {MAX_PURE:,} characters, the limit where PyYAML has no libyaml")
    if text.count("%TAG") > MAX_TAG_DIRECTIVES:
        raise _LimitError(f"has more than {MAX_TAG_DIRECTIVES} tag directives")
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _LimitError(f"is nested more than {MAX_DEPTH} levels deep")
        yield event
        if isinstance(event, yaml.DocumentEndEvent):
            return


def _config_entries(events: Iterator[yaml.Event]) -> Iterator[tuple[str, Iterator[yaml.Event]]]:
    """Yield the top-level keys that a config has, each with the events of its value."""
    root = next((event for event in events if isinstance(event, yaml.NodeEvent)), None)
    if not isinstance(root, yaml.MappingStartEvent):
        return
    for key in events:
        if isinstance(key, yaml.MappingEndEvent):
            return
        _drain(_node(key, events))
        value = _node(next(events), events)
        if isinstance(key, yaml.ScalarEvent) and key.value in _CONFIG_KEYS:
            yield key.value, value
        _drain(value)


def _node(first: yaml.Event, events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """Yield the events of one node, which starts with ``first``."""
    depth = 0
    for event in chain((first,), events):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        yield event
        if depth == 0:
            return


def _drain(events: Iterator[yaml.Event]) -> None:
    deque(events, maxlen=0)


def _read_bases(value: Iterator[yaml.Event]) -> DataConfig:
    paths: list[str] = []
    invalid = ""
    for number, event in enumerate(value):
        if isinstance(event, yaml.ScalarEvent):
            tag = _tag(event)
            valid = tag in {_STRING, _NULL}
            if tag == _STRING:
                paths.append(event.value)
        else:
            is_list = number == 0 and isinstance(event, yaml.SequenceStartEvent) and event.tag is None
            valid = is_list or isinstance(event, yaml.CollectionEndEvent)
        if not valid and not invalid:
            invalid = f"has a `_base_` in line {_line(event.start_mark)} that is not a path or a list of paths"
    return DataConfig(is_config=True, bases=() if invalid else tuple(paths), error=invalid)


def _tag(scalar: yaml.ScalarEvent) -> str:
    """Return the type of a scalar, by YAML 1.1's rules where it is not tagged."""
    untagged = scalar.tag in {None, "!"}
    return _RESOLVE(yaml.ScalarNode, scalar.value, scalar.implicit) if untagged else str(scalar.tag)


def _line(mark: Any) -> int:
    """Return the line, from 1, of a mark, of which PyYAML and libyaml have a class each."""
    return int(mark.line) + 1 if mark else 1
