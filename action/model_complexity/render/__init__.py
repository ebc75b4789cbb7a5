"""Report -> Markdown within GitHub's limits, and one HTML file with everything."""

from model_complexity.render.html_page import render_html
from model_complexity.render.markdown import render

__all__ = ["render", "render_html"]
