"""A custom comment template from the base commit, rendered in a sandbox. Its failure does not end the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from model_complexity.escape import code

TEMPLATE_LIMIT = 64 * 1024
"""Bytes of a template file."""
_MAX_FACTOR = 20
"""How many times the limit a template may write before it is stopped: what does not fit is written again with less."""


class TemplateProblemError(Exception):
    """A custom template failed. The message is Markdown and follows the template's name."""


@dataclass(frozen=True)
class CommentTemplate:
    """A Jinja2 template for the comment.

    Args:
        path: the file's path in the repository.
        text: its content; None if it is missing, with the reason in ``problem``.
    """

    path: str
    text: str | None
    problem: str = ""

    def render(self, data: Mapping[str, Any], limit: int) -> str:
        """Render the comment.

        Raises:
            TemplateProblemError: the template is missing, is malformed, or fails.
        """
        if self.text is None:
            raise TemplateProblemError(self.problem)
        pieces, size = [], 0
        try:
            # What the sandbox forbids: attributes of Python's objects, changing data, and ranges of more than 100,000.
            environment = ImmutableSandboxedEnvironment(  # the data are Markdown, escaped where they were made
                autoescape=False,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
            )
            for piece in environment.from_string(self.text).generate(dict(data)):
                pieces.append(piece)
                size += len(piece)
                if size > _MAX_FACTOR * limit:
                    raise TemplateProblemError(f"its output exceeds {_MAX_FACTOR} times the limit")
        except TemplateError as error:
            number = getattr(error, "lineno", None)
            line = f"line {number}: " if isinstance(number, int) else ""
            raise TemplateProblemError(code(f"{line}{error.message or type(error).__name__}")) from error
        except (
            ArithmeticError,
            LookupError,
            MemoryError,
            RecursionError,
            TypeError,
            ValueError,
            AttributeError,
        ) as error:
            raise TemplateProblemError(code(f"{type(error).__name__}: {error}")) from error
        text = "".join(pieces).strip()
        if not text:
            raise TemplateProblemError("its output is empty")
        return text
