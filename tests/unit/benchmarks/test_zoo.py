"""The pure parts of scripts/benchmarks/zoo/__main__.py: published figures, rules, causes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from scripts.benchmarks.zoo.causes import (
    ACTIVATIONS,
    ALONE,
    LARGER_UNIT,
    LAYERS,
    MODULES,
    NOT_FOUND,
    PRODUCTS,
    ROUNDED,
    SAME_PADDING,
    TRAINING_NORMS,
    WITHOUT,
    Cause,
    explain,
)
from scripts.benchmarks.zoo.judge import Trial, flop_trials, judge, param_trials
from scripts.benchmarks.zoo.published import Published, parse_collected, parse_metafiles, read_published


def test_metafiles_give_metrics_by_config_for_all_checkpoints() -> None:
    metafiles = [
        {
            "Models": [
                {"Config": "configs/a.py", "Metadata": {"FLOPs": 10, "Parameters": 3}},
                {"Config": "configs/a.py", "Metadata": {"FLOPs": 10, "Parameters": 4}},
                {"Config": "configs/b.py", "Metadata": {"FLOPs": None, "Parameters": "3 M"}},
                {"Config": None, "Metadata": {"FLOPs": 7}},
                {"Config": "configs/c.py"},
            ]
        },
        {"Collections": []},
        None,
    ]
    expected = {"configs/a.py": Published((10,), (3, 4)), "configs/b.py": Published(), "configs/c.py": Published()}
    assert parse_metafiles(metafiles) == expected


def test_metafile_may_have_text_metrics_and_paths_without_suffix() -> None:
    metafile = {
        "Models": [
            {"Config": "configs/a", "Metadata": {"FLOPs": "32.88G", "Parameters": "23.9M"}},
            {"Config": "configs/a.py.py", "Metadata": {"FLOPs": 3.288e10, "Parameters": "two"}},
        ]
    }
    steps = ((32_880_000_000, 10_000_000), (23_900_000, 100_000))
    assert parse_metafiles([metafile]) == {"configs/a.py": Published((32_880_000_000,), (23_900_000,), steps=steps)}


def test_collected_metrics_have_size_and_unit_of_their_source() -> None:
    file = {
        "source": [
            {"name": "one", "size": [640, 640], "configs": [["a.py", "8.1G", "4.8M"], ["b.py", "2G", "", [416, 320]]]},
            {"name": "two", "size": [640, 640], "per_product": 2, "configs": [["a.py", "16.5G", "4.8M"]]},
        ]
    }
    steps = ((8_100_000_000, 100_000_000), (4_800_000, 100_000), (8_250_000_000, 50_000_000))
    assert parse_collected(file) == {
        "configs/a.py": Published((8_100_000_000, 8_250_000_000), (4_800_000,), (640, 640), steps, ("one", "two")),
        "configs/b.py": Published((2_000_000_000,), (), (416, 320), ((2_000_000_000, 1_000_000_000),), ("one",)),
    }


@pytest.mark.parametrize(
    ("configs", "message"),
    [
        ([["a.py", "1G", "1M"], ["a.py", "1G", "1M", [8, 8]]], "are stated"),
        ([["a.py", "1 G", "1M"]], "no number"),
    ],
)
def test_collected_file_is_an_error_when_contradictory_or_malformed(configs: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_collected({"source": [{"name": "one", "size": [640, 640], "configs": configs}]})


@pytest.mark.parametrize("library", ["mmdet", "mmpose", "mmseg", "mmyolo"])
def test_collected_files_are_valid(library: str, tmp_path: Path) -> None:
    configs = read_published(tmp_path, library)
    assert len(configs) > 20
    assert all(known.size and known.flops and known.sources for known in configs.values())


def _answer(form: str, size: tuple[int, int], flops: int, **more: int) -> dict[str, Any]:
    return {
        "form": form,
        "size": list(size),
        "flops": flops,
        "params": 50,
        "activations": 70,
        "operators": more,
    }


OWN = (224, 224)


@pytest.mark.parametrize(
    ("published", "rule", "band"),
    [
        (1_000, "as is", "within 1 %"),
        (1_009, "as is", "within 1 %"),
        (4_000, "at the published input size", "within 1 %"),
        (800, "deploy form", "within 1 %"),
        (1_100, "head included", "within 1 %"),
        (700, "attention not counted by the authors", "within 1 %"),
        (970, "as is", "within 5 %"),
        (2_000, "as is", "outside"),
        (4_100, "as is", "outside"),  # another size comes nearer, which is no reason to believe in it
    ],
)
def test_first_rule_that_fits_is_named(published: int, rule: str, band: str) -> None:
    measured = [
        _answer("modules", OWN, 970),
        _answer("deploy", OWN, 800),
        _answer("head", OWN, 1_100),
        _answer("plain", (448, 448), 4_000, scaled_dot_product_attention=1_200),
        _answer("plain", OWN, 1_000, matmul=100, scaled_dot_product_attention=200, linear=700),
    ]
    verdict = judge([published], flop_trials(measured, OWN))
    assert verdict is not None
    assert (verdict.trial.rule, verdict.band) == (rule, band)


def test_nearest_of_several_published_values_counts() -> None:
    verdict = judge([500, 1_005, 990], [Trial("as is", 1_000, OWN)])
    assert verdict is not None
    assert (verdict.published, round(verdict.error, 6)) == (1_005, -0.004975)


def test_verdict_is_none_when_nothing_is_published_or_measured() -> None:
    assert judge([], [Trial("as is", 1, OWN)]) is None
    assert judge([1], []) is None


def test_params_are_compared_as_is_and_in_the_deploy_form() -> None:
    measured = [_answer(form, OWN, 1) for form in ("plain", "head", "deploy", "modules")]
    measured.append(_answer("plain", (448, 448), 1))
    assert param_trials(measured, OWN) == [Trial("as is", 50, OWN), Trial("deploy form", 50, OWN)]


@pytest.mark.parametrize(
    ("published", "cause"),
    [
        (1_150, Cause(TRAINING_NORMS, 1_150)),
        (600, Cause(MODULES, 600)),
        (940, Cause(SAME_PADDING, 940)),
        (3_000, Cause(NOT_FOUND)),
    ],
)
def test_way_of_counting_is_a_cause_only_when_its_value_fits(published: int, cause: Cause) -> None:
    measured = [_answer("plain", OWN, 1_000, batch_norm=100, _convolution_mode=60), _answer("modules", OWN, 600)]
    assert explain("configs/nothing/known.py", "flops", [published], measured) == cause


@pytest.mark.parametrize(
    ("published", "step", "cause"),
    [
        (1_050, 100, Cause(ROUNDED)),  # 1,000 rounds to it
        (950, 100, Cause(ROUNDED)),  # is cut to it
        (1_051, 60, Cause(NOT_FOUND)),
        (899, 20, Cause(NOT_FOUND)),
        (850, 1, Cause(PRODUCTS, 850)),
        (830, 45, Cause(PRODUCTS, 850)),
        (650, 1, Cause(LAYERS, 650)),
        (700, 1, Cause(WITHOUT.format("neck"), 700)),
        (300, 1, Cause(ALONE.format("neck"), 300)),
    ],
)
def test_left_out_part_is_a_cause_only_when_its_value_fits(published: int, step: int, cause: Cause) -> None:
    own = _answer("plain", OWN, 1_000, group_norm=100, upsample_nearest2d=50, matmul=200, conv=650)
    known = [{**own, "parts": {"neck": 300, "unused": None}}, _answer("plain", (9, 9), published)]
    cause_found = explain("configs/none.py", "flops", [published], known, stated=OWN, steps={published: step})
    assert cause_found == cause


def test_left_out_part_is_tried_last() -> None:
    known = [{**_answer("plain", OWN, 1_000), "parts": {"neck": 300}}]
    assert explain("configs/none.py", "flops", [700], known, left_out=False) == Cause(NOT_FOUND)


@pytest.mark.parametrize(
    ("figure", "value", "published", "text"),
    [
        ("flops", 140_967_808_000, 144_384_000_000, LARGER_UNIT),  # 0.141 T
        ("params", 111_898_292, 114_690_000, LARGER_UNIT),  # 0.112 G
        ("flops", 94_965_000_000, 97_280_000_000, NOT_FOUND),  # printed as 94.965 G
    ],
)
def test_large_value_may_be_converted_by_1024(
    figure: Literal["flops", "params"], value: int, published: int, text: str
) -> None:
    known = [{**_answer("plain", OWN, 1), figure: value}]
    assert explain("configs/none.py", figure, [published], known, library="mmyolo").text == text
    assert explain("configs/none.py", figure, [published], known, library="mmdet").text == NOT_FOUND


def test_only_measurements_at_the_published_size_are_tried() -> None:
    measured = [_answer("plain", OWN, 1_000, matmul=100), _answer("plain", (448, 448), 4_000, matmul=500)]
    assert flop_trials(measured, OWN, (448, 448)) == [
        Trial("at the published input size", 4_000, (448, 448)),
        Trial("attention not counted by the authors", 3_500, (448, 448)),
    ]


@pytest.mark.parametrize(
    ("published", "cause"), [(70, Cause(ACTIVATIONS, 70)), (1_000, Cause(NOT_FOUND)), (71, Cause(NOT_FOUND))]
)
def test_published_params_may_be_activations(published: int, cause: Cause) -> None:
    by_modules = _answer("modules", OWN, 1_000)
    del by_modules["activations"]  # mmcv's counter gives none
    measured = [by_modules, _answer("plain", OWN, 1_000)]
    assert explain("configs/nothing/known.py", "params", [published], measured) == cause


@pytest.mark.parametrize(
    ("config", "metric", "text"),
    [
        ("poolformer/poolformer-m48_32xb128_in1k.py", "flops", "inferred: "),
        ("efficientformer/efficientformer-l3_8xb128_in1k.py", "flops", "one attention block"),
        ("efficientformer/efficientformer-l3_8xb128_in1k.py", "params", NOT_FOUND),
        ("efficientformer/efficientformer-l7_8xb128_in1k.py", "flops", NOT_FOUND),
    ],
)
def test_known_cause_matches_its_configs_and_metric(config: str, metric: Literal["flops", "params"], text: str) -> None:
    assert text in explain(f"configs/{config}", metric, [1], []).text


def test_known_cause_is_returned() -> None:
    cause_found = explain("configs/regnet/regnetx-3.2gf_8xb64_in1k.py", "params", [3_210_000], [])
    assert "15.3" in cause_found.text
    assert cause_found.value is None
