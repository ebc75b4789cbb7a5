"""The HTML report in a real browser: what a reader clicks, presses and sees."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from tests.browser.conftest import OpenPage, PageRecorder
from tests.browser.reports import PAYLOADS, full_report, hostile_report, large_report, resnet
from tests.support.factories import entry, report

from model_complexity.escape import plain
from model_complexity.render.html.module_tree import LONGEST_LABEL

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ["deeper", "fails", "fewer", "fixed", "new", "gone", "same"]
"""In the page's first order: the exceeded budget, the failure, then by size of the change."""


def names(page: Page) -> list[str]:
    return [name.removesuffix(".py") for name in page.locator(".row .file").all_text_contents()]


def config(page: Page, name: str) -> Locator:
    return page.locator(".configs > tbody").filter(
        has=page.locator(".file", has_text=re.compile(f"^{re.escape(name)}$"))
    )


def open_config(page: Page, name: str) -> Locator:
    """Opens a config's row and returns its tree."""
    config(page, name).locator(".toggle").first.click()
    return config(page, name).get_by_role("treegrid")


def labels(tree: Locator) -> list[str]:
    return tree.locator("tbody .label").all_text_contents()


def module(tree: Locator, label: str) -> Locator:
    return tree.locator("tbody > tr").filter(has=tree.page.locator(".label", has_text=re.compile(f"^{label}$"))).first


@pytest.mark.parametrize(
    ("column", "first", "ascending", "blank"),
    [
        ("config", "ascending", ["deeper", "fails", "fewer", "fixed", "gone", "new", "same"], []),
        ("result", "ascending", NAMES, []),
        ("flops, base", "descending", ["fewer", "gone", "deeper", "same", "fails"], ["fixed", "new"]),
        # Those last two differ by 1 beyond 2**53: they are one number to a script.
        ("flops, head", "descending", ["fewer", "deeper", "same", "fixed", "new"], ["fails", "gone"]),
        ("flops, change", "descending", ["fewer", "same", "deeper"], ["fails", "fixed", "new", "gone"]),
    ],
)
def test_column_header_sorts_both_ways(
    open_page: OpenPage, column: str, first: str, ascending: list[str], blank: list[str]
) -> None:
    page = open_page(full_report())
    assert names(page) == NAMES
    header = page.locator(".configs > thead").get_by_role("columnheader", name=column, exact=True)
    button = header.get_by_role("button")
    button.click()
    expect(header).to_have_attribute("aria-sort", first)
    orders = {first: names(page)}
    button.focus()
    page.keyboard.press("Enter")
    second = "descending" if first == "ascending" else "ascending"
    expect(header).to_have_attribute("aria-sort", second)
    orders[second] = names(page)
    assert orders == {"ascending": ascending + blank, "descending": ascending[::-1] + blank}
    assert page.locator("[aria-sort]").count() == 1
    expect(page.get_by_role("status")).to_have_text(f"Sorted by {column}, {second}.")


def test_every_column_sorts_by_its_numbers(open_page: OpenPage) -> None:
    page = open_page(large_report(40, 3))
    headers = page.locator(".configs > thead > tr").last.get_by_role("columnheader")
    assert headers.count() == 12
    units = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}
    for place in range(3, 12):
        headers.nth(place).get_by_role("button").click()
        texts = [cell.splitlines()[-1] for cell in page.locator(f".row > :nth-child({place + 1})").all_inner_texts()]
        matches = [re.fullmatch(r"\+?([\d.,]+)\s?([KMG%]?)", text) for text in texts]
        values = [float(match[1].replace(",", "")) * units.get(match[2], 1) for match in matches if match]
        assert len(values) == 40
        assert values == sorted(values, reverse=True), headers.nth(place).text_content()


def test_filter_matches_name_and_result(open_page: OpenPage) -> None:
    page = open_page(full_report())
    box = page.get_by_label("Filter by name or result")
    box.fill("NEWLY failing")
    assert page.locator(".row:visible .file").all_text_contents() == ["fails.py"]
    expect(page.get_by_role("status")).to_have_text("1 of 7 shown.")
    box.fill("net/ removed")
    assert page.locator(".row:visible .file").all_text_contents() == ["gone.py"]
    box.fill("")
    assert page.locator(".row:visible").count() == 7


