"""Include and exclude globs, which decide which paths are configs. See docs/decisions/0002-own-glob-matcher.md."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename
from typing import Final

from model_complexity.errors import ActionError

SUFFIXES: Final = (".py", ".json", ".yaml", ".yml")
DEFAULT: Final = ("configs/**", "**/configs/**")
_MAX_PATTERNS: Final = 200
_MAX_LENGTH: Final = 1_000
_ADVICE: Final = "Write one glob per line, e.g. configs/resnet/**. A leading ! excludes."

_Segment = str | re.Pattern[str]
_ANY_DEPTH: Final = "**"
_BELOW: Final[tuple[_Segment, ...]] = (_ANY_DEPTH, re.compile(".+", re.DOTALL))


def is_base(path: str) -> bool:
    """Return whether the file is in a folder named ``_base_``. Such files are never measured."""
    return "_base_" in path.split("/")[:-1]


def may_be_config(path: str) -> bool:
    """Return whether the file can be a measured config, judging by its path only."""
    return path.endswith(SUFFIXES) and basename(path) != "__init__.py" and not is_base(path)


@dataclass(frozen=True)
class Pattern:
    """One glob. ``text`` excludes the leading ``!``."""

    text: str
    include: bool = True

    @classmethod
    def parse(cls, word: str) -> Pattern:
        """Parse one glob; a leading ``!`` excludes.

        Raises:
            ValueError: the glob is malformed; the message contains it.
        """
        include = not word.startswith("!")
        text = word if include else word[1:].strip()
        error = _find_error(text)
        if error:
            raise ValueError(f"the pattern {word[:100]!r} {error}")
        return cls(text, include)

    @cached_property
    def _forms(self) -> tuple[tuple[_Segment, ...], ...]:
        return _compile(self.text)

    def matches(self, path: str) -> bool:
        """Return whether the whole path matches."""
        parts = path.split("/")
        return any(_match(form, parts) for form in self._forms)


@dataclass(frozen=True)
class Patterns:
    """Globs in order; the last one that matches a path decides, as in a .gitignore file.

    ``*`` and ``?`` stay inside one name, ``[...]`` is one character out of a set, ``**`` spans folders, and ``x/**`` is
    everything below ``x``. A glob without a slash (other than at its end) matches at any depth; a leading slash anchors it
    at the root. A glob whose last name has no wildcard also matches everything below a folder of that name.
    If all globs are excludes, the default includes come first.
    """

    rules: tuple[Pattern, ...] = tuple(Pattern(text) for text in DEFAULT)

    @classmethod
    def parse(cls, text: str) -> Patterns:
        """Parse globs separated by lines or commas; an empty text means the default.

        Raises:
            ActionError: a glob is malformed, or there are more than 200.
        """
        words = [word.strip() for line in text.splitlines() for word in line.split(",")]
        try:
            rules = tuple(Pattern.parse(word) for word in words if word)
        except ValueError as error:
            raise ActionError(f"Input `configs`: {error}.", _ADVICE) from error
        if len(rules) > _MAX_PATTERNS:
            raise ActionError(f"Input `configs` has more than {_MAX_PATTERNS} patterns.", _ADVICE)
        return cls(rules) if any(rule.include for rule in rules) else cls(cls().rules + rules)

    @classmethod
    def of(cls, globs: Iterable[str]) -> Patterns:
        """Build from valid globs; none means the default."""
        rules = tuple(Pattern(glob) for glob in globs)
        return cls(rules) if rules else cls()

    def without(self, globs: Iterable[str]) -> Patterns:
        """Return these patterns with excludes added."""
        return Patterns((*self.rules, *(Pattern(glob, include=False) for glob in globs)))

    def matches(self, path: str) -> bool:
        """Return whether the path is included."""
        return next((rule.include for rule in reversed(self.rules) if rule.matches(path)), False)

    def selects(self, path: str) -> bool:
        """Return whether a file is measured, judging by its path only."""
        return may_be_config(path) and self.matches(path)


def _find_error(text: str) -> str:
    names = text.strip("/").split("/")
    without_sets = re.sub(r"\[[!^]?\]?[^\]]*\]", "", text)
    reasons = {
        "is empty": not text.strip("/"),
        f"is longer than {_MAX_LENGTH} characters": len(text) > _MAX_LENGTH,
        "has a control character": not text.isprintable(),
        "has a backslash instead of a slash": "\\" in text,
        "has unsupported braces": "{" in text or "}" in text,
        "has an unclosed [": "[" in without_sets,
        "has an empty folder name": "" in names,
        "has a . or .. in it": "." in names or ".." in names,
    }
    return next((reason for reason, wrong in reasons.items() if wrong), "")


def _compile(text: str) -> tuple[tuple[_Segment, ...], ...]:
    """Translate a glob into sequences of segments; a path matches if any sequence does."""
    names = text.strip("/").split("/")
    anchored = text.startswith("/") or len(names) > 1
    segments = [*([] if anchored else [_ANY_DEPTH]), *(_segment(name) for name in names)]
    if segments[-1] == _ANY_DEPTH:
        return ((*segments[:-1], *_BELOW),)
    below = (*segments, *_BELOW)
    if text.endswith("/"):
        return (below,)
    return (tuple(segments), below) if isinstance(segments[-1], str) else (tuple(segments),)


def _segment(name: str) -> _Segment:
    if name == _ANY_DEPTH or not any(character in name for character in "*?["):
        return name
    return re.compile(fnmatch.translate(name.replace("[^", "[!")))


def _match(segments: Sequence[_Segment], parts: Sequence[str]) -> bool:
    # Only the last ** is retried, so the cost is the product of both lengths.
    at = position = 0
    retry: tuple[int, int] | None = None
    while position < len(parts):
        if at < len(segments) and segments[at] == _ANY_DEPTH:
            retry = (at, position)
            at += 1
        elif at < len(segments) and _segment_matches(segments[at], parts[position]):
            at, position = at + 1, position + 1
        elif retry is not None:
            retry = (retry[0], retry[1] + 1)
            at, position = retry[0] + 1, retry[1]
        else:
            return False
    return all(segment == _ANY_DEPTH for segment in segments[at:])


def _segment_matches(segment: _Segment, part: str) -> bool:
    return segment == part if isinstance(segment, str) else segment.match(part) is not None
