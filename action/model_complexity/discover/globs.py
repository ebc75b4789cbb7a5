"""Which paths count as configs: include and exclude globs, as the input `configs` gives them."""

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
_ADVICE: Final = "Write one glob a line, e.g. configs/resnet/**, with a leading ! to exclude."

_Segment = str | re.Pattern[str]
_ANY_DEPTH: Final = "**"
_BELOW: Final[tuple[_Segment, ...]] = (_ANY_DEPTH, re.compile(".+", re.DOTALL))


def is_base(path: str) -> bool:
    """Says whether the file lies in a folder called ``_base_``: such a file is inherited from, never measured."""
    return "_base_" in path.split("/")[:-1]


def may_be_config(path: str) -> bool:
    """Says whether the name alone allows the file to be a config that is measured."""
    return path.endswith(SUFFIXES) and basename(path) != "__init__.py" and not is_base(path)


@dataclass(frozen=True)
class Pattern:
    """One glob. ``text`` is without the leading ``!``."""

    text: str
    include: bool = True

    @classmethod
    def parse(cls, word: str) -> Pattern:
        """Reads one glob; a leading ``!`` excludes.

        Raises:
            ValueError: it is malformed; the message names it.
        """
        include = not word.startswith("!")
        text = word if include else word[1:].strip()
        problem = _malformed(text)
        if problem:
            raise ValueError(f"the pattern {word[:100]!r} {problem}")
        return cls(text, include)

    @cached_property
    def _forms(self) -> tuple[tuple[_Segment, ...], ...]:
        return _compile(self.text)

    def matches(self, path: str) -> bool:
        """Says whether the whole path matches."""
        parts = path.split("/")
        return any(_match(form, parts) for form in self._forms)


@dataclass(frozen=True)
class Patterns:
    """Globs in order; of those that match a path the last one decides, as in a .gitignore.

    ``*`` and ``?`` stay inside one name, ``[...]`` is one character out of a set, ``**`` spans folders, and ``x/**`` is
    everything below ``x``. A glob without a slash (other than at its end) matches at any depth; a leading slash ties it
    to the root. A glob whose last name has no wildcard also matches everything below a folder of that name.
    With excludes only, the default includes come first.
    """

    rules: tuple[Pattern, ...] = tuple(Pattern(text) for text in DEFAULT)

    @classmethod
    def parse(cls, text: str) -> Patterns:
        """Reads globs, one a line or separated by commas; no glob at all means the default.

        Raises:
            ActionError: a glob is malformed, or there are too many.
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
        """These globs, each well-formed; none at all means the default."""
        rules = tuple(Pattern(glob) for glob in globs)
        return cls(rules) if rules else cls()

    def without(self, globs: Iterable[str]) -> Patterns:
        """These patterns, less what any of the globs matches."""
        return Patterns((*self.rules, *(Pattern(glob, include=False) for glob in globs)))

    def matches(self, path: str) -> bool:
        """Says whether the path is included; the last pattern that matches it decides."""
        return next((rule.include for rule in reversed(self.rules) if rule.matches(path)), False)

    def selects(self, path: str) -> bool:
        """Says whether a file at this path is measured, as far as its path tells."""
        return may_be_config(path) and self.matches(path)


def _malformed(text: str) -> str:
    """Says what is wrong with a glob, or returns an empty string."""
    names = text.strip("/").split("/")
    without_sets = re.sub(r"\[[!^]?\]?[^\]]*\]", "", text)
    reasons = {
        "is empty": not text.strip("/"),
        f"is longer than {_MAX_LENGTH} characters": len(text) > _MAX_LENGTH,
        "has a control character": not text.isprintable(),
        "has a backslash; folders are separated by /": "\\" in text,
        "has braces, which are not supported": "{" in text or "}" in text,
        "has a [ without its ]": "[" in without_sets,
        "has an empty folder name": "" in names,
        "has a . or .. in it": "." in names or ".." in names,
    }
    return next((reason for reason, wrong in reasons.items() if wrong), "")


def _compile(text: str) -> tuple[tuple[_Segment, ...], ...]:
    """Translates a glob into sequences of names to match; a path may match any of them."""
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
    """Matches names against segments. Only the last ``**`` is ever tried again, so the cost is a product, no more."""
    at = position = 0
    retry: tuple[int, int] | None = None
    while position < len(parts):
        if at < len(segments) and segments[at] == _ANY_DEPTH:
            retry = (at, position)
            at += 1
        elif at < len(segments) and _fits(segments[at], parts[position]):
            at, position = at + 1, position + 1
        elif retry is not None:
            retry = (retry[0], retry[1] + 1)
            at, position = retry[0] + 1, retry[1]
        else:
            return False
    return all(segment == _ANY_DEPTH for segment in segments[at:])


def _fits(segment: _Segment, part: str) -> bool:
    return segment == part if isinstance(segment, str) else segment.match(part) is not None
