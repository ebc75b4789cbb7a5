"""Report -> Markdown for the comment and the job summary, cut in named steps to a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from model_complexity.escape import code
from model_complexity.render.markdown.custom_template import CommentTemplate, TemplateProblemError
from model_complexity.render.markdown.sections import Level, Section, fit_levels
from model_complexity.render.markdown.template_data import LISTED, Data, template_context
from model_complexity.render.view import build_view
from model_complexity.report import Report

MAX_CHARTS = 20
"""GitHub shows each chart in a frame of its own."""


class Step(NamedTuple):
    """One step of detail: the number of configs with a section and with a row (None: all), worst first."""

    name: str
    sections: int | None
    rows: int | None
    notice: str


STEPS = (
    Step("full", None, None, ""),
    Step("longest sections cut", None, None, "The longest sections of configs are cut"),
    Step("worst 100", 100, None, "Only the worst 100 configs have a section"),
    Step("worst 30", 30, None, "Only the worst 30 configs have a section"),
    Step("worst 10", 10, 200, "Only the worst 10 configs have a section, and the worst 200 a row"),
    Step("worst 5", 5, 60, "Only the worst 5 configs have a section, and the worst 60 a row"),
    Step("table only", 0, 60, "Sections of configs, and rows beyond the worst 60, are left out"),
    Step("short table", 0, 10, "Sections of configs, and rows beyond the worst 10, are left out"),
    Step("verdict only", 0, 0, "Sections and rows of configs are left out"),
)
"""What is dropped, in order, until the text fits. The text names each step, and a section what it leaves out."""


class Rendered(NamedTuple):
    """A text, and why its custom template failed, or blank."""

    text: str
    problem: str = ""


def render(report: Report, *, limit: int) -> str:
    """Render the report as GitHub-flavoured Markdown.

    Args:
        report: validated data; its texts are still hostile and are escaped here.
        limit: largest length in bytes of UTF-8, which is never less than the number of characters.

    Raises:
        ValueError: even the last step does not fit (a limit below some 10,000).
    """
    return _fitted(report, limit, lambda data: _environment().get_template("comment.md.j2").render(data))


def render_by(template: CommentTemplate, report: Report, *, limit: int) -> Rendered:
    """Render the report with a custom template, within the same limit and by the same steps.

    If the template is missing, fails, or does not fit at any step, the built-in one is used with a note.

    Raises:
        ValueError: as `render`.
    """
    try:
        return Rendered(_fitted(report, limit, lambda data: template.render(data, limit)))
    except TemplateProblemError as error:
        problem = str(error)
    except ValueError:
        problem = f"its output exceeds {limit:,} bytes even without any config"
    note = f"The template {code(template.path)} failed: {problem}. The built-in template was used."
    return Rendered(render(report.model_copy(update={"notes": (*report.notes, note)}), limit=limit), problem)


def _fitted(report: Report, limit: int, write: Callable[[Data], str]) -> str:
    view = build_view(report)
    sections = [Section(row, with_chart=number < MAX_CHARTS) for number, row in enumerate(view.rows)]
    for step in STEPS:
        kept = sections[: step.sections]

        def written(levels: Sequence[Level], step: Step = step, kept: Sequence[Section] = kept) -> str:
            texts = [section.text(level) for section, level in zip(kept, levels, strict=True)]
            return write(template_context(report, view, rows=step.rows, sections=texts, left_out=step.notice))

        text = _at(step, kept, limit, written)
        if text is not None:
            return text
    raise ValueError(f"a report needs more than {limit} bytes")


def _at(step: Step, sections: Sequence[Section], limit: int, written: Callable[[Sequence[Level]], str]) -> str | None:
    """The text at one step, or None if it does not fit."""
    smallest = [section.levels[-1] for section in sections]
    text = written(smallest)
    budget_bytes = limit - _bytes(text)
    if budget_bytes < 0:
        return None
    chosen = fit_levels(sections, budget_bytes + sum(level.size for level in smallest))
    if step is STEPS[0] and chosen != [section.levels[0] for section in sections]:
        return None
    if chosen != smallest:
        text = written(chosen)
    return text if _bytes(text) <= limit else None


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


@cache
def _environment() -> Environment:
    # autoescape is for HTML; the data are Markdown already, escaped where they were made.
    environment = Environment(  # noqa: S701
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.globals["listed"] = LISTED
    return environment
