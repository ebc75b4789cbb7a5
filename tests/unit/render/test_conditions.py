"""Conditions, exclusions and stubbed operators in the comment, the terminal and the HTML report."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.support.factories import entry, failed, measured, report

from model_complexity.commands.output import console_on
from model_complexity.compare import status_of
from model_complexity.escape import plain
from model_complexity.render import render, render_html
from model_complexity.render.numbers import condition_markdown
from model_complexity.render.terminal import condition_lines, print_report_text
from model_complexity.report import Measurement, Report

LIMIT = 65_000
PROPOSALS = ("1,000 proposals", "without post-processing")
HOSTILE = "<img src=x>|`@everyone www.evil.example GH-1"


def detector(flops: int = 10, conditions: tuple[str, ...] = PROPOSALS) -> Measurement:
    return measured(flops, conditions=conditions, entry_point="predict")


def comment(shown_report: Report) -> str:
    return render(shown_report, limit=LIMIT)


def terminal(shown_report: Report) -> str:
    out = io.StringIO()
    print_report_text(shown_report, console_on(out, 400))
    return out.getvalue()


def test_common_conditions_are_shown_once_after_the_input() -> None:
    text = comment(report(entry("a.py", detector(20), detector()), entry("b.py", detector(9), None)))
    assert "\n\nInput shape: (3,\xa0224,\xa0224). Conditions: 1,000 proposals.\n\n" in text
    assert "\n| `a.py` | 20 (+10, +100.00\xa0%) |" in text
    assert " Conditions: without post-processing (2 configs). " in text
    assert (
        text.count("with input (1,\xa03,\xa0224,\xa0224). Conditions: 1,000 proposals; without post-processing.") == 2
    )


def test_row_shows_its_conditions_when_they_are_not_common() -> None:
    text = comment(report(entry("a.py", detector(), None), entry("b.py", measured(5), None)))
    assert "\n| `a.py`, new, 1,000 proposals | 10 |" in text
    assert "\n| `b.py`, new | 5 |" in text
    assert "Input shape: (3,\xa0224,\xa0224).\n" in text
    assert " Conditions: without post-processing (1 config). " in text


def test_failing_config_does_not_affect_the_common_conditions() -> None:
    text = comment(report(entry("a.py", detector(), detector()), entry("b.py", failed(), None)))
    assert "Conditions: 1,000 proposals." in text


def test_conditions_are_not_mentioned_when_there_are_none() -> None:
    shown_report = report(entry("a.py", measured(5), measured(6)))
    for text in (comment(shown_report), terminal(shown_report), render_html(shown_report)):
        for word in ("Conditions", "proposals", "tubbed operators"):
            assert word not in text
    assert condition_lines(shown_report) == []


def test_conditions_of_both_sides_are_shown_when_they_differ() -> None:
    before = detector(10)
    shown_report = report(entry("a.py", detector(20, ("2,000 proposals", "without post-processing")), before))
    text = comment(shown_report)
    assert "**`a.py` costs 100.00\xa0% more FLOPs (10 → 20, conditions differ).**" in text
    assert "\n| `a.py`, 2,000 proposals, **at the base: 1,000 proposals** | 20 (+10, +100.00\xa0%) |" in text
    assert (
        "\n**Different at the base:** 1,000 proposals; without post-processing. The deltas include the change of conditions.\n"
    ) in text
    assert "modified, 2,000 proposals; without post-processing, at the base: 1,000 proposals" in terminal(shown_report)
    page = render_html(shown_report)
    assert "modified, 2,000 proposals, at the base: 1,000 proposals</span>" in page
    assert '<td data-label="base">1,000 proposals; without post-processing</td>' in page
    assert "<strong>head and base differ</strong>" in page


def test_config_is_changed_when_only_its_conditions_differ() -> None:
    config = entry("a.py", detector(), measured(10, entry_point="predict"))
    assert status_of(config, compared=True) == "changed"
    text = comment(report(config))
    assert "**1 config changed only in conditions.**" in text
    assert "| `a.py`, 1,000 proposals; without post-processing, **at the base without these conditions** | 10 (" in text


VALUES = "depends on values read at run time: `item` in `exit`"
CHANCE = "depends on seeded random choices: `numpy.random`"


def test_value_conditions_are_shown_once_when_the_sides_agree() -> None:
    side = detector(10, (VALUES, CHANCE))
    shown_report = report(entry("a.py", side, side), entry("b.py", measured(5), measured(5)))
    text = comment(shown_report)
    assert f"\n| `a.py`, {VALUES}; {CHANCE} | 10 (no change) |" in text
    assert f"with input (1,\xa03,\xa0224,\xa0224). Conditions: {VALUES}; {CHANCE}.\n" in text
    assert "at the base" not in text
    page = render_html(shown_report)
    written = "depends on values read at run time: <code>item</code> in <code>exit</code>"
    assert f"modified, {written}; depends on seeded random choices: <code>numpy.random</code>" in page
    assert f'conditions</th><td data-label="base">{written}; ' in page


def test_value_conditions_are_shown_with_the_side_when_the_sides_differ() -> None:
    plain_side = detector(10, ())
    gained = report(entry("a.py", detector(20, (VALUES, CHANCE)), plain_side))
    assert f"| `a.py`, {VALUES}; {CHANCE}, **at the base without these conditions** | 20 (" in comment(gained)
    assert "\n**Different at the base:** no condition. The deltas include the change of conditions.\n" in comment(
        gained
    )
    assert f"modified, {VALUES}; {CHANCE}, at the base without these conditions" in terminal(gained)
    lost = report(entry("a.py", plain_side, detector(20, (VALUES,))))
    assert f"| `a.py`, **at the base: {VALUES}** | 10 (" in comment(lost)
    assert f"\n**Different at the base:** {VALUES}. The deltas include the change of conditions.\n" in comment(lost)
    assert f"modified, at the base: {VALUES}" in terminal(lost)
    written = "depends on values read at run time: <code>item</code> in <code>exit</code>"
    assert f"modified, at the base: {written}</span>" in render_html(lost)


def test_value_condition_is_named_when_others_are_left_out() -> None:
    conditions = (*(f"{n} proposals" for n in range(5)), "without post-processing", VALUES)
    text = comment(report(entry("a.py", measured(5, conditions=conditions), None)))
    assert f"Conditions: {VALUES}; 0 proposals; 1 proposals; 2 proposals; 3 more conditions.\n" in text


def test_long_name_in_a_condition_is_cut() -> None:
    condition = f"depends on values read at run time: `item` in `{'backbone.' * 40}exit`"
    text = comment(report(entry("a.py", measured(5, conditions=(condition,)), None)))
    name = "backbone.backbone.ba…kbone.backbone.exit"
    assert f"Conditions: depends on values read at run time: `item` in `{name}`.\n" in text


def test_condition_with_many_long_names_is_cut_as_a_whole() -> None:
    reads = [f"`item` in `backbone.layers.{number}.blocks.{number}.gate`" for number in range(9)]
    three, nine = (f"depends on values read at run time: {', '.join(reads[:most])}" for most in (3, 9))
    text = comment(report(entry("a.py", measured(5, conditions=(three,)), None)))
    assert f"Conditions: {three}.\n" in text
    text = comment(report(entry("a.py", measured(5, conditions=(nine,)), None)))
    cut = text.partition("Conditions: ")[2].partition(".\n")[0]
    assert len(cut) == 240
    assert cut == f"{nine[:120]}…{nine[-119:]}"


def test_stubbed_operators_are_named_up_to_a_limit() -> None:
    names = tuple(f"operator_{number}" for number in range(12))
    shown_report = report(entry("a.py", measured(5, stubbed_ops=names), None))
    sentence = "Stubbed operators of mmcv (shapes only): `operator_0`, "
    assert sentence in comment(shown_report)
    assert "`operator_9` and 2 more." in comment(shown_report)
    assert "stubbed operators" in render_html(shown_report)
    assert "operator_11" in render_html(shown_report)
    assert "Stubbed operators of mmcv (shapes only) in a.py at (3, 224, 224): operator_0, " in terminal(shown_report)


def test_hostile_conditions_are_text_and_limited() -> None:
    conditions = tuple(f"{HOSTILE} {number} {'long' * 100}" for number in range(20))
    head = measured(20, conditions=conditions, stubbed_ops=conditions)
    shown_report = report(
        entry("a.py", head, measured(10, conditions=conditions[:2])), entry("b.py", measured(1), None)
    )
    text = comment(shown_report)
    row = next(line for line in text.splitlines() if line.startswith("| `a.py`"))
    assert row.count("``<img src=x>\\|`@everyone") == 4
    assert "16 more conditions" in row
    assert len(row) < 700
    page = render_html(shown_report)
    assert "<img" not in page
    assert "long" * 30 not in page


TOKENS = st.sampled_from(
    ["`", "``", "|", "\\", "<b>", "@team", ": ", ":a:", "www.a.b", "*", "_", "[a](b)", "\n", " ", "a", "~"]
)


@given(st.lists(TOKENS, max_size=12).map("".join))
def test_names_in_a_condition_cannot_leave_their_code(condition: str) -> None:
    html = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .render(f"| a |\n|--|\n| **{condition_markdown(plain(condition))}** end |")
    )
    cell = html[html.index("<td>") :].removeprefix("<td>").partition("</td>")
    outside = (
        re.sub(r"<code>[^<]*</code>", "", cell[0]).replace("<strong>", "").replace("</strong>", "").replace("*", "")
    )
    assert re.fullmatch(r"(?:[A-Za-z ]|: )*", outside)
    assert html.count("<td>") == 1
    assert cell[2].split() == ["</tr>", "</tbody>", "</table>"]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("without post-processing", "without post-processing"),
        ("8 frames of 3 clips", "8 frames of 3 clips"),
        ("www.evil.example", "`www.evil.example`"),
        ("GH-1", "`GH-1`"),
        ("@everyone", "`@everyone`"),
        ("read: `a` in `b`", "read: `a` in `b`"),
        ("read `www.evil.example` and `a|b`", "read `www.evil.example` and `a\\|b`"),
        (":tada: `a`", "`` :tada: `a` ``"),
        ("`a``b`", "``` `a``b` ```"),
        ("`a` <b>`c`", "`` `a` <b>`c` ``"),
        ("read `a", "``read `a``"),
        ("read ` ` x", "``read ` ` x``"),
    ],
)
def test_condition_is_code_unless_it_is_plain_words(condition: str, words: str) -> None:
    text = comment(report(entry("a.py", measured(5, conditions=(condition,)), None)))
    assert f"with input (1,\xa03,\xa0224,\xa0224). Conditions: {words}." in text
