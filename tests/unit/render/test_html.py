"""The HTML report as text: its figures are the comment's, hostile names stay text, and cuts have a notice."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import escape
from tests.browser.reports import PAYLOADS, full_report, hostile_report, large_report
from tests.support.factories import Part, conv, entry, failed, measured, model, module, norm, report

from model_complexity.common.metrics import METRICS
from model_complexity.compare import ModuleDiff, module_changes
from model_complexity.escape import code, plain
from model_complexity.render import render, render_html
from model_complexity.render.html import page as html_page
from model_complexity.render.html.module_tree import fair_limit, pairs, script_json, tree
from model_complexity.render.html.page import html_sentence
from model_complexity.render.html.table import rows
from model_complexity.report import Measurement, Module, Report, Target

HOSTILE_TEXT = st.text(
    alphabet=st.one_of(st.sampled_from("`|<>!-/\"'&;{}%\\ \n\x00\u202e"), st.characters(codec="utf-8")), max_size=200
)


class Document(HTMLParser):
    """A page as a list of what a browser would make of it: tags with their attributes' names, and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.scripts: dict[str, str] = {}
        self._script: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))
        self._script = dict(attrs).get("id") or "" if tag == "script" else None

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment",))

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[self._script] = self.scripts.get(self._script, "") + data


def template_context(page: str) -> list[Any]:
    """What the page's script reads."""
    return [json.loads(text) for name, text in Document(page).scripts.items() if name]


def test_html_figures_equal_those_of_the_comment() -> None:
    shown_report = full_report()
    markdown = [line.split(" | ") for line in render(shown_report, limit=65_000).splitlines() if line.startswith("| `")]
    comment = {cells[0].split("`")[1]: cells[-len(METRICS) :] for cells in markdown}
    page = {row.file: row.cells for row in rows(shown_report, 100)}
    for name in ("deeper.py",):  # what is unchanged may be a line that counts, in the comment
        figures = [f"{head[0]} ({', '.join(change)})" for _, head, change in zip(*[iter(page[name])] * 3, strict=True)]
        assert figures == [cell.removesuffix(" |") for cell in comment[name]]


def test_html_report_has_all_sections() -> None:
    page = render_html(full_report())
    for text in (
        "1 budget exceeded", "which fails this run", "flops at most 3% more (9K)",
        "Head failed: forward", "RuntimeError: I want 7 channels", "Traceback\n  deep",
        "Base failed: timeout", "aten::lstm ×2", "A sentence that the reader must know.",
        "1 more config beyond", "configs/z.py", "configs/sly.py", "a" * 40, "b" * 40, "torch 2.13.0",
        "https://github.com/octocat/zoo/actions/runs/42", "through <bdi>configs/_base_/net.py</bdi>",
    ):  # fmt: skip
        assert text in page, text


def test_html_report_shows_an_unreadable_policy_among_the_budgets() -> None:
    page = render_html(report(entry("a.py", measured(1), measured(1)), policy="not_applied"))
    assert "The policy cannot be read, so no budget is checked." in page
    assert 'class="verdict unknown"' in page
    assert "exceeds no budget" not in page


def test_panel_shows_operators_and_uncalled_modules() -> None:
    head = measured(
        9_000,
        operators={"linear": 1_000, "conv": 8_000},
        uncalled_modules=("text", "text.embedding", "relu"),
        modules=(
            module("", 0, flops=9_000),
            module("text", 1, params=5),
            module("text.embedding", 2, params=5),
            module("relu", 1),
        ),
    )
    page = render_html(report(entry("a.py", head, None)))
    assert "conv 8K, linear 1K" in page
    assert 'only params counted</th><td data-label="head">text</td>' in page


def test_html_report_has_a_sentence_when_nothing_is_measured() -> None:
    assert "Nothing was measured." in render_html(report())


def test_content_security_policy_allows_only_the_two_inline_blocks() -> None:
    page = render_html(full_report())
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert len(policy) == 1
    blocks = [re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("script", "style")]
    assert [len(block) for block in blocks] == [1, 1]
    script, style = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for (text,) in blocks)
    assert policy[0].replace("&#39;", "'") == (
        f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'"
    )
    assert not re.search(
        r"\b(src|style|on\w+|action|formaction|srcset|poster|background)=", page.partition("<style>")[0]
    )
    assert {tag for tag, *_ in Document(page).tags}.isdisjoint(
        {"link", "img", "iframe", "object", "embed", "base", "form"}
    )


def innocuous(name: str) -> str:
    """The same name with nothing in it; slashes, dots and blanks alone matter, for they make the parts of a name."""
    return re.sub(r"[^/.\s]", "x", name)


