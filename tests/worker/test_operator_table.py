"""The table of operators in docs/counting.md is what the handles' docstrings make."""

from __future__ import annotations

import pytest
from scripts.lib.generate_operators import BEGIN, END, PAGE, operator_table, rewrite

from model_complexity.worker.count.handles import FLOP_HANDLES


def test_operator_table_has_formula_and_source_of_each_handle() -> None:
    heading, rule, *rows = operator_table().splitlines()
    assert (heading, rule) == ("| operators | flops | source |", "|:--|:--|:--|")
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row for row in cells if len(row) != 3 or not all(row)] == []
    assert ["`linalg_vecdot`", "elements of the output × length of `dim`", "torch.linalg.vecdot"] in cells
    assert [row[0] for row in cells if "CARAFE" in row[0]] == ["`CARAFEFunction`, `CARAFENaiveFunction`"]
    named = [name for row in cells[:-1] for name in row[0].split(", ")]
    assert len(named) == len(set(named)) == len(FLOP_HANDLES)


def test_rewrite_replaces_only_what_is_between_the_markers() -> None:
    page = rewrite(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    assert page == f"before\n{BEGIN}\n{operator_table()}\n{END}\nafter\n"
    assert rewrite(page) == page


def test_rewrite_raises_when_a_marker_is_missing() -> None:
    with pytest.raises(ValueError, match="lacks the markers"):
        rewrite(f"no end {BEGIN}")


def test_counting_page_has_the_current_table() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == rewrite(page), "run scripts/generate"
