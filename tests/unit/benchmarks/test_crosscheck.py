"""The pure parts of scripts/benchmarks/crosscheck: what is compared, and which differences are explained."""

from __future__ import annotations

from typing import Any

import pytest
from scripts.benchmarks.crosscheck.compare import compare_answers, report
from scripts.benchmarks.crosscheck.explained import EXPLANATIONS, Difference, examples, explanation_of
from scripts.benchmarks.lib import traced_worker

CONFIG = "configs/a.py"
MASK2FORMER = "configs/mask2former/mask2former_r50_8xb2-lsj-50e_coco.py"


def traced(flops: int = 10, **changes: Any) -> dict[str, Any]:
    row = {"name": "", "depth": 0, "params": 2, "flops": flops, "activations": 3}
    unused = {"name": "drop", "depth": 1, "params": 0}
    measurement = {
        "flops": flops,
        "params": 2,
        "activations": 3,
        "operators": {"conv": flops},
        "modules": [row, unused],
        "conditions": ["1 frame"],
        "input_shape": [1, 3, 8, 8],
        "unsupported_ops": {"negligible": {"aten::add": 1}, "uncounted": {}},
    }
    return {"measurement": measurement | changes}


def recorded(flops: int = 10, drop: int | None = 0, **changes: Any) -> dict[str, Any]:
    figures = {"flops": flops, "params": 2, "activations": 3}
    ran = {} if drop is None else {"flops": drop, "activations": 0}
    rows = [{"name": "", "depth": 0, "figures": figures}, {"name": "drop", "depth": 1, "figures": {"params": 0, **ran}}]
    measurement = {
        "figures": figures,
        "operators": {"conv": flops},
        "modules": rows,
        "conditions": ["1 frame"],
        "input_shape": [1, 3, 8, 8],
        "unsupported_ops": {"negligible": {}, "uncounted": {}, "modules": {}, "reasons": {}},
    }
    return {"measurement": measurement | changes}


def failure(kind: str) -> dict[str, Any]:
    return {"failure": {"kind": kind, "message": "no"}}


def test_equal_answers_of_both_layouts_are_equal() -> None:
    assert compare_answers("mmdet", {CONFIG: traced()}, {CONFIG: recorded(drop=None)}) == {
        "equal": [CONFIG],
        "differs": [],
        "fails": [],
        "gained": [],
        "explained": {},
        "unexplained": [],
    }


def test_every_difference_is_named() -> None:
    other = recorded(11, None, conditions=[], input_shape=[1, 3, 9, 9], operators={"conv": 10, "linear": 1})
    other["measurement"]["unsupported_ops"]["uncounted"] = {"aten::stft": 1}
    other["measurement"]["modules"] = other["measurement"]["modules"][:1]
    outcome = compare_answers("mmdet", {CONFIG: traced()}, {CONFIG: other})
    assert [(row["what"], row["traced"], row["recorded"]) for row in outcome["unexplained"]] == [
        ("flops", 10, 11),
        ("row (model) flops", 10, 11),
        ("row drop", "present", None),
        ("row drop params", 0, None),
        ("conditions", ["1 frame"], []),
        ("input shape", [1, 3, 8, 8], [1, 3, 9, 9]),
        ("operator linear", None, 1),
        ("uncounted aten::stft", None, 1),
    ]
    assert outcome["differs"] == [CONFIG]


def test_failures_are_told_apart() -> None:
    answers = {"both.py": failure("build"), "gained.py": failure("forward"), "lost.py": traced()}
    others = {"both.py": failure("load"), "gained.py": recorded(), "lost.py": failure("crash")}
    outcome = compare_answers("mmdet", answers, others)
    assert (outcome["fails"], outcome["gained"], outcome["differs"]) == (["both.py"], ["gained.py"], ["lost.py"])
    assert outcome["unexplained"] == [
        {"config": "lost.py", "what": "outcome", "traced": "measured", "recorded": "crash: no"}
    ]


def test_report_counts_configs_and_names_differences() -> None:
    configs = ["configs/a.py", "configs/b.py", MASK2FORMER]
    outcome = compare_answers(
        "mmdet",
        dict.fromkeys(configs, traced()),
        dict(zip(configs, (recorded(), recorded(9), recorded(1_011)), strict=True)),
    )
    assert report("mmdet", outcome).splitlines() == [
        "mmdet: 1 configs are equal in every figure, operator, module and condition.",
        "1 differ in what is explained. 1 have other differences.",
        "0 fail in both workers. 0 are measured by the recording only.",
        "EXPLAINED A module ran without a counted operator: no figure in the trace, 0 in the recording. Configs: 3",
        "  configs/a.py: row drop flops: none → 0",
        "  configs/b.py: row drop flops: none → 0",
        f"  {MASK2FORMER}: row drop flops: none → 0",
        "EXPLAINED The last decoder layer makes an attention mask for a next one, and nothing uses it. Configs: 1",
        f"  {MASK2FORMER}: flops: 10 → 1,011",
        "DIFFERS configs/b.py: flops: 10 → 9",
        "DIFFERS configs/b.py: operator conv: 10 → 9",
        "DIFFERS configs/b.py: row (model) flops: 10 → 9",
    ]


@pytest.mark.parametrize(
    ("library", "difference"),
    [
        ("mmdet", Difference(MASK2FORMER, "flops", 11, 10)),  # the recording counts less
        ("mmdet", Difference(MASK2FORMER, "params", 10, 11)),
        ("mmseg", Difference("configs/pspnet/a.py", "flops", 10, 11)),
        ("mmyolo", Difference(CONFIG, "row neck flops", None, 5)),
        ("mmyolo", Difference(CONFIG, "row neck flops", 0, None)),
        ("mmyolo", Difference(CONFIG, "conditions", ["1 frame"], ["depends on values: item in head"])),
        ("mmyolo", Difference(CONFIG, "conditions", ["1 frame"], ["1 frame", "without post-processing"])),
    ],
)
def test_other_differences_have_no_explanation(library: str, difference: Difference) -> None:
    assert explanation_of(library, difference) is None


def test_examples_are_configs_that_their_rows_explain() -> None:
    rows = [row for row in EXPLANATIONS if row.example]
    assert len(rows) > 5
    for row in rows:
        assert row.example in examples(row.library)
        assert explanation_of(row.library, Difference(row.example, "flops", 1, 2)) == row.reason


def test_missing_commit_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traced_worker, "COMMIT", "0" * 40)
    with pytest.raises(traced_worker.MissingCommitError) as error, traced_worker.worktree():
        pass
    assert str(error.value) == "Commit 0000000 is not in this clone. Run git fetch --unshallow."
