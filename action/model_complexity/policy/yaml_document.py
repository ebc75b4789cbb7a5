"""Parse YAML text into data with positions. Every scalar stays the text that was written.

YAML 1.1, which PyYAML implements, reads ``on`` and ``yes`` as true, ``010`` as 8 and ``1:30`` as 90. YAML 1.2 does not. Here only
the type of a field decides what its text means, so a file has one meaning for every parser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import yaml

MAX_BYTES: Final = 65_536
MAX_DEPTH: Final = 8
_NULL: Final = ("", "~", "null", "Null", "NULL")

Position = tuple[int, int]
"""Line and column, both from 1."""
Location = tuple[str | int, ...]
"""Keys and indexes from the root."""
Data = str | list["Data"] | dict[str, "Data"]


class PolicyIssue(NamedTuple):
    """A validation error and its position. ``field`` reads ``budgets[2].max``; it is empty for the file as a whole."""

    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {f'{self.field}: ' if self.field else ''}{self.message}"


class PolicyError(Exception):
    """The policy cannot be read. It has at least one issue."""

    def __init__(self, *issues: PolicyIssue) -> None:
        super().__init__("; ".join(map(str, issues)))
        self.issues = issues


@dataclass
class Document:
    """A mapping, with the position of each value and key by location."""

    data: dict[str, Data] = field(default_factory=dict)
    values: dict[Location, Position] = field(default_factory=dict)
    keys: dict[Location, Position] = field(default_factory=dict)

    def position(self, location: Location) -> Position:
        """Return the position of a value, or of its nearest parent if it is missing."""
        while location and location not in self.values:
            location = location[:-1]
        return self.values.get(location, (1, 1))


def field_name(location: Location) -> str:
    """Return ``budgets[2].max`` for ``("budgets", 2, "max")``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")[:200]


def read_document(content: bytes) -> Document:
    """Parse one YAML document that is a mapping. An empty document is an empty mapping.

    Anchors, aliases, tags, further documents, and documents that are too large or too deep are refused.

    Raises:
        PolicyError: it is not such a document; with one issue.
    """
    if len(content) > MAX_BYTES:
        raise PolicyError(PolicyIssue(1, 1, "", f"the file is larger than {MAX_BYTES:,} bytes"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PolicyError(
            PolicyIssue(content.count(b"\n", 0, error.start) + 1, 1, "", "the file is not UTF-8")
        ) from error
    try:
        return _Reader(text).document
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        hint = ". Put a glob that starts with * in quotes" if error.context == "while scanning an alias" else ""
        raise PolicyError(PolicyIssue(line, column, "", f"not YAML: {error.problem or error.context}{hint}")) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError(PolicyIssue(line, 1, "", "not YAML: the file has a character that is not allowed")) from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, which PyYAML does not check
        raise PolicyError(PolicyIssue(1, 1, "", "not YAML: invalid Unicode escape")) from error


class _Reader:
    """Build the document from the parser's events, so that refused nodes are never built."""

    def __init__(self, text: str) -> None:
        self.document = Document()
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        next(self._events)  # the stream starts
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            return
        root = next(self._events)
        if not (isinstance(root, yaml.ScalarEvent) and _is_null(root)):
            if not isinstance(root, yaml.MappingStartEvent):
                raise _error(root, (), "a policy is a mapping of fields, such as `budgets:`")
            self.document.data = self._mapping(root, ())
        next(self._events)  # the document ends
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise _error(more, (), "a second document starts here. Remove it")

    def _value(self, event: yaml.Event, location: Location) -> Data:
        _refuse(event, location)
        self.document.values[location] = _position(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, location)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(location)
        if not isinstance(event, yaml.ScalarEvent) or _is_null(event):
            raise _error(event, location, "has no value. Set one or remove the field")
        text: str = event.value
        return text

    def _mapping(self, start: yaml.Event, location: Location) -> dict[str, Data]:
        _refuse(start, location)
        self.document.values[location] = _position(start)
        mapping: dict[str, Data] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _error(event, location, "a key must be a name")
            _refuse(event, location)
            key: str = event.value
            if key in mapping:
                raise _error(event, (*location, key), "is set twice")
            self.document.keys[*location, key] = _position(event)
            mapping[key] = self._value(next(self._events), (*location, key))
        return mapping

    def _sequence(self, location: Location) -> list[Data]:
        items: list[Data] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*location, len(items))))
        return items


def _refuse(event: yaml.Event, location: Location) -> None:
    if getattr(event, "anchor", None) is not None:  # an alias has an anchor too
        raise _error(event, location, "anchors and aliases (& and *) are not supported. Put a glob in quotes")
    if getattr(event, "tag", None) is not None:
        raise _error(event, location, "tags (!) are not supported. Put a glob in quotes")
    if len(location) > MAX_DEPTH:
        raise _error(event, location[:1], "is nested too deeply")


def _is_null(event: yaml.ScalarEvent) -> bool:
    return event.style is None and event.value in _NULL


def _position(event: yaml.Event) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _error(event: yaml.Event, location: Location, message: str) -> PolicyError:
    return PolicyError(PolicyIssue(*_position(event), field_name(location), message))
