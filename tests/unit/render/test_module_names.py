"""Uncounted operators with their modules and reasons, and modules with several names, in all three reports."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from tests.support.factories import conv, entry, measured, model, module, norm, parts, pyramid, report

from model_complexity.commands.output import console_on
from model_complexity.escape import code, inline
from model_complexity.render import render, render_html
from model_complexity.render.html.module_tree import tree
from model_complexity.render.module_names import shared_sentence, uncounted_texts
from model_complexity.render.terminal import print_report_text
from model_complexity.report import Measurement, Report, UnsupportedOps

LIMIT = 65_000
BOXES = "its work depends on the values of the boxes"
ALL_NAMES = "Each first name's row has the work of all its names"
HOSTILE = "</details><img src=x>|`@everyone www.evil.example\n# GH-1"


def comment(shown_report: Report) -> str:
    return render(shown_report, limit=LIMIT)


def terminal(shown_report: Report) -> str:
    out = io.StringIO()
    print_report_text(shown_report, console_on(out, 400))
    return out.getvalue()


def with_operators(**operators: Any) -> Measurement:
    return measured(5, unsupported_ops=UnsupportedOps(**operators))


def texts_of(**operators: Any) -> list[str]:
    return uncounted_texts(with_operators(**operators), code, inline)


def test_uncounted_operator_has_its_module_and_reason_in_all_reports() -> None:
    nms = {"torchvision::nms": 3}
    side = with_operators(
        negligible={"aten::sort": 7},
        uncounted=nms,
        modules={"torchvision::nms": ("roi_head",)},
        reasons={"torchvision::nms": BOXES},
    )
    shown_report = report(entry("a.py", side, None))
    text = comment(shown_report)
    assert f"\n\n**Not counted:** `torchvision::nms` ×3 in `roi_head` ({BOXES}).\n\n" in text
    assert "aten::sort" not in text, "it is negligible"
    assert f"Not counted in a.py at (3, 224, 224): torchvision::nms ×3 in roi_head ({BOXES}).\n" in terminal(
        shown_report
    )
    assert f'<td data-label="head">torchvision::nms ×3 in roi_head ({BOXES})</td>' in render_html(shown_report)


def test_uncounted_operators_are_a_list_when_they_have_modules_or_reasons() -> None:
    operators = {"mmcv::nms": 12, "aten::fft_rfft2": 3}
    reasons = {"mmcv::nms": BOXES, "aten::fft_rfft2": "compiled code: no formula"}
    side = with_operators(uncounted=operators, modules={"aten::fft_rfft2": ("",)}, reasons=reasons)
    before = with_operators(uncounted={"a": 1, "b": 1}, modules={"b": ("neck",)})
    text = comment(report(entry("a.py", side, before)))
    assert (
        "**Not counted:**\n\n"
        f"- `mmcv::nms` ×12 ({BOXES})\n"
        "- `aten::fft_rfft2` ×3 in the model itself (compiled code: no formula)\n\n"
        "**Not counted at the base:**\n\n"
        "- `a` ×1\n"
        "- `b` ×1 in `neck`\n\n"
    ) in text


def test_list_of_uncounted_operators_is_limited() -> None:
    names = [f"acme::op{n:02}" for n in range(14)]
    text = comment(
        report(entry("a.py", with_operators(uncounted=dict.fromkeys(names, 1), reasons={names[0]: BOXES}), None))
    )
    assert "- `acme::op09` ×1\n- and 4 more\n\n" in text
    assert "\n- `acme::op10`" not in text


@pytest.mark.parametrize(
    ("modules", "where"),
    [
        (("neck",), "`neck`"),
        (("", "neck"), "the model itself and `neck`"),
        (("a", "b", "c"), "`a`, `b` and `c`"),
        (("a", "b", "c", "d", "e"), "`a`, `b`, `c` and 2 more"),
        (tuple(f"layers.{n}.attn" for n in range(12)), "`layers.{0–11}.attn`"),
        (("a", "b", "c", *(f"layers.{n}" for n in range(4))), "`a`, `b`, `c` and 4 more"),
        (tuple(f"layers.{n}" for n in range(20)), "`layers.{0–19}` and more"),
        (tuple("abcdefghijklmnopqrst"), "`a`, `b`, `c` and more"),
    ],
)
def test_modules_of_an_operator_are_few_and_grouped(modules: tuple[str, ...], where: str) -> None:
    assert texts_of(uncounted={"x": 30}, modules={"x": modules}) == [f"`x` ×30 in {where}"]


def test_hostile_operators_modules_and_reasons_are_text_and_limited() -> None:
    long = [f"{HOSTILE}{'long' * 100}"[:500] + letter for letter in "abcdefghij"]
    names = [name[-500:] for name in long]
    side = with_operators(
        uncounted=dict.fromkeys(names, 1),
        modules=dict.fromkeys(names, tuple(long)),
        reasons=dict.fromkeys(names, long[0][:500]),
    ).model_copy(update={"shared_modules": {name: tuple(long) for name in long}})
    for text in uncounted_texts(side, code, inline):
        assert len(text) < 450
        assert "\n" not in text
    sentence = shared_sentence(side, 4, code)
    assert len(sentence) < 1_000
    assert "\n" not in sentence
    page = render_html(report(entry("a.py", side, side)))
    assert "<img" not in page
    assert "long" * 30 not in page
    assert "<img src=x>" not in comment(report(entry("a.py", side, None))).replace("``", "").split("<details>")[0]


def test_shared_modules_are_named_below_the_table() -> None:
    text = comment(report(entry("a.py", pyramid(shared=True), None)))
    assert (
        "```\n\n**Shared modules:** `head.levels.0.conv` is also `head.levels.{1–2}.conv`."
        " Its row has the work of all of them.\n\n</details>\n"
    ) in text


def test_shared_modules_are_not_mentioned_when_their_names_differ_below_the_table() -> None:
    side = measured(5, shared_modules={"a.b.c.d.e": ("a.b.c.d.f",), "a.b.c.d": ("a.b.c.g",)})
    assert shared_sentence(side, 3, code) == (
        "**Shared modules:** `a.b.c.d` is also `a.b.c.g`. Its row has the work of all of them."
    )
    assert shared_sentence(side, 2, code) == ""


@pytest.mark.parametrize(
    ("shared", "sentence"),
    [
        ({}, ""),
        (
            {"head": ("head2",), "head.conv": ("head2.conv",), "head.conv.bn": ("head2.conv.bn", "stem")},
            "`head` is also `head2`, `head.conv.bn` is also `stem`. " + ALL_NAMES,
        ),
        (
            {f"cls.0.{n}.conv": tuple(f"cls.{level}.{n}.conv" for level in (1, 2)) for n in range(2)},
            "`cls.0.{0–1}.conv` is also `cls.{1–2}.{0–1}.conv`. " + ALL_NAMES,
        ),
        (
            dict.fromkeys("abcde", ("o",)),
            "`a` is also `o`, `b` is also `o`, `c` is also `o`, 2 more have several names. " + ALL_NAMES,
        ),
        (
            {"a": tuple("bcdefg")},
            "`a` is also `b`, `c`, `d` and 3 more. Its row has the work of all of them",
        ),
    ],
)
def test_shared_modules_are_few_and_grouped(shared: dict[str, tuple[str, ...]], sentence: str) -> None:
    expected = f"**Shared modules:** {sentence}." if sentence else ""
    assert shared_sentence(measured(5, shared_modules=shared), 3, code) == expected


def test_module_that_comes_to_be_shared_is_neither_removed_nor_new() -> None:
    apart, shared = pyramid(shared=False), pyramid(shared=True)
    for head, base, words in ((shared, apart, "now"), (apart, shared, "no longer")):
        shown_report = report(entry("a.py", head, base))
        text = comment(shown_report)
        assert f"| `head.levels.1.conv`, {words} the same module as `head.levels.0.conv` | " in text
        assert ", new" not in text
        assert ", removed" not in text
        assert f"head.levels.2.conv, {words} the same module as head.levels.0.conv " in terminal(shown_report)
        assert "removed" not in terminal(shown_report)


def remarks(head: Measurement, base: Measurement | None) -> dict[str, str]:
    """The remarks of modules of the HTML report's tree, by place and label; parameters have their shapes."""
    rows = json.loads(tree(entry("a.py", head, base), 99).json)["rows"]
    return {f"{place} {row[1]}": row[2] for place, row in enumerate(rows) if row[2] and not row[2].startswith("(")}


