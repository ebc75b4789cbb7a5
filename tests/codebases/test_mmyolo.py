"""mmyolo's models against hand counts and published metrics. One multiply-accumulate is one flop."""

from __future__ import annotations

import pytest

from model_complexity.common.options import MeasureOptions
from model_complexity.worker.job import run_job
from tests.codebases.conftest import Measure, assert_dry_is_real, shipped
from tests.support.flat import flat

YOLOV8_NANO = "yolov8/yolov8_n_syncbn_fast_8xb16-500e_coco.py"
INSTANCES_NANO = "yolov5/ins_seg/yolov5_ins_n-v61_syncbn_fast_8xb16-300e_coco_instance.py"
YOLOV5_P6 = "yolov5/yolov5_s-p6-v62_syncbn_fast_8xb16-300e_coco.py"
LEFT_OUT = "without post-processing"


def conv(channels: int, filters: int, kernel: int, side: int) -> int:
    """A convolution without bias onto a square map, and its batch norm: a scale and a shift for each value."""
    return side * side * filters * (channels * kernel * kernel + 2)


def csp(channels: int, filters: int, blocks: int, side: int) -> int:
    """A layer of YOLOv8: one half goes through the blocks of two convolutions, and all that came in between is joined."""
    half = filters // 2
    return (
        conv(channels, filters, 1, side)
        + blocks * 2 * conv(half, half, 3, side)
        + conv((2 + blocks) * half, filters, 1, side)
    )


def test_yolov8_equals_hand_count(measure: Measure) -> None:
    found = measure("mmyolo", YOLOV8_NANO)
    assert found["input_shape"] == [1, 3, 640, 640]
    stage3 = conv(64, 128, 3, 40) + csp(128, 128, 2, 40)
    pooled = conv(256, 128, 1, 20) + conv(4 * 128, 256, 1, 20)  # three max poolings, one upon the other
    backbone = (
        conv(3, 16, 3, 320)
        + (conv(16, 32, 3, 160) + csp(32, 32, 1, 160))
        + (conv(32, 64, 3, 80) + csp(64, 64, 2, 80))
        + stage3
        + (conv(128, 256, 3, 20) + csp(256, 256, 1, 20) + pooled)
    )
    enlarged = 256 * 40 * 40 + 128 * 80 * 80  # to the nearest: one for each value
    neck = (
        enlarged
        + csp(256 + 128, 128, 1, 40)
        + csp(128 + 64, 64, 1, 80)
        + (conv(64, 64, 3, 40) + csp(64 + 128, 128, 1, 40))
        + (conv(128, 128, 3, 20) + csp(128 + 256, 256, 1, 20))
    )
    head = 0
    for channels, side in ((64, 80), (128, 40), (256, 20)):
        boxes = conv(channels, 64, 3, side) + conv(64, 64, 3, side) + side * side * 64 * 64
        classes = conv(channels, 80, 3, side) + conv(80, 80, 3, side) + side * side * 80 * 80
        expected = side * side * 4 * 16  # the mean of the distribution of each side of a box
        head += boxes + classes + expected

    rows = found["by_module"]
    assert rows["backbone.stage3"]["flops"] == stage3
    assert rows["backbone"]["flops"] == backbone
    assert rows["neck"]["flops"] == neck
    assert rows["bbox_head"]["flops"] == head
    assert found["flops"] == backbone + neck + head
    assert found["conditions"] == [LEFT_OUT]


@pytest.mark.parametrize(
    ("config", "flops", "params"),
    [
        (YOLOV8_NANO, 4.4, 3.16),
        ("yolov8/yolov8_s_syncbn_fast_8xb16-500e_coco.py", 14.36, 11.17),
        ("yolov5/yolov5_s-v61_syncbn_fast_8xb16-300e_coco.py", 8.27, 7.24),
        ("rtmdet/rtmdet_s_syncbn_fast_8xb32-300e_coco.py", 14.84, 8.89),
        ("yolox/yolox_s_fast_8xb32-300e-rtmdet-hyp_coco.py", 13.40, 8.97),
    ],
)
def test_metrics_equal_published_ones(measure: Measure, config: str, flops: float, params: float) -> None:
    """Of mmyolo's model zoo, all at 640 x 640."""
    found = measure("mmyolo", config)
    assert found["input_shape"] == [1, 3, 640, 640]
    assert found["flops"] / 1e9 == pytest.approx(flops, rel=0.01)
    assert found["params"] / 1e6 == pytest.approx(params, rel=0.01)


