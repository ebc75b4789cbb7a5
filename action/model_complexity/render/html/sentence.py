"""Sentences of the comment as HTML."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

from model_complexity.common.text import printable
from model_complexity.escape import plain
from model_complexity.render.numbers import NBSP

_SPAN = re.compile(r"(?<!`)(?P<ticks>`+)(?!`)(?P<text>.+?)(?<!`)(?P=ticks)(?!`)")


def html_sentence(markdown: str) -> Markup:
    """Convert a sentence of the comment to HTML. Its only Markdown are the spans of ``escape.code``."""
    parts, end = [], 0
    for span in _SPAN.finditer(markdown):
        name = plain(span["text"].replace(r"\|", "|"))
        parts += [_between(markdown[end : span.start()]), Markup("<code>{}</code>").format(name)]
        end = span.end()
    return Markup("").join([*parts, _between(markdown[end:])])


def _between(text: str) -> Markup:
    return escape(NBSP.join(printable(part) for part in text.split(NBSP)))
