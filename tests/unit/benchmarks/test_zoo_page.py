"""What scripts/benchmarks/zoo/__main__.py writes into docs/accuracy.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scripts.benchmarks.zoo.causes import NOT_FOUND
from scripts.benchmarks.zoo.page import BEGIN, END, OVERVIEW, summary, write_overview, write_section


def _row(config: str, error: float, rule: str = "as is", **more: Any) -> dict[str, Any]:
    band = "within 1 %" if abs(error) <= 0.01 else "outside"
    verdict = {"error": error, "rule": rule, "band": band, **({"cause": more["cause"]} if "cause" in more else {})}
    own = {"mode": more.get("mode", "dry"), "operators": {"conv": 9, **more.get("operators", {})}}
    left_out = {"negligible": {"aten::add": 3}, "uncounted": more.get("uncounted", {})}
    return {"config": config, "measured": [own], "unsupported_ops": left_out, "flops": verdict, "params": None}


def test_summary_has_rules_failures_and_causes() -> None:
    failure = {"kind": "build", "message": "KeyError at configs/c/four.py:7: 'a|b'"}
    rows = [
        _row("configs/a/one.py", 0.001),
        _row(
            "configs/a/two.py", 0.002, "deploy form", mode="real", operators={"linear": 2}, uncounted={"mmcv::nms": 1}
        ),
        _row("configs/b/three_x.py", 0.25, cause="another * model"),
        {"config": "configs/c/four.py", "failure": failure},
    ]
    cost = {"wall": 61.2, "cpu": 100.4, "configs": 4, "peak_mib": 300, "distinct": 3, "workers": 2}
    cost |= {"forms_cpu": 10.0, "forms": 5, "official": {"configs": 2, "cpu": 200.0}}
    assert summary("zoo", "1.0", rows, cost) == EXPECTED


EXPECTED = """\
zoo 1.0: 3 of 4 configs analysed (3 distinct models and sizes; 1 of the configs by a real run, because the dry one does not \
work for them).

Cost of all configs: 61 s with 2 workers in parallel, 100 CPU seconds. The largest process took 300 MiB. 5 other forms of models \
whose published flops are not met as is took 10 CPU seconds more. The library's own get_flops.py, a process for each config, \
took 200.0 CPU seconds on average of 2 configs drawn at random in the same run: ours is 0.126 of that, and 0.138 with the other \
forms.

| published figure is met | flops | params |
| :-- | --: | --: |
| within 1 % as is | 1 | 0 |
| within 1 % deploy form | 1 | 0 |
| **within 1 %** | 2 | 0 |
| outside | 1 | 0 |
| published and analysed | 3 | 0 |

| failure | configs | message | which |
| :-- | --: | :-- | :-- |
| `build` | 1 | KeyError: 'a\\|b' | c/four |

| why flops differ by more than 1 % | configs | which, and by how much |
| :-- | --: | :-- |
| another \\* model | 1 | b/three\\_x +25.0 % |

| operators in the traces | how many | which, and in how many configs |
| :-- | --: | :-- |
| counted | 2 | `conv` 3, `linear` 1 |
| **uncounted operator** | 1 | `mmcv::nms` 1 |
| negligible | 1 | `add` 3 |
"""


def _file(folder: Path, *names: str) -> Path:
    file = folder / "accuracy.md"
    sections = "".join(f"{BEGIN.format(name)}\nold\n{END.format(name)}\n" for name in names)
    file.write_text(f"# Numbers\n\n{sections}\n## After\n", encoding="utf-8")
    return file


def test_section_between_markers_is_replaced(tmp_path: Path) -> None:
    file = _file(tmp_path, "one", "two")
    for text in ("first\n", "second\n"):
        write_section(file, "two", text)
    assert file.read_text(encoding="utf-8") == (
        f"# Numbers\n\n{BEGIN.format('one')}\nold\n{END.format('one')}\n"
        f"{BEGIN.format('two')}\n\nsecond\n\n{END.format('two')}\n\n## After\n"
    )


def test_file_is_unchanged_when_markers_are_missing(tmp_path: Path) -> None:
    file = _file(tmp_path, "one")
    before = file.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="zoo: begin two"):
        write_section(file, "two", "new")
    assert file.read_text(encoding="utf-8") == before


def test_overview_keeps_the_lines_of_other_libraries(tmp_path: Path) -> None:
    file = _file(tmp_path, OVERVIEW)
    failure = {"config": "configs/c.py", "failure": {"kind": "build", "message": "no"}}
    rows = [
        _row("configs/a.py", 0.0),
        _row("configs/b.py", 0.5, cause=NOT_FOUND),
        _row("configs/d.py", 0.5, cause="known"),
    ]
    write_overview(file, "zoo", "1.0", [*rows, failure])
    write_overview(file, "ark", "2.0", rows[:1])
    write_overview(file, "zoo", "1.1", [*rows, failure])
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert lines == [
        "| library | configs measured | published flops | within 1 % | explained | open |",
        "| :-- | :-- | --: | --: | --: | --: |",
        "| ark 2.0 | 1 of 1 (100.0%) | 1 | 1 | 0 | 0 |",
        "| zoo 1.1 | 3 of 4 (75.0%) | 3 | 1 | 1 | 1 |",
    ]


def test_docs_have_markers_for_every_library() -> None:
    numbers = (Path(__file__).parents[3] / "docs" / "accuracy.md").read_text(encoding="utf-8")
    for name in (OVERVIEW, "mmaction", "mmdet", "mmpose", "mmpretrain", "mmseg", "mmyolo"):
        assert numbers.count(BEGIN.format(name)) == numbers.count(END.format(name)) == 1
        assert numbers.index(BEGIN.format(name)) < numbers.index(END.format(name))
