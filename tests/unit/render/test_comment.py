"""Reports as Markdown: whole texts, limits, and hostile names."""

from __future__ import annotations

import re
from typing import Any

import pytest
from markdown_it import MarkdownIt
from tests.support.factories import SHAPE, entry, failed, measured, module, report
from tests.support.golden import golden

from model_complexity.compare.deltas import Delta
from model_complexity.escape import code, fenced, html_code, truncate_middle
from model_complexity.render import render
from model_complexity.render.markdown.comment import STEPS
from model_complexity.render.numbers import percent, signed
from model_complexity.report import DiscoveryWarning, Entry, Module, Report, Target, UnsupportedOps

LIMIT = 65_000
HOSTILE = [
    "a|b`c``d|",
    "`",
    "@octocat/reviewers #1 GH-2 https://example.org",
    "</code></details><script>alert(1)</script>",
    '<!-- model-complexity key="default" -->',
    "![x](https://example.org/x.png)",
    "x\n```\n# heading\n",
    "\N{RIGHT-TO-LEFT OVERRIDE}yp.gifnoc",
    "::error::x ##[error]y",
    "n" * 10_000,
    " ",
    "\\|\\`",
    "&lt;b&gt; :tada: {{ 7 * 7 }} {% raw %}",
]


def test_comment_of_a_full_report_has_all_sections() -> None:
    modules = (
        module("", depth=0, params=1_000, flops=3_000, activations=500),
        module("stem", depth=1, params=800, flops=3_000, activations=500),
        module("head", depth=1, params=200),
    )
    uncounted = UnsupportedOps(negligible={"aten::add": 9}, uncounted={"aten::fft_rfft2": 3, "mmcv::nms": 12})
    changed = entry("configs/net/a.py", measured(3_000, modules=modules, unsupported_ops=uncounted), measured(2_000))
    text = render(
        report(
            changed,
            entry("configs/net/b.py", measured(10), measured(10), reason="inherited", through="configs/_base_/n.py"),
            entry("configs/net/c.py", measured(10, entry_point="forward"), None, reason="added"),
            entry("configs/net/d.py", None, measured(10), reason="deleted"),
            entry("configs/net/e.py", failed("forward", "RuntimeError: I want 7 channels"), measured(10)),
            entry("configs/net/f.py", measured(10), failed("timeout", "no result after 300 seconds")),
            entry("top.py", measured(2_500), measured(2_500), reason="renamed", base_config="old.py"),
            not_measured=(Target(config="configs/z.py", base_config=None, reason="added"),),
            warnings=(DiscoveryWarning(config="configs/sly.py", message="`_base_` holds a call"),),
            notes=("A sentence that the reader must know.",),
            run_url="https://github.com/octocat/zoo/actions/runs/42",
        ),
        limit=LIMIT,
    )
    assert text == golden("everything.md", f"{text}\n").removesuffix("\n")


def test_comment_has_figures_only_when_the_run_has_no_base() -> None:
    text = render(
        report(entry("configs/a.py", measured(10), None, reason="requested"), base=None, pull_request=None), limit=LIMIT
    )
    assert "**`a.py` has 10 FLOPs, 1K params and 0.5K activations. There is no base to compare with.**" in text
    assert "\n| `a.py` | 10 | 1K | 0.5K |\n\nInput shape: (3,\xa0224,\xa0224).\n" in text
    assert "merge base" not in text


def test_config_has_a_row_for_each_shape_and_is_counted_once() -> None:
    small = {"input_shape": (1, 3, 8, 8)}
    large, small = (
        entry("configs/a.py", measured(10), measured(10)),
        entry("configs/a.py", measured(9, **small), measured(8, **small)),
    )
    text = render(report(large, small.model_copy(update={"shape": (3, 8, 8)})), limit=LIMIT)
    assert "**`a.py` costs 12.50\xa0% more FLOPs (8 → 9).**" in text
    assert "\n| `a.py` | (3,\xa08,\xa08) | 9 (+1, +12.50\xa0%) |" in text
    assert "\n| `a.py` | (3,\xa0224,\xa0224) | 10 (no change) |" in text


def test_comment_has_a_sentence_when_nothing_is_measured() -> None:
    assert "**Nothing was measured.**" in render(report(), limit=LIMIT)


