"""Render a comment's Markdown as a self-contained HTML page. Needs markdown-it-py."""

from __future__ import annotations

import sys
from pathlib import Path

from markdown_it import MarkdownIt

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#d1d9e0, #3d444d); --soft: light-dark(#f6f8fa, #151b23); }
body { font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", sans-serif; max-width: 860px; margin: 2rem auto; padding: 0 1rem; }
main { border: 1px solid var(--line); border-radius: 6px; padding: 0 1rem 1rem; overflow-wrap: break-word; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: 6px 13px; }
tr:nth-child(2n) { background: var(--soft); }
code { background: var(--soft); border-radius: 6px; padding: .2em .4em; font: 85% ui-monospace, "Noto Sans Mono", monospace; }
pre { background: var(--soft); border-radius: 6px; padding: 1rem; overflow-x: auto; }
pre code { padding: 0; background: none; }
details { margin: .6rem 0; }
summary { cursor: pointer; }
"""


def page(markdown: str) -> str:
    """Return an HTML page that resembles GitHub's rendering of the comment."""
    body = MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown)
    head = f'<meta charset="utf-8"><title>Model Complexity</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body><main>{body}</main></body></html>\n'


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(Path(sys.argv[1]).read_text(encoding="utf-8")), encoding="utf-8")
