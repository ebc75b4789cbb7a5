"""Which configs a pull request touches: inheritance graph and selection. Reads text, executes nothing."""

from model_complexity.discover.globs import Pattern, Patterns, is_base
from model_complexity.discover.graph import Graph
from model_complexity.discover.model_line import model_line
from model_complexity.discover.select import Selection, select, select_explicit

__all__ = [
    "Graph",
    "Pattern",
    "Patterns",
    "Selection",
    "is_base",
    "model_line",
    "select",
    "select_explicit",
]