def tree(rows: int, depth: int = 3) -> tuple[Module, ...]:
    """Modules of a model, as many as the rows of its table, with children down to a depth."""
    names = ["", *("m" + str(n // depth) + ".x" * (n % depth) for n in range(rows - 1))]
    return tuple(
        module(name, depth=name.count("."), params=n, flops=n, activations=n) for n, name in enumerate(names, 1)
    )


def many(count: int, rows: int = 40) -> Report:
    modules = tree(rows)
    names = [f"configs/family{n}/a-rather-long-name-of-a-config-{n}.py" for n in range(count)]
    return report(*(entry(name, measured(n + 2, modules=modules), measured(n + 1)) for n, name in enumerate(names)))


LARGE = [pytest.param(*size, marks=pytest.mark.slow) for size in ((300, 40), (1_000, 4), (5_000, 4))]


@pytest.mark.parametrize(("count", "rows"), [(1, 40), (20, 40), (60, 40), *LARGE])
def test_detail_is_dropped_in_steps_with_a_notice_when_the_comment_is_too_long(count: int, rows: int) -> None:
    text = render(many(count, rows), limit=LIMIT)
    assert len(text) <= LIMIT
    assert well_formed(text)
    notices = [step.notice for step in STEPS if step.notice and step.notice in text]
    full = render(many(count, rows), limit=10**9)
    assert full.count("a-rather-long-name") == 2 * count + 1, "a row and a section for each, and the verdict"
    assert bool(notices) is (len(full) > LIMIT), "a notice if and only if something was left out"
    assert text.splitlines()[2] == full.splitlines()[2], "the verdict is always there"


def section_of(text: str, name: str) -> str:
    """A config's section, up to the next one or the footer."""
    rest = text.partition(f"<details><summary><code>{name}</code>")[2]
    return re.split(r"^(?:<details><summary><code>|<sub>)", rest, maxsplit=1, flags=re.MULTILINE)[0].rstrip()


def test_summary_has_a_row_for_every_config_or_a_notice() -> None:
    result = measured(1, modules=tree(1))
    text = render(report(*(entry(f"c{n}.py", result, result) for n in range(1_200))), limit=1_048_575)
    assert sum(line.startswith("| `c") for line in text.splitlines()) == 1_200
    assert "to fit GitHub's limit" not in text


def test_long_table_does_not_affect_other_tables() -> None:
    small = entry("small.py", measured(2, modules=tree(20)), measured(1))
    text = render(report(entry("big.py", measured(2, modules=tree(1_200, 1)), measured(1)), small), limit=LIMIT)
    assert section_of(text, "small.py") == section_of(render(report(small), limit=LIMIT), "small.py")
    assert "| model" not in section_of(text, "big.py")
    assert (
        "The table of modules is left out to fit GitHub's limit. See the report file of this run for every module."
        in section_of(text, "big.py")
    )
    assert "The longest sections of configs are cut to fit GitHub's limit" in text


def test_long_table_keeps_as_many_levels_as_fit() -> None:
    text = render(report(entry("big.py", measured(2, modules=tree(1_200, 3)), measured(1))), limit=LIMIT)
    assert "The table of modules is cut at depth 2 to fit GitHub's limit. See the report file" in text
    assert (text.count("\n|  .x"), text.count("\n|   .x.x")) == (0, 0)
    assert LIMIT // 2 < len(text) <= LIMIT


def test_long_failure_details_do_not_affect_tables() -> None:
    failures = [entry(f"f{n}.py", failed(detail="head\n" + "x" * 19_990 + "end"), None) for n in range(4)]
    small = entry("small.py", measured(2, modules=tree(20)), measured(1))
    text = render(report(*failures, small), limit=LIMIT)
    assert "| model" in section_of(text, "small.py")
    for failure in failures:
        section = section_of(text, failure.target.name)
        assert f"```text\n{'x' * 5_997}end\n```" in section
        assert "Only the last 6,000 characters of the detail are shown." in section
    cut = render(report(*failures * 5, small), limit=LIMIT)
    assert "| model" in section_of(cut, "small.py")
    assert f"```text\n{'x' * 1_497}end\n```" in cut


def test_forged_table_does_not_affect_the_rest_of_the_comment() -> None:
    forged = tuple(
        module(f"{n}" + "`" * 900, depth=1, params=1, flops=1, activations=1, shape=(2**62,) * 8) for n in range(5_000)
    )
    small = entry("small.py", measured(2, modules=tree(20)), measured(1))
    text = render(report(entry("forged.py", measured(2, modules=forged), measured(1)), small), limit=1_048_575)
    assert "| model" in section_of(text, "small.py")
    assert (
        "The table of modules is left out to fit GitHub's limit. See the report file of this run for every module."
        in section_of(text, "forged.py")
    )
    few = measured(2, modules=tuple(module.model_copy(update={"shape": None}) for module in forged[:10]))
    text = render(report(*(entry(f"f{n}.py", few, measured(1)) for n in range(4)), small), limit=LIMIT)
    assert len(text) <= LIMIT
    assert "| model" in section_of(text, "small.py")


@pytest.mark.parametrize(
    ("change", "lost"),
    [({"modules": (None,)}, "the rest of this section"), ({"entry_point": None}, "this section")],
)
def test_invalid_section_does_not_affect_the_others(change: dict[str, Any], lost: str) -> None:
    small = entry("small.py", measured(2), measured(1))
    broken = entry("broken.py", measured(2), None)
    broken = broken.model_copy(update={"head": measured(2).model_copy(update=change)})
    text = render(report(small).model_copy(update={"entries": (broken, small)}), limit=LIMIT)
    assert f"\nWriting {lost} failed (`AttributeError`). See the report file" in section_of(text, "broken.py")
    assert section_of(text, "small.py") == section_of(render(report(small), limit=LIMIT), "small.py")


def test_uncounted_operators_of_the_base_are_shown() -> None:
    lstm = UnsupportedOps(uncounted={"aten::lstm": 2})
    text = render(report(entry("a.py", measured(10), measured(10, unsupported_ops=lstm))), limit=LIMIT)
    assert "**1 config changed only in uncounted operators.**" in text
    assert "| 10 (no change, uncounted operators differ) | 1K (no change) | 0.5K (no change) |" in text
    assert "**Not counted at the base:** `aten::lstm` ×2." in text
    text = render(report(entry("a.py", measured(20, unsupported_ops=lstm), measured(10))), limit=LIMIT)
    assert "**`a.py` costs 100.00\xa0% more FLOPs (10 → 20, uncounted operators differ).**" in text
    assert "**Not counted:** `aten::lstm` ×2.\n\n**Not counted at the base:** nothing." in text


def test_flops_have_no_delta_when_entry_points_differ() -> None:
    base = measured(1_000, entry_point="forward", device="cuda", mode="dry", input_shape=(2, 3, 224, 224))
    text = render(report(entry("a.py", measured(10, 2_000), base)), limit=LIMIT)
    assert "**1 config is not comparable with the base, which has another entry point.**" in text
    assert "| 10 (not comparable) | 2K (+1K, +100.00\xa0%) | 0.5K (not comparable) |" in text
    assert (
        "**Different at the base:** entry point `forward`, device `cuda`, dry run, input (2,\xa03,\xa0224,\xa0224)."
        " FLOPs and activations of different entry points are not compared."
    ) in text
    text = render(report(entry("a.py", measured(10), measured(10, device="cuda"))), limit=LIMIT)
    assert "**1 config is unchanged.**" in text
    assert "**Different at the base:** device `cuda`.\n" in text


def test_render_raises_when_nothing_fits_the_limit() -> None:
    with pytest.raises(ValueError, match="a report needs more than 100 bytes"):
        render(many(3), limit=100)


def well_formed(text: str) -> bool:
    """Every details element is opened and closed, and every fence, outside of code."""
    open_details, fence = 0, None
    for line in text.splitlines():
        if fence:
            fence = None if line == fence else fence
        elif opening := re.fullmatch("(`{3,})(?:text|mermaid)?", line):  # what follows a fence holds no backtick
            fence = opening[1]
        else:
            bare = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", line)
            open_details += len(re.findall("<details(?: open)?>", bare)) - bare.count("</details>")
            if open_details not in (0, 1, 2):
                return False
    return open_details == 0 and fence is None


def hostile_report(name: str) -> Report:
    label = name[:900].replace(".", "") or "x"
    modules = (
        module("", depth=0, params=2, flops=2, activations=2),
        module(label, depth=1, params=1, flops=1, activations=1),
    )
    path = name[:4_000] or "x"
    operators = UnsupportedOps(
        uncounted={name[:500]: 2, "aten::other": 1},
        modules={name[:500]: (label,)},
        reasons={"aten::other": f"@{name[:499]}"},
    )
    untrusted = {
        "conditions": (f"@{name[:499]}",),
        "stubbed_ops": (name[:500],),
        "shared_modules": {label: (f"{label}b",)},
    }
    return report(
        entry(
            path, measured(2, modules=modules, unsupported_ops=operators), measured(1), reason="inherited", through=path
        ),
        entry(
            path,
            measured(2, **untrusted),
            measured(1, entry_point="f" + name[:499], device="d" + name[:499], unsupported_ops=operators),
        ),
        entry(path, failed(message=name[:500], detail=name, hint=name[:500]), failed(message=name[:500])),
        entry(
            path,
            measured(2, entry_point="f" + name[:499], device=name[:500]),
            failed(message=name[:500]),
            reason="renamed",
            base_config=path,
        ),
        not_measured=(Target(config=path, base_config=None, reason="added"),),
        warnings=(DiscoveryWarning(config=path + "2", message=name[:500]),),
    )


def visible(text: str) -> tuple[list[str], str]:
    """The HTML that a Markdown renderer makes of it: the tags outside of code, and the text outside of code."""
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text)
    bare = re.sub(r"<code[^>]*>.*?</code>", "", html, flags=re.DOTALL)
    return re.findall(r"<[^>]+>", bare), re.sub(r"<[^>]+>", "", bare)


def innocuous(name: str) -> str:
    """The same name with nothing in it: slashes alone matter, for they part folder and file."""
    return re.sub(r"[^/]", "x", name, flags=re.DOTALL)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_name_is_rendered_as_text_only(name: str) -> None:
    tags, plain = visible(render(hostile_report(name), limit=LIMIT))
    innocent_tags, innocent = visible(render(hostile_report(innocuous(name)), limit=LIMIT))
    assert tags == innocent_tags
    assert plain == innocent


@pytest.mark.parametrize("text", HOSTILE)
def test_code_span_cannot_be_closed_by_its_text(text: str) -> None:
    html = MarkdownIt("commonmark").enable("table").render(f"| a | b |\n|--|--|\n| {code(text)} | end |")
    assert html.count("<td>") == 2
    assert html.count("<code>") == 1


def test_block_cannot_be_closed_by_its_text() -> None:
    html = MarkdownIt("commonmark", {"html": True}).render(fenced("a\n```\n````\n</details>\n") + "\nafter")
    assert html.endswith("<p>after</p>\n")
    assert html.count("<pre>") == 1


def test_clipped_text_keeps_both_ends() -> None:
    assert truncate_middle("abcdefghij", 5) == "ab…ij"
    assert truncate_middle("abc", 5) == "abc"
    assert html_code("<b>&", 10) == "<code>&lt;b&gt;&amp;</code>"


@pytest.mark.parametrize(
    ("delta", "text"),
    [
        (Delta(0, 0.0), ("no change",)),
        (Delta(715_000_000, 0.0424), ("+0.715G", "+4.24\xa0%")),
        (Delta(-92_160, -0.00101), ("−92.16K", "−0.10\xa0%")),
        (Delta(1, 0.0000001), ("+1", "+<0.01\xa0%")),
        (Delta(5, None), ("+5",)),
        (Delta(10**12, 1234.5), ("+1T", "+123,450.00\xa0%")),
    ],
)
def test_signed_delta_has_a_sign_and_a_percentage(delta: Delta, text: tuple[str, ...]) -> None:
    assert signed(delta) == text


def test_percentage_of_a_change_is_not_rounded_to_zero() -> None:
    assert percent(0.00004) == "+<0.01\xa0%"
    assert percent(-0.00005) == "−0.01\xa0%"


def test_entry_has_its_shape() -> None:
    config: Entry = entry("a.py", measured(1), None)
    assert config.shape == SHAPE
