"""The page's format from exact integers, without torch."""

from __future__ import annotations

import pytest

from model_complexity.common.table import ModuleRow, format_input, module_table, summary_block, table_sizes


def row(
    name: str, params: int | None, shape: tuple[int, ...] | None, flops: int | None, activations: int | None
) -> ModuleRow:
    """A row of the table; None where it has no figure."""
    figures = {"flops": flops, "params": params, "activations": activations}
    return ModuleRow(name, {metric: count for metric, count in figures.items() if count is not None}, shape)


def test_named_inputs_have_their_names() -> None:
    inputs_given = {"input_shape": [1, 3, 224, 224], "inputs": {"img": [1, 3, 224, 224], "points": [1, 40000, 4]}}
    assert format_input(inputs_given) == "img (3, 224, 224), points (40000, 4)"


FIGURES = {"flops": 17_581_972_224, "params": 91_234_024, "activations": 23_894_544}


def test_summary_block() -> None:
    assert summary_block(format_input({"input_shape": [1, 3, 224, 224]}), FIGURES) == (
        "==============================\n"
        "Input shape: (3, 224, 224)\n"
        "Flops: 17.582G\n"
        "Params: 91.234M\n"
        "Activation: 23.895M\n"
        "=============================="
    )


MODULES = [
    row("", 200, None, 5_000, 60),
    row("a", 200, None, 5_000, 60),  # the only child with a figure, and the same ones: one row with the root
    row("a.conv", 150, None, 4_000, 60),
    row("a.conv.weight", 150, (5, 30), None, None),
    row("a.norm", 50, None, 1_000, 0),
    row("a.norm.weight", 50, (50,), None, None),
    row("a.act", None, None, 0, 0),  # nothing to show
    row("unused", 0, None, None, None),
]


def test_table_drops_what_is_empty_and_joins_only_children() -> None:
    assert module_table(MODULES) == (
        "| module        | #parameters or shape   | #flops   | #activations   |\n"
        "|:--------------|:-----------------------|:---------|:---------------|\n"
        "| a             | 0.2K                   | 5K       | 60             |\n"
        "|  conv         |  0.15K                 |  4K      |  60            |\n"
        "|   conv.weight |   (5, 30)              |          |                |\n"
        "|  norm         |  50                    |  1K      |  0             |\n"
        "|   norm.weight |   (50,)                |          |                |"
    )


def test_depth_cuts_rows() -> None:
    assert [line.split("|")[1].strip() for line in module_table(MODULES, 1).splitlines()[2:]] == ["a", "conv", "norm"]


def test_an_uncalled_module_has_blanks_where_a_called_one_has_a_0() -> None:
    rows = [row("", 9, None, 4, 0), row("head", 5, None, None, None), row("neck", 4, None, 4, 0)]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in module_table(rows).splitlines()[2:]]
    assert cells == [["model", "9", "4", "0"], ["head", "5", "", ""], ["neck", "4", "4", "0"]]


def test_ten_thousand_modules_take_no_time_to_speak_of() -> None:
    rows = [row("", 1, None, 1, 1)]
    rows += [row(f"m{i}", 1, None, 1, 1) for i in range(100)]
    rows += [row(f"m{i}.n{j}", 1, None, 1, 1) for i in range(100) for j in range(100)]
    assert len(module_table(rows, 2).splitlines()) == 2 + 10_101


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "modules", [MODULES, MODULES[:1], [row("", 9**18, None, 4, 0), row("ä…\n文" * 9, 5, None, 3, 1)]]
)
def test_the_size_of_a_table_is_known_without_it(modules: list[ModuleRow], depth: int) -> None:
    assert table_sizes(modules, [depth, 1])[0] == len(module_table(modules, depth).encode())


@pytest.mark.parametrize("name", ["a\nb", "a\u2028b", "a\x00b"])
def test_a_row_stays_on_its_line_whatever_its_name(name: str) -> None:
    assert len(module_table([row("", 1, None, 1, 1), row(name, 1, None, 2, 1)]).splitlines()) == 4