def test_tree_unfolds_by_mouse(open_page: OpenPage) -> None:
    page = open_page(full_report())
    assert page.get_by_role("treegrid").count() == 0, "no tree costs anything before its config is opened"
    tree = open_config(page, "deeper.py")
    expect(config(page, "deeper.py").locator(".toggle").first).to_have_attribute("aria-expanded", "true")
    stage = ["0", "1", "2"]
    assert labels(tree) == [
        "model", "backbone", "stem", "stage0", *stage, "stage1", *stage, "stage2", *stage, "head",
    ], "what changed is in sight"  # fmt: skip
    assert tree.locator(".tag").all_text_contents() == ["new"] * 3
    module(tree, "stage1").locator(".label").click()
    expect(module(tree, "stage1")).to_have_attribute("aria-expanded", "false")
    assert labels(tree) == ["model", "backbone", "stem", "stage0", *stage, "stage1", "stage2", *stage, "head"]
    module(tree, "model").locator(".toggle").click()
    assert labels(tree) == ["model"]
    module(tree, "model").locator(".toggle").click()
    assert labels(tree) == ["model", "backbone", "stem", "stage0", *stage, "stage1", "stage2", *stage, "head"]
    config(page, "deeper.py").locator(".toggle").first.click()
    expect(tree).to_be_hidden()


def test_tree_unfolds_by_keyboard(open_page: OpenPage) -> None:
    page = open_page(full_report())
    toggle = config(page, "same.py").locator(".toggle").first
    toggle.focus()
    page.keyboard.press("Enter")
    tree = config(page, "same.py").get_by_role("treegrid")
    assert labels(tree) == ["model", "backbone", "head"]
    assert tree.locator("[tabindex='0']").count() == 1, "one stop of the tab key"
    page.keyboard.press("Tab")  # how it was measured
    for _ in range(2):
        page.keyboard.press("Tab")  # expand all, collapse all
    page.keyboard.press("Tab")

    def focused() -> str | None:
        return page.locator(":focus .label").text_content() if page.locator(":focus .label").count() else None

    assert focused() == "model"
    steps = [
        ("ArrowDown", "backbone", 3), ("ArrowRight", "backbone", 7), ("ArrowRight", "stem", 7), ("ArrowRight", "stem", 8),
        ("End", "head", 8), ("Home", "model", 8), ("ArrowDown", "backbone", 8), ("ArrowLeft", "backbone", 3),
        ("ArrowLeft", "model", 3), ("Enter", "model", 1), (" ", "model", 3), ("ArrowUp", "model", 3),
    ]  # fmt: skip
    for key, where, rows in steps:
        page.keyboard.press(key)
        assert (focused(), tree.locator("tbody > tr").count()) == (where, rows), key
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


def test_tree_buttons_expand_collapse_and_show_what_changed(open_page: OpenPage) -> None:
    page = open_page(full_report())
    tree = open_config(page, "deeper.py")
    panel = config(page, "deeper.py")
    panel.get_by_role("button", name="Expand all").click()
    every = len(labels(tree))
    assert every == 1 + 2 + 2 + 3 + 3 * 3 * (1 + 2 + 3) + 0
    panel.get_by_role("button", name="Collapse all").click()
    assert labels(tree) == ["model"]
    panel.get_by_role("button", name=re.compile("Show what changed")).click()
    assert tree.locator(".tag").count() == 3 * (1 + 2 + 3)


def test_tree_row_has_base_and_head_with_their_shares(open_page: OpenPage) -> None:
    tree = open_config(open_page(full_report()), "deeper.py")
    stage = module(tree, "stage0")
    cells = [
        " ".join(text.replace("%base", "% base").split()) for text in stage.get_by_role("gridcell").all_text_contents()
    ]
    assert cells == STAGE
    widths = stage.locator(".flops .track > i").evaluate_all("all => all.map((bar) => bar.style.width)")
    assert widths == ["32.3%", "31.7%"]
    assert module(tree, "head").get_by_role("gridcell").first.text_content() == "–", "it was never called"


STAGE = [
    "10.24K", "15.36K", "+5.12K +50.00 %", "head 32.3 % base 31.7 %",
    "0.16K", "0.24K", "+80 +50.00 %", "head 32.3 % base 31.7 %", "1.024K", "1.536K", "+0.512K +50.00 %",
]  # fmt: skip
"""A stage of 8 channels on 8×8: each block takes 8·8·64 flops for its convolution and 2·8·64 for its norm."""


