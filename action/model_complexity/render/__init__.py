"""Report -> Markdown within GitHub's limits."""

from model_complexity.render.markdown import render

__all__ = ["render"]
