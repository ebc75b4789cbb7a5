"""YAML text -> plain data that knows its places. Nothing is guessed: every scalar stays the text that was written.

YAML 1.1, which PyYAML reads, takes ``on`` and ``yes`` for true, ``010`` for 8 and ``1:30`` for 90, and YAML 1.2 does not. Here
only a field's own type decides what its text means, so that a file means the same to every reader.
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
    """What is wrong, and where; ``field`` is written as in ``budgets[2].max``, blank where it is the file as a whole."""

    line: int
    column: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {f'{self.field}: ' if self.field else ''}{self.message}"


class PolicyError(Exception):
    """A policy that cannot be read; at least one fault."""

    def __init__(self, *issues: PolicyIssue) -> None:
        super().__init__("; ".join(map(str, issues)))
        self.issues = issues


@dataclass
class Document:
    """A mapping, with the place of each of its values and keys by location."""

    data: dict[str, Data] = field(default_factory=dict)
    values: dict[Location, Position] = field(default_factory=dict)
    keys: dict[Location, Position] = field(default_factory=dict)

    def place(self, location: Location) -> Position:
        """Where a value is; of one that is not there, where what should hold it is."""
        while location and location not in self.values:
            location = location[:-1]
        return self.values.get(location, (1, 1))


def field_name(location: Location) -> str:
    """``("budgets", 2, "max")`` as ``budgets[2].max``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")[:200]


def read_document(content: bytes) -> Document:
    """Reads one YAML document that is a mapping; an empty one is an empty mapping.

    Anchors, aliases, tags and further documents are refused, and so is what is larger or nested deeper than a policy can be.

    Raises:
        PolicyError: it is not such a document; with one fault.
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
        hint = "; put a glob that starts with * in quotes" if error.context == "while scanning an alias" else ""
        raise PolicyError(PolicyIssue(line, column, "", f"not YAML: {error.problem or error.context}{hint}")) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise PolicyError(PolicyIssue(line, 1, "", "not YAML: a character that is not allowed")) from error
    except (ValueError, OverflowError) as error:  # an escape beyond Unicode, which PyYAML does not look at
        raise PolicyError(PolicyIssue(1, 1, "", "not YAML: an escape that stands for no character")) from error


class _Reader:
    """Builds the document from the parser's events, so that what is refused is never built."""

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
                raise _fault(root, (), "a policy is a mapping of fields, such as `budgets:`")
            self.document.data = self._mapping(root, ())
        next(self._events)  # the document ends
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise _fault(more, (), "a second document starts here: a policy is one")

    def _value(self, event: yaml.Event, location: Location) -> Data:
        _refuse(event, location)
        self.document.values[location] = _place(event)
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(event, location)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(location)
        if not isinstance(event, yaml.ScalarEvent) or _is_null(event):
            raise _fault(event, location, "has no value: give it one, or leave it out")
        text: str = event.value
        return text

    def _mapping(self, start: yaml.Event, location: Location) -> dict[str, Data]:
        _refuse(start, location)
        self.document.values[location] = _place(start)
        found: dict[str, Data] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _fault(event, location, "a key must be a name")
            _refuse(event, location)
            key: str = event.value
            if key in found:
                raise _fault(event, (*location, key), "is given twice")
            self.document.keys[*location, key] = _place(event)
            found[key] = self._value(next(self._events), (*location, key))
        return found

    def _sequence(self, location: Location) -> list[Data]:
        found: list[Data] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*location, len(found))))
        return found


def _refuse(event: yaml.Event, location: Location) -> None:
    if getattr(event, "anchor", None) is not None:  # an alias has its name there
        raise _fault(event, location, "anchors and aliases (& and *) are not read here; put a glob in quotes")
    if getattr(event, "tag", None) is not None:
        raise _fault(event, location, "tags (!) are not read here; put a glob in quotes")
    if len(location) > MAX_DEPTH:
        raise _fault(event, location[:1], "is nested too deeply")


def _is_null(event: yaml.ScalarEvent) -> bool:
    return event.style is None and event.value in _NULL


def _place(event: yaml.Event) -> Position:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _fault(event: yaml.Event, location: Location, message: str) -> PolicyError:
    return PolicyError(PolicyIssue(*_place(event), field_name(location), message))