@pytest.mark.parametrize("name", [*PAYLOADS, "n" * 10_000])
def test_hostile_name_adds_no_tags(name: str) -> None:
    assert (
        Document(render_html(hostile_report(name))).tags == Document(render_html(hostile_report(innocuous(name)))).tags
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HOSTILE_TEXT.filter(lambda name: name.replace(".", "").strip() != "" and not name.startswith("https://")))
def test_any_name_is_text_and_adds_no_tags(name: str) -> None:
    page = render_html(hostile_report(name))
    assert Document(page).tags == Document(render_html(hostile_report(innocuous(name)))).tags
    assert "\u202e" not in page
    assert plain(name.replace(".", ""), 80) in [row[1] for data in template_context(page) for row in data["rows"]]


@given(st.recursive(HOSTILE_TEXT, st.lists))
def test_script_json_is_equal_and_cannot_close_the_element(data: Any) -> None:
    text = script_json(data)
    assert json.loads(text) == data
    assert not set("<>&") & set(text)


@given(HOSTILE_TEXT)
def test_html_sentence_keeps_names_of_the_comment(name: str) -> None:
    sentence = html_sentence(f"Before {code(name)} after `x`.")
    assert sentence == f"Before <code>{escape(plain(name))}</code> after <code>x</code>."


def backbone(**children: Part) -> Measurement:
    return model(backbone=Part(children=children))


def states_of(head: Measurement, base: Measurement) -> list[tuple[str, str]]:
    """Label and state of each row."""
    states = ("", "new", "removed", "changed", "renamed")
    data = json.loads(tree(entry("a.py", head, base), 1_000).json)
    return [(row[1], states[row[3]]) for row in data["rows"] if not row[2]]


def test_removed_module_keeps_its_position() -> None:
    head = backbone(stem=conv(4, 3), new=conv(4, 4), out=conv(8, 4))
    base = backbone(stem=conv(4, 3), old=norm(4), out=conv(8, 4))
    assert states_of(head, base) == [
        ("model", ""), ("backbone", ""), ("stem", ""), ("old", "removed"), ("new", "new"), ("out", ""),
    ]  # fmt: skip


def test_renamed_subtree_is_one_row_and_keeps_its_children() -> None:
    block = Part(children={"conv": conv(4, 4), "bn": norm(4)})
    head, base = backbone(stem=conv(4, 3), late=block), backbone(stem=conv(4, 3), early=block)
    data = json.loads(tree(entry("a.py", head, base), 1_000).json)
    labels = [(row[1], row[2]) for row in data["rows"] if row[0] == 2]
    assert labels == [("stem", ""), ("late", "was early")]
    assert [row[4] for row in data["rows"] if row[1] == "conv"] == ["1.024K"], "one text: both sides say the same"
    assert "removed" not in [state for _, state in states_of(head, base)]


def test_module_has_two_rows_when_its_name_has_other_content() -> None:
    head = backbone(a=conv(4, 3), b=norm(4), c=conv(4, 4))
    base = backbone(a=conv(4, 3), b=conv(4, 4))
    labels = [label for label, _ in states_of(head, base)]
    assert labels.count("b") == 1, "the base's b is head's c"
    assert ("c", "renamed") in [
        (row[1], "renamed") for row in json.loads(tree(entry("a.py", head, base), 99).json)["rows"]
    ]


def test_changed_parameter_shows_both_shapes() -> None:
    data = json.loads(tree(entry("a.py", backbone(stem=conv(4, 7)), backbone(stem=conv(4, 3))), 99).json)
    (weight,) = [row for row in data["rows"] if row[1] == "weight"]
    assert weight[2].replace("\xa0", " ") == "(4, 3, 1, 1) → (4, 7, 1, 1)"
    assert weight[3:7] == [3, "", ["12", "28", "+16 +133.33\xa0%"], ""]


names = st.lists(st.sampled_from("ab"), min_size=1, max_size=4).map(".".join)


@given(st.lists(names, unique=True), st.lists(names, unique=True))
def test_pairs_have_every_module_once_below_its_parent(head: list[str], base: list[str]) -> None:
    ours, theirs = (tuple(module(name, depth=1, flops=len(name)) for name in side) for side in (head, base))
    diff = module_changes(measured(1, modules=ours), measured(1, modules=theirs))
    for joined in (pairs(ours, theirs, diff), pairs(ours, theirs, ModuleDiff())):
        assert sorted(pair.head.name for pair in joined if pair.head) == sorted(head)
        assert sorted(pair.base.name for pair in joined if pair.base) == sorted(base)
        path: list[str] = []
        for pair in joined:
            del path[pair.depth :]
            if path and pair.head:
                assert not path[-1] or pair.name.startswith(path[-1] + "."), "each is below an ancestor"
            path.append(pair.name)


