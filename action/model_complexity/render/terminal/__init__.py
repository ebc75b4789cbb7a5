"""A report on a terminal, by rich. Colour adds no information.

Names and messages are untrusted. They become ``Text``, in which rich reads no markup, of printable characters only.
"""

from model_complexity.render.terminal.configs import WIDE
from model_complexity.render.terminal.findings import condition_lines, not_counted
from model_complexity.render.terminal.report import print_check_text, print_measured_text, print_report_text

__all__ = ["WIDE", "condition_lines", "not_counted", "print_check_text", "print_measured_text", "print_report_text"]
