"""The form that a model is deployed in, in the comment, on a terminal and on the page."""

from __future__ import annotations

import io

import pytest
from tests.support.factories import counts, entry, measured, report

from model_complexity.commands.output import console_on
from model_complexity.render import render, render_html
from model_complexity.render.terminal import WIDE, print_report_text
from model_complexity.report import Deployed, Measurement, Report


def repvgg(flops: int, deployed: int | None) -> Measurement:
    form = None if deployed is None else Deployed(figures=counts(deployed, 800, 250))
    return measured(flops, deployed=form)


def comment(shown: Report) -> str:
    return render(shown, limit=65_000)


def test_it_has_a_row_of_its_own_with_its_own_change() -> None:
    text = comment(report(entry("a.py", repvgg(20, 15), repvgg(10, 10)), entry("b.py", measured(5), measured(4))))
    assert (
        "| `a.py` | 20 (+10, +100.00\xa0%) | 1K (no change) | 0.5K (no change) |\n"
        "| `a.py`, deployed | 15 (+5, +50.00\xa0%) | 0.8K (no change) | 0.25K (no change) |\n"
        "| `b.py` |"
    ) in text
    assert text.count(", deployed |") == 1


@pytest.mark.parametrize(("base", "said"), [(None, "15"), (repvgg(10, None), "15")])
def test_without_such_a_form_at_the_base_there_is_no_change_to_tell(base: Measurement | None, said: str) -> None:
    text = comment(report(entry("a.py", repvgg(20, 15), base)))
    assert f"| `a.py`, deployed | {said} | 0.8K | 0.25K |" in text


def test_forms_of_different_methods_are_not_compared() -> None:
    base = repvgg(10, 10).model_copy(update={"entry_point": "forward"})
    text = comment(report(entry("a.py", repvgg(20, 15), base)))
    assert "| `a.py`, deployed | 15 | 0.8K (no change) | 0.25K |" in text


@pytest.mark.parametrize("width", [WIDE, WIDE - 1])
def test_the_terminal_tells_it_too(width: int) -> None:
    out = io.StringIO()
    print_report_text(report(entry("a.py", repvgg(20, 15), repvgg(10, 10))), console_on(out, width))
    assert "deployed" in out.getvalue()
    assert "+5  +50.00 %" in out.getvalue()


def test_the_page_has_it_with_how_it_was_measured() -> None:
    page = render_html(report(entry("a.py", repvgg(20, 15), repvgg(10, 10))))
    assert "flops 15, params 0.8K, activations 0.25K" in page


def test_a_form_that_cannot_be_counted_says_why_and_costs_nothing_else() -> None:
    head = measured(20, deployed_failure="RuntimeError: <b>no</b>")
    text = comment(report(entry("a.py", head, None)))
    assert "\nThe deployed form failed: `RuntimeError: <b>no</b>`\n" in text
    assert ", deployed |" not in text
    assert "failed: RuntimeError: &lt;b&gt;no&lt;/b&gt;" in render_html(report(entry("a.py", head, None)))