def test_flops_are_shown_without_a_delta_when_entry_points_differ() -> None:
    head = backbone(stem=conv(8, 3)).model_copy(update={"entry_point": "forward"})
    data = json.loads(tree(entry("a.py", head, backbone(stem=conv(4, 3))), 99).json)
    stem = next(row for row in data["rows"] if row[1] == "stem")
    assert (stem[4], stem[5]) == (["0.768K", "1.536K", ""], ["12", "24", "+12 +100.00\xa0%"])


def test_large_tree_is_cut_by_whole_levels_with_a_notice() -> None:
    deep = entry("a.py", *(model(**{f"s{n}": Part(children={"c": conv(4, 3)}) for n in range(50)}) for _ in range(2)))
    assert tree(deep, 151) == tree(deep, 1_000)
    assert not tree(deep, 151).notice
    cut = tree(deep, 120)
    assert {row[0] for row in json.loads(cut.json)["rows"]} == {0, 1, 2}
    assert cut.notice == (
        "101 of 151 modules, down to depth 2, are shown to keep this page small. See report.json for the rest."
    )
    flat = tree(deep, 20)
    assert len(json.loads(flat.json)["rows"]) == 20
    assert "20 of 151 modules are shown to keep this page small." in flat.notice


def test_forged_tree_is_limited_in_bytes() -> None:
    wide = "\N{MATHEMATICAL BOLD SMALL A}" * 900
    forged = measured(1, modules=tuple(module(f"{n}{wide}", depth=1, shape=(2**62,) * 8) for n in range(20_000)))
    chain = measured(1, modules=tuple(module(".".join("a" * n), depth=n, flops=1) for n in range(1, 500)))
    page = render_html(report(entry("a.py", forged, None), entry("b.py", chain, chain)))
    assert len(page) < 2_000_000
    assert "The modules are left out to keep this page small" in page
    assert max(row[0] for data in template_context(page) for row in data["rows"]) == 499


def test_configs_details_and_lists_are_cut_with_a_notice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_page, "MAX_CONFIGS", 3)
    monkeypatch.setattr(html_page, "ALL_DETAILS", 30)
    monkeypatch.setattr(html_page, "MAX_LISTED", 2)
    left = tuple(Target(config=f"configs/{n}.py", base_config=None, reason="added") for n in range(5))
    failures = [entry(f"f{n}.py", failed(detail="x" * 50 + str(n)), None) for n in range(5)]
    page = render_html(report(*failures, not_measured=left))
    assert "The first 3 of 5 results are shown" in page
    assert page.count("Only the last 10 characters of the detail are shown. See report.json for all.") == 3
    assert "x" * 9 + "0" in page
    assert "x" * 10 not in page
    assert "and 3 more in report.json." in page


def test_configs_share_a_tree_when_their_models_are_equal() -> None:
    small, large = backbone(stem=conv(4, 3)), backbone(stem=conv(8, 3))
    page = render_html(report(*(entry(f"c{n}.py", small, small) for n in range(9)), entry("d.py", large, small)))
    assert len(template_context(page)) == 2
    assert page.count('data-tree="modules-') == 10


def test_invalid_tree_does_not_affect_the_other_trees() -> None:
    malformed = Module.model_construct(name="x", depth=1, shape=5, figures={})
    broken = measured(2).model_copy(update={"modules": (malformed,)})
    shown_report: Report = report(entry("a.py", measured(3), None), entry("b.py", measured(2), None))
    entries = (shown_report.entries[0], shown_report.entries[1].model_copy(update={"head": broken}))
    page = render_html(shown_report.model_copy(update={"entries": entries}))
    assert "Writing the modules failed (TypeError). See report.json." in page
    assert len(template_context(page)) == 1


@given(st.lists(st.integers(0, 1_000)), st.integers(0, 20_000))
def test_fair_limit_gives_unused_rows_to_larger_trees(sizes: list[int], total: int) -> None:
    level = fair_limit(sizes, total)
    assert sum(min(size, level) for size in sizes) <= total
    assert level == max(sizes, default=0) or sum(min(size, level + 1) for size in sizes) > total


@pytest.mark.slow
def test_trees_of_500_configs_are_complete() -> None:
    page = render_html(large_report(500, 20))
    assert "left out" not in page
    assert len(template_context(page)) == 500
    assert len(page) < 500 * 20 * 250 + 500 * 6_000
