"""Escape untrusted text, such as config paths, module names and messages, for Markdown, HTML and terminals.

Everything from a pull request passes through ``code`` (in a line or a table cell), ``html_code`` (inside HTML) or ``fenced`` (a
block). Inside code GitHub renders no mention, link, emoji or HTML.
"""

from __future__ import annotations

import html
import re
from typing import Final

from model_complexity.common.text import printable

MAX_LINE_LENGTH: Final = 240
_PLAIN_TEXT = re.compile(r"(?:[A-Za-z0-9 \N{NO-BREAK SPACE}(),%]|\.(?![A-Za-z])|(?<=[a-z])-(?=[a-z]))*")
"""GitHub links an address (www.…) by its dot before a letter, and an issue (GH-1) by its hyphen."""


def truncate_middle(text: str, limit: int = MAX_LINE_LENGTH) -> str:
    """Return at most ``limit`` characters. The middle of a longer text is cut, because a path's ends identify it."""
    if len(text) <= limit:
        return text
    start = limit // 2
    return f"{text[:start]}…{text[-(limit - start - 1) :]}"


def plain(text: str, limit: int = MAX_LINE_LENGTH) -> str:
    """Return one line of printable characters, for a caller that escapes: a template with autoescape, or JSON."""
    return truncate_middle(printable(" ".join(text.split())), limit)


def plain_block(text: str) -> str:
    """Return the lines with printable characters only."""
    return "\n".join(printable(line.replace("\t", "    ")) for line in text.split("\n"))


def code(text: str, limit: int = MAX_LINE_LENGTH) -> str:
    """Return a code span, safe in a table cell too."""
    content = plain(text, limit) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", content)), default=0))
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    # GitHub splits table cells at pipes before it parses code, and removes the backslash.
    return ticks + pad + content.replace("|", r"\|") + pad + ticks


def inline(text: str) -> str:
    """Return a text of letters, digits and plain punctuation unchanged, any other as a code span."""
    return text if _PLAIN_TEXT.fullmatch(text) else code(text)


def html_code(text: str, limit: int = MAX_LINE_LENGTH) -> str:
    """Return an HTML code element, e.g. for ``<summary>``, where GitHub does not parse Markdown."""
    return f"<code>{html.escape(plain(text, limit))}</code>"


def fenced(text: str) -> str:
    """Return a code block that its content cannot close."""
    body = plain_block(text)
    fence = fence_for(body)
    return f"{fence}text\n{body}\n{fence}"


def fence_for(text: str) -> str:
    """Return the fence for a block of this text: more backticks than any run in it."""
    return "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