ALSO = "also head.levels.{1–2}.conv, with the work of all"


def test_tree_names_the_other_names_on_the_row_of_a_shared_module() -> None:
    shared = pyramid(shared=True)
    assert remarks(shared, None) == {"4 conv": ALSO}
    assert remarks(shared, shared) == {"4 conv": ALSO}


def test_tree_keeps_the_row_of_a_module_that_comes_to_be_shared() -> None:
    counted = "counted in the row of head.levels.0.conv"
    for head, base, side in ((True, False, "head"), (False, True, "the base")):
        both = entry("a.py", pyramid(shared=head), pyramid(shared=base))
        rows = json.loads(tree(both, 99).json)["rows"]
        assert {row[3] for row in rows} == {0, 3}, "none is new or removed"
        conv_rows = [row for row in rows if row[1] == "conv"]
        assert [row[2] for row in conv_rows] == [f"at {side}: {ALSO}", f"at {side}: {counted}", f"at {side}: {counted}"]
        ours, zero = "0.768K", "0"
        assert conv_rows[1][4][:2] == ([ours, zero] if head else [zero, ours])
        assert [label.split()[1] for label in remarks(pyramid(shared=head), pyramid(shared=base))] == ["conv"] * 3


def test_tree_names_the_row_of_another_name_when_it_has_a_row_of_its_own() -> None:
    rows = (module("", 0, flops=9, params=4), module("a", 1, flops=9, params=4), module("b", 1, flops=0))
    side = measured(9, modules=rows, shared_modules={"a": ("b",)})
    assert remarks(side, side) == {"1 a": "also b, with the work of all", "2 b": "counted in the row of a"}


def test_whole_branch_that_comes_to_be_shared_is_one_change() -> None:
    branch = parts(conv=conv(4, 3), bn=norm(4))
    base = model(one=branch, two=branch)
    head = model(one=branch).model_copy(update={"shared_modules": {"one": ("two",)}})
    text = comment(report(entry("a.py", head, base)))
    assert "`two.conv`, now the same module as `one.conv`" in text
    assert "`two.bn`, now the same module as `one.bn`" in text
    assert "removed" not in text
