"""The deployed form in the comment, the terminal and the HTML report."""

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


def comment(shown_report: Report) -> str:
    return render(shown_report, limit=65_000)


def test_deployed_form_has_its_own_row_and_delta() -> None:
    text = comment(report(entry("a.py", repvgg(20, 15), repvgg(10, 10)), entry("b.py", measured(5), measured(4))))
    assert (
        "| `a.py` | 20 (+10, +100.00\xa0%) | 1K (no change) | 0.5K (no change) |\n"
        "| `a.py`, deployed | 15 (+5, +50.00\xa0%) | 0.8K (no change) | 0.25K (no change) |\n"
        "| `b.py` |"
    ) in text
    assert text.count(", deployed |") == 1


@pytest.mark.parametrize(("base", "flops"), [(None, "15"), (repvgg(10, None), "15")])
def test_deployed_form_has_no_delta_when_the_base_has_no_such_form(base: Measurement | None, flops: str) -> None:
    text = comment(report(entry("a.py", repvgg(20, 15), base)))
    assert f"| `a.py`, deployed | {flops} | 0.8K | 0.25K |" in text


def test_deployed_form_has_no_delta_when_entry_points_differ() -> None:
    base = repvgg(10, 10).model_copy(update={"entry_point": "forward"})
    text = comment(report(entry("a.py", repvgg(20, 15), base)))
    assert "| `a.py`, deployed | 15 | 0.8K (no change) | 0.25K |" in text


@pytest.mark.parametrize("width", [WIDE, WIDE - 1])
def test_terminal_shows_the_deployed_form(width: int) -> None:
    out = io.StringIO()
    print_report_text(report(entry("a.py", repvgg(20, 15), repvgg(10, 10))), console_on(out, width))
    assert "deployed" in out.getvalue()
    assert "+5  +50.00 %" in out.getvalue()


def test_html_report_shows_the_deployed_form_and_its_mode() -> None:
    page = render_html(report(entry("a.py", repvgg(20, 15), repvgg(10, 10))))
    assert "flops 15, params 0.8K, activations 0.25K" in page


def test_uncounted_deployed_form_has_a_reason_and_keeps_the_other_figures() -> None:
    head = measured(20, deployed_failure="RuntimeError: <b>no</b>")
    text = comment(report(entry("a.py", head, None)))
    assert "\nThe deployed form failed: `RuntimeError: <b>no</b>`\n" in text
    assert ", deployed |" not in text
    assert "failed: RuntimeError: &lt;b&gt;no&lt;/b&gt;" in render_html(report(entry("a.py", head, None)))