@pytest.mark.parametrize("name", [*PAYLOADS, "n" * 10_000])
def test_hostile_names_are_text(open_page: OpenPage, name: str) -> None:
    page = open_page(hostile_report(name))
    scripts = page.locator("script").count()
    for toggle in page.locator(".row .toggle").all():
        toggle.click()
    page.locator("details").evaluate_all("all => all.forEach((details) => { details.open = true; })")
    for button in page.get_by_role("button", name=re.compile("Expand all|Show what")).all():
        button.click()
    page.get_by_label("Filter by name or result").fill(name[:300].replace("\n", " "))
    assert page.evaluate("window.owned") is None
    assert page.locator("script").count() == scripts
    assert page.locator("img, svg, iframe, object, form, a, [onerror], [onload], [onmouseover]").count() == 0
    shown = page.locator(".tree .label").all_text_contents()
    assert plain(name.replace(".", "")[:1_000], LONGEST_LABEL) in shown
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no name makes the page wider"


def test_content_security_policy_blocks_requests_and_scripts(
    open_page: OpenPage, recorders: list[PageRecorder]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        page = open_page(report(entry("a.py", resnet(1), None)), quiet=False)
        page.evaluate(
            """(place) => {
              document.body.insertAdjacentHTML('beforeend', `<img src="${place}"><p onclick="window.owned = 1" id="p">p</p>`);
              document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.owned = 1' }));
              document.getElementById('p').click();
              void fetch(place).catch(() => 0);  // not awaited: if it is not blocked, it never gets an answer
            }""",
            f"http://127.0.0.1:{server.getsockname()[1]}/",
        )
        page.wait_for_timeout(200)
        assert page.evaluate("window.owned") is None
        server.settimeout(0.2)
        with pytest.raises(TimeoutError):
            server.accept()
    violations = {error.removeprefix("error: ") for error in recorders[0].errors}
    assert {"CSP img-src", "CSP script-src-attr", "CSP script-src-elem", "CSP connect-src"} <= violations


def test_page_of_five_hundred_configs_builds_trees_on_demand(open_page: OpenPage) -> None:
    page = open_page(large_report(500, 200))
    assert page.locator(".row").count() == 500
    before = page.evaluate("document.querySelectorAll('*').length")
    assert before < 500 * 100, "modules are data until a config is opened"
    tree = open_config(page, "net-250.py")
    assert tree.locator("tbody > tr").count() <= 61
    config(page, "net-250.py").get_by_role("button", name="Expand all").click()
    assert tree.locator("tbody > tr").count() == 200
    page.get_by_role("button", name="flops, head").click()
    assert names(page) == [f"net-{n}" for n in reversed(range(500))]
    expect(tree).to_be_visible()
    assert page.evaluate("document.querySelectorAll('.tree').length") == 1


def test_table_is_readable_without_scripts(open_page: OpenPage) -> None:
    page = open_page(full_report(), java_script_enabled=False)
    assert page.locator(".row").count() == 7
    assert page.locator(".row").first.inner_text().split()[0] == "deeper.py"
    expect(page.get_by_text("Enable scripts to sort this table")).to_be_visible()
    assert page.get_by_role("button").count() == 0
    expect(page.get_by_label("Filter by name or result")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 900, 1_400])
def test_page_has_no_accessibility_violations(open_page: OpenPage, scheme: str, width: int) -> None:
    page = open_page(full_report(), color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    for name in ("deeper.py", "fails.py"):
        config(page, name).locator(".toggle").first.click()
    page.locator("details").evaluate_all("all => all.forEach((details) => { details.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations = page.evaluate(
        "axe.run().then((all) => all.violations.map((rule) => [rule.id, rule.nodes.map((node) => node.html)]))"
    )
    assert violations == [], json.dumps(violations, indent=1)


def test_report_without_base_has_no_base_columns(open_page: OpenPage) -> None:
    page = open_page(report(entry("a.py", resnet(1), None, reason="requested"), base=None))
    headers = page.locator(".configs > thead").get_by_role("columnheader").all_text_contents()
    assert headers == ["config", "input shape", "result", "flops", "params", "activations"]
    tree = open_config(page, "a.py")
    assert labels(tree) == ["model", "backbone", "head"]
    assert module(tree, "backbone").get_by_role("gridcell").count() == 5
