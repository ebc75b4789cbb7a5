"""Report -> Markdown within GitHub's limits, and one HTML file with everything."""

from model_complexity.render.html.page import render_html
from model_complexity.render.markdown.comment import Rendered, render, render_by
from model_complexity.render.markdown.custom_template import TEMPLATE_LIMIT, CommentTemplate

__all__ = ["TEMPLATE_LIMIT", "CommentTemplate", "Rendered", "render", "render_by", "render_html"]
