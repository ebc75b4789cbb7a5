"""The report on a terminal: golden text at a fixed width, hostile names, colour."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from tests.support.factories import conv, entry, failed, measured, model, module, norm, report
from tests.support.golden import golden

from model_complexity.commands.output import OutputFormat, console_on, print_check, print_measured, print_report
from model_complexity.common.table import ModuleRow, module_table
from model_complexity.github.workflow_commands import SUMMARY_LIMIT
from model_complexity.render import render, render_html
from model_complexity.render.terminal import WIDE, print_check_text, print_measured_text, print_report_text
from model_complexity.report import BudgetCheck, DiscoveryWarning, Module, Report, Target, UnsupportedOps


def printed(shown_report: Report, width: int = 100) -> str:
    out = io.StringIO()
    print_report_text(shown_report, console_on(out, width))
    return "".join(f"{line.rstrip(' ')}\n" for line in out.getvalue().splitlines())


def budget(config: str, state: str, **more: object) -> BudgetCheck:
    defaults = {
        "metric": "flops",
        "rule": "max",
        "limit": "1K",
        "max_value": 1_000,
        "head": 1_536,
        "base": 768,
        "level": "fail",
    }
    return BudgetCheck.model_validate({"config": config, "shape": (3, 224, 224), "state": state} | defaults | more)


def everything() -> Report:
    before = model(stem=conv(4, 3), blocks=conv(4, 4), head=norm(4))
    after = model(stem=conv(8, 3), blocks=conv(4, 4), neck=conv(2, 2))
    fft = UnsupportedOps(uncounted={"aten::fft_rfft2": 3, "aten::im2col": 1})
    return report(
        entry("configs/smaller.py", measured(750, 990), measured(1_000, 1_000)),
        entry("configs/same.py", measured(10, unsupported_ops=fft), measured(10, unsupported_ops=fft)),
        entry("configs/broken.py", failed("forward", "RuntimeError: 3 channels"), failed()),
        entry("configs/net.py", after, before, reason="inherited", through="configs/_base_/net.py"),
        entry("configs/new.py", measured(5), None, reason="added"),
        entry("configs/gone.py", None, measured(7), reason="deleted"),
        budgets=(
            budget("configs/net.py", "exceeded"),
            budget("configs/smaller.py", "near", head=950, level="warn"),
            budget("configs/net.py", "ignored", metric="params", reason="The teacher."),
            budget("configs/same.py", "ok"),
        ),
        policy="applied",
        not_measured=(Target(config="configs/more.py", base_config=None, reason="added"),),
        warnings=(DiscoveryWarning(config="configs/sly.py", message="holds a call"),),
        notes=("A sentence that the reader must know.",),
    )


@pytest.mark.parametrize("width", [100, 60])
def test_terminal_report_equals_its_golden_file(width: int) -> None:
    text = printed(everything(), width)
    assert text == golden(f"terminal-{width}.txt", text)


@pytest.mark.parametrize("width", [30, 60, WIDE - 1, WIDE, 160])
def test_lines_fit_the_terminal_and_figures_are_not_wrapped(width: int) -> None:
    text = printed(everything(), width)
    assert [line for line in text.splitlines() if len(line) > width] == []
    for part in ("0.75K", "\N{MINUS SIGN}0.25K", "\N{MINUS SIGN}25.00 %", "exceeded (fail)"):
        assert part in text, part
    assert "\N{HORIZONTAL ELLIPSIS}" not in text


def test_colour_adds_no_information() -> None:
    """With the escape sequences taken away, the coloured text is the plain one."""
    coloured = io.StringIO()
    console = Console(file=coloured, force_terminal=True, color_system="standard", width=100, markup=False, emoji=False)
    print_report_text(everything(), console)
    assert "\x1b[" in coloured.getvalue()
    bare = re.sub(r"\x1b\[[0-9;]*m", "", coloured.getvalue())
    assert "".join(f"{line.rstrip(' ')}\n" for line in bare.splitlines()) == printed(everything())


@pytest.mark.parametrize("form", ["text", "markdown", "json", "html"])
@pytest.mark.parametrize("print_to", [print_report, print_check, print_measured])
def test_file_output_has_no_escape_sequences(print_to: object, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = io.StringIO()
    print_to(everything(), OutputFormat(form), out)  # type: ignore[operator]
    assert "\x1b" not in out.getvalue()
    assert out.getvalue().endswith("\n")
    if form == "json":
        assert Report.model_validate_json(out.getvalue()) == everything()


def test_other_formats_equal_those_of_the_action() -> None:
    made = {"markdown": render(everything(), limit=SUMMARY_LIMIT - 1), "html": render_html(everything())}
    for form, text in made.items():
        out = io.StringIO()
        print_report(everything(), OutputFormat(form), out)
        assert out.getvalue() == text.rstrip("\n") + "\n"


def test_check_prints_the_verdict_and_the_notable_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    out = io.StringIO()
    print_check(everything(), OutputFormat(), out)
    text = out.getvalue()
    assert text.startswith("Budgets: EXCEEDED. configs/net.py exceeds its budget with ")
    assert "exceeded (fail)    configs/net.py at (3, 224, 224): flops 1.536K, 0.768K at the base, max 1K\n" in text
    assert "near the limit     configs/smaller.py" in text
    assert "configs/same.py at (3, 224, 224): flops" not in text, "ok"
    for shown_report, start in (
        (report(policy="applied"), "Budgets: within limits. Nothing was measured."),
        (report(), "There is no policy, so no budget is checked. Nothing was measured."),
        (report(policy="not_applied"), "Budgets: UNKNOWN. The policy cannot be read. Nothing was measured."),
    ):
        out = io.StringIO()
        print_check_text(shown_report, console_on(out, 200))
        assert out.getvalue().startswith(start)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("look", "variable", "coloured"),
    [(OutputFormat(), "", True), (OutputFormat(colour=False), "", False), (OutputFormat(), "1", False)],
)
def test_terminal_has_colour_unless_it_is_disabled(
    look: OutputFormat, variable: str, coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", variable)  # empty: as if it were not set
    out = Terminal()
    print_report(everything(), look, out)
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-7]", out.getvalue())) is coloured


def test_measured_configs_have_a_summary_table_and_uncounted_operators() -> None:
    fft = measured(5, unsupported_ops=UnsupportedOps(uncounted={"aten::fft_rfft2": 3}))
    entries = (entry("a.py", fft, None), entry("b.py", measured(6), None), entry("c.py", fft, None))
    out = io.StringIO()
    print_measured(report(*entries, base=None), OutputFormat(), out)
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["config", "input", "flops", "params", "activations"]
    assert lines[3].split() == ["b.py", "(3,", "224,", "224)", "6", "1K", "0.5K"]
    assert lines.index("a.py at (3, 224, 224)") < lines.index("b.py at (3, 224, 224)")
    assert lines[-2:] == [
        "Not counted in a.py at (3, 224, 224), c.py at (3, 224, 224): aten::fft_rfft2 ×3.",
        "",
    ]
    alone = io.StringIO()
    print_measured(report(entries[0], base=None), OutputFormat(), alone)
    assert "Not counted" not in alone.getvalue(), "stdout is the page's"


def test_measured_config_has_no_summary_table_and_a_wide_table_is_not_wrapped() -> None:
    out = io.StringIO()
    deep = measured(5, modules=(module("", depth=0, flops=5), module("m" * 200, depth=1, flops=4)))
    print_measured_text(report(entry("a.py", deep, None), base=None), console_on(out, 40))
    lines = out.getvalue().splitlines()
    assert lines[:3] == ["=" * 30, "Input shape: (3, 224, 224)", "Flops: 5"]
    assert max(map(len, lines)) > 200
    assert lines[6:] == module_table(rows(deep.modules)).splitlines()


def rows(modules: tuple[Module, ...]) -> list[ModuleRow]:
    return [ModuleRow.of(module.model_dump()) for module in modules]


HOSTILE = st.text(
    st.one_of(st.sampled_from("[]/\\:\x1b\n\r\t\x07\u202e\u200b|`@"), st.characters(exclude_categories=("Cs",))),
    min_size=1,
    max_size=60,
)


@settings(deadline=None)
@given(HOSTILE, HOSTILE)
def test_hostile_name_is_printed_as_text(name: str, words: str) -> None:
    markup = f"[red]{name}[/nothing]:warning:[link=x]"
    shown_report = report(
        entry(markup, model(a=conv(4, 3)), model(a=conv(2, 3))),
        entry(f"b{name}", failed("build", words, detail=words), None, reason="renamed", base_config=markup),
        budgets=(budget(markup, "ignored", reason=words or "x"),),
        warnings=(DiscoveryWarning(config=name, message=words),),
        notes=(words,),
    )
    for print_to in (print_report_text, print_check_text, print_measured_text):
        out = io.StringIO()
        print_to(shown_report, console_on(out, 5_000))
        text = out.getvalue()
        assert "[red]" in text
        assert ":warning:[link=x]" in text
        assert all(char.isprintable() or char == "\n" for char in text)
