"""Untrusted text in Markdown: config paths, module names and messages are shown as text and do nothing else.

Everything that comes from a pull request passes through ``code`` (in a line or a table cell), ``html_code`` (inside HTML) or
``fenced`` (a block). Inside code GitHub makes no mention, link, emoji or HTML of anything.
"""

from __future__ import annotations

import html
import re

from model_complexity.common.text import printable

LINE_LIMIT = 240
_HARMLESS = re.compile(r"(?:[A-Za-z0-9 \N{NO-BREAK SPACE}(),%]|\.(?![A-Za-z])|(?<=[a-z])-(?=[a-z]))*")
"""A dot before a letter may begin an address (www.…), a hyphen after a capital or before a digit an issue's name (GH-1)."""


def clipped(text: str, limit: int = LINE_LIMIT) -> str:
    """At most ``limit`` characters: the middle of a longer text is left out, because the ends of a path tell most."""
    if len(text) <= limit:
        return text
    ahead = limit // 2
    return f"{text[:ahead]}…{text[-(limit - ahead - 1) :]}"


def plain(text: str, limit: int = LINE_LIMIT) -> str:
    """One line of printable characters, where the place itself escapes: a template with autoescape, or JSON."""
    return clipped(printable(" ".join(text.split())), limit)


def plain_block(text: str) -> str:
    """The same for several lines."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def code(text: str, limit: int = LINE_LIMIT) -> str:
    """A code span, safe in a table cell too."""
    primary = plain(text, limit) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", primary)), default=0))
    pad = " " if primary.startswith("`") or primary.endswith("`") else ""
    # A table splits cells at pipes before it looks for code, and takes the backslash away again.
    return ticks + pad + primary.replace("|", r"\|") + pad + ticks


def inline(text: str) -> str:
    """A text as it is if it holds letters, digits and harmless punctuation only, else as a code span."""
    return text if _HARMLESS.fullmatch(text) else code(text)


def html_code(text: str, limit: int = LINE_LIMIT) -> str:
    """The same for places where Markdown is not read, e.g. inside ``<summary>``."""
    return f"<code>{html.escape(plain(text, limit))}</code>"


def fenced(text: str) -> str:
    """A code block that its content cannot close."""
    body = plain_block(text)
    fence = fence_for(body)
    return f"{fence}text\n{body}\n{fence}"


def fence_for(text: str) -> str:
    """What opens and closes a block of this text: more backticks than stand in a row in it."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