@pytest.mark.parametrize(
    ("config", "flops", "params"),
    [
        ("yolov6/yolov6_n_syncbn_fast_8xb32-400e_coco.py", 5.52, 4.32),
        ("yolov7/yolov7_l_syncbn_fast_8x16b-300e_coco.py", 52.42, 36.93),
        ("ppyoloe/ppyoloe_plus_s_fast_8xb8-80e_coco.py", 8.68, 7.93),
    ],
)
def test_deployed_metrics_equal_published_ones(config: str, flops: float, params: float) -> None:
    answer = run_job(shipped("mmyolo", config), "auto", options=MeasureOptions(deploy=True))
    assert answer
    found = flat(answer["measurement"])
    assert round(found["deployed"]["flops"] / 1e9, 2) == flops
    assert round(found["deployed"]["params"] / 1e6, 2) == params
    assert found["flops"] > 1.01 * found["deployed"]["flops"]


def test_p6_metrics_equal_published_ones_at_640(measure: Measure) -> None:
    """The model zoo's table says 1280, which is what they are trained and tested at."""
    found = measure("mmyolo", YOLOV5_P6, (3, 640, 640))
    assert round(found["flops"] / 1e9, 2) == 8.45
    assert round(found["params"] / 1e6, 2) == 12.63


@pytest.mark.parametrize(
    ("config", "size"),
    [
        ("ppyoloe/ppyoloe_plus_s_fast_8xb8-80e_coco.py", [640, 640]),
        (YOLOV5_P6, [1280, 1280]),
        ("yolov5/yolov5_s-v61_fast_1xb12-40e_608x352_cat.py", [352, 608]),
        ("yolox/yolox_tiny_fast_8xb8-300e_coco.py", [416, 416]),
    ],
)
def test_auto_input_is_that_of_the_test_pipeline(measure: Measure, config: str, size: list[int]) -> None:
    assert measure("mmyolo", config)["input_shape"] == [1, 3, *size]


def test_repvgg_block_is_counted_unfused(measure: Measure) -> None:
    """A RepVGG block in training has a 3 x 3 and a 1 x 1 convolution, a batch norm each, and one for what it passes on."""
    found = measure("mmyolo", "yolov6/yolov6_n_syncbn_fast_8xb32-400e_coco.py")
    row = found["by_module"]["backbone.stage2.0.1.block.0"]
    assert row["flops"] == conv(64, 64, 3, 80) + conv(64, 64, 1, 80) + 80 * 80 * 64 * 2


def test_yolov5_masks_equal_hand_count(measure: Measure) -> None:
    found = measure("mmyolo", INSTANCES_NANO)
    assert found["conditions"] == ["300 masks", LEFT_OUT]
    assert found["operators"]["matmul"] == 300 * 32 * 160 * 160  # each a sum of 32 prototypes


def test_rtmdet_masks_equal_hand_count(measure: Measure) -> None:
    found = measure("mmyolo", "rtmdet/rtmdet-ins_s_syncbn_fast_8xb32-300e_coco.py")
    assert found["conditions"] == ["100 masks", LEFT_OUT]
    kernels = 100 * 80 * 80 * ((8 + 2) * 8 + 8 * 8 + 8 * 1)  # 8 features and 2 coordinates to one mask, in three layers
    parts = [found["by_module"][name]["flops"] for name in ("backbone", "neck", "bbox_head")]
    assert found["flops"] == sum(parts) + kernels


@pytest.mark.parametrize(
    ("config", "library"),
    [
        ("rtmdet/distillation/kd_tiny_rtmdet_s_neck_300e_coco.py", "mmrazor"),
        ("razor/subnets/yolov5_s_spos_shufflenetv2_syncbn_8xb16-300e_coco.py", "mmrazor"),
        ("rtmdet/cspnext_imagenet_pretrain/cspnext-tiny_8xb256-rsb-a1-600e_in1k.py", "mmcls"),
    ],
)
def test_missing_library_is_named(config: str, library: str) -> None:
    answer = run_job(shipped("mmyolo", config), "auto")
    assert answer
    assert answer["failure"]["kind"] == "missing_dependency"
    assert library in answer["failure"]["message"]


@pytest.mark.parametrize("config", [YOLOV8_NANO, INSTANCES_NANO])
def test_dry_run_equals_real_run(config: str) -> None:
    assert_dry_is_real("mmyolo", config)
