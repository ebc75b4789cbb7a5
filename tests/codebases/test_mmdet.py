"""mmdet through its heads: metrics against hand counts, and their conditions."""

from __future__ import annotations

import importlib.util
import math
from typing import Any

import pytest

from model_complexity.worker.codebases.mmdet import resolve_padded
from model_complexity.worker.job import run_job
from tests.codebases.conftest import Measure, assert_dry_is_real, shipped

Map = tuple[int, int]


def conv(inputs: int, outputs: int, kernel: int, size: Map, groups: int = 1) -> int:
    """A convolution to a map of that size. Biases are not counted."""
    return inputs // groups * outputs * kernel**2 * size[0] * size[1]


def conv_norm(inputs: int, outputs: int, kernel: int, size: Map, groups: int = 1) -> int:
    """The same with batch normalisation, 2 for each value."""
    return conv(inputs, outputs, kernel, size, groups) + 2 * outputs * size[0] * size[1]


def halved(size: Map) -> Map:
    return math.ceil(size[0] / 2), math.ceil(size[1] / 2)


def resnet50(image: Map) -> dict[str, int]:
    """Its stem and four stages; the 3 x 3 convolution of a stage's first block has the stride."""
    size = halved(image)
    parts, inputs = {"conv1": conv_norm(3, 64, 7, size)}, 64
    size = halved(size)
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        total = 0
        for block in range(blocks):
            before, size = size, halved(size) if stage > 1 and block == 0 else size
            total += conv_norm(inputs, width, 1, before) + conv_norm(width, width, 3, size)
            total += conv_norm(width, 4 * width, 1, size)
            total += conv_norm(inputs, 4 * width, 1, size) if block == 0 else 0
            inputs = 4 * width
        parts[f"layer{stage}"] = total
    return parts


MAPS = ((200, 336), (100, 168), (50, 84), (25, 42), (13, 21))
"""Of a feature pyramid at 800 x 1344."""
PYRAMID = sum(height * width for height, width in MAPS)
FPN = sum(conv(channels, 256, 1, size) for channels, size in zip((256, 512, 1024, 2048), MAPS[:4], strict=True))
FPN += sum(conv(256, 256, 3, size) for size in MAPS[:4])
FPN += sum(256 * height * width for height, width in MAPS[:3])  # each level but the last is enlarged: 1 for each value
RPN = PYRAMID * 256 * (256 * 9 + 3 + 3 * 4)
BOXES = 1_000 * (256 * 7 * 7 * 1024 + 1024 * 1024 + 1024 * (80 + 1) + 1024 * 80 * 4)
FASTER_RCNN = sum(resnet50((800, 1344)).values()) + FPN + RPN + BOXES


def test_faster_rcnn_equals_hand_count(measure: Measure) -> None:
    found = measure("mmdet", "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py")
    parts = found["by_module"]
    assert found["input_shape"] == [1, 3, 800, 1344], "800 x 1333, padded to a multiple of 32"
    assert parts["backbone.layer3"]["flops"] == resnet50((800, 1344))["layer3"]
    assert (parts["neck"]["flops"], parts["rpn_head"]["flops"]) == (FPN, RPN)
    assert parts["roi_head.bbox_head"]["flops"] == BOXES
    assert found["flops"] == FASTER_RCNN
    assert found["conditions"] == ["1,000 proposals", "without post-processing"]
    assert found["unsupported_ops"]["uncounted"] == {"RoIAlignFunction": 4}, "one for each level"


def test_cascade_mask_rcnn_equals_hand_count(measure: Measure) -> None:
    found = measure("mmdet", "cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco.py")
    mask = 4 * conv(256, 256, 3, (14, 14)) + conv(256, 256, 2, (14, 14)) + conv(256, 80, 1, (28, 28))
    head = 1_000 * (256 * 49 * 1024 + 1024 * 1024 + 1024 * 81 + 1024 * 4)
    assert found["by_module"]["roi_head.mask_head.2"]["flops"] == 100 * mask
    assert found["by_module"]["roi_head.bbox_head.1"]["flops"] == head
    assert found["flops"] == FASTER_RCNN - BOXES + 3 * (head + 100 * mask)
    assert found["conditions"] == ["1,000 proposals", "100 masks", "without post-processing"]


def test_deformable_convolutions_equal_hand_count(measure: Measure) -> None:
    found = measure("mmdet", "dcn/faster-rcnn_r50-dconv-c3-c5_fpn_1x_coco.py")
    parts = found["by_module"]
    assert found["stubbed_ops"] == ["deform_conv_forward", "roi_align_forward"]

    def more(width: int, size: Map) -> int:
        """Flops in addition to the convolution: one convolution that makes 2 offsets for 9 places, and bilinear samples."""
        return conv(width, 18, 3, size) + 4 * width * 9 * size[0] * size[1]

    assert parts["backbone.layer2.1.conv2"]["flops"] == more(128, MAPS[1]) + conv(128, 128, 3, MAPS[1])
    assert parts["backbone.layer3.0.conv2"]["flops"] == more(256, MAPS[2]) + conv(256, 256, 3, MAPS[2])
    stages = [4 * more(128, MAPS[1]), 6 * more(256, MAPS[2]), 3 * more(512, MAPS[3])]
    assert parts["backbone.layer4"]["flops"] == resnet50((800, 1344))["layer4"] + stages[2]
    assert found["flops"] == FASTER_RCNN + sum(stages)


def test_deformable_detr_equals_hand_count(measure: Measure) -> None:
    found = measure("mmdet", "deformable_detr/deformable-detr_r50_16xb2-50e_coco.py")
    assert found["input_shape"] == [1, 3, 800, 1333], "its batches are not padded"
    parts, maps = found["by_module"], ((100, 167), (50, 84), (25, 42), (13, 21))
    tokens, queries, width, points = sum(h * w for h, w in maps), 300, 256, 8 * 4 * 4

    def attention(asking: int) -> int:
        """Over all tokens: values, offsets and weights of the points, output; then the bilinear samples of 8 heads."""
        linear = tokens * width**2 + asking * width * (2 * points + points + width)
        return linear + 4 * asking * points * width // 8

    def feedforward(asking: int, norms: int) -> int:
        return asking * (2 * width * 1024 + norms * 5 * width)

    own = queries * (4 * width**2 + 2 * queries * width)  # query, key, value, output; scores and their use
    neck = sum(
        conv(channels, width, kernel, size)
        for channels, kernel, size in zip((512, 1024, 2048, 2048), (1, 1, 1, 3), maps, strict=True)
    )
    neck += 5 * tokens * width
    encoder = 6 * (attention(tokens) + feedforward(tokens, 2))
    decoder = 6 * (own + attention(queries) + feedforward(queries, 3))
    head = 6 * queries * (width * 80 + 2 * width**2 + width * 4)
    assert parts["encoder.layers.0.self_attn"]["flops"] == attention(tokens)
    assert parts["decoder.layers.5.cross_attn"]["flops"] == attention(queries)
    assert (parts["encoder"]["flops"], parts["decoder"]["flops"]) == (encoder, decoder)
    assert (parts["neck"]["flops"], parts["bbox_head"]["flops"]) == (neck, head)
    assert found["flops"] == sum(resnet50((800, 1333)).values()) + neck + encoder + decoder + queries * width * 2 + head


def csp_layer(inputs: int, outputs: int, blocks: int, side: int, *, attention: bool) -> int:
    """RTMDet's: two halves of the channels, one through blocks of 3 x 3 and depthwise 5 x 5, then joined."""
    half, size = outputs // 2, (side, side)
    block = (
        conv_norm(half, half, 3, size) + conv_norm(half, half, 5, size, groups=half) + conv_norm(half, half, 1, size)
    )
    total = 2 * conv_norm(inputs, half, 1, size) + blocks * block + conv_norm(outputs, outputs, 1, size)
    return total + (outputs * side**2 + outputs**2 if attention else 0)  # the mean of each map, and a linear layer


def test_rtmdet_tiny_equals_hand_count(measure: Measure) -> None:
    found = measure("mmdet", "rtmdet/rtmdet_tiny_8xb32-300e_coco.py")
    parts, widths, sides = found["by_module"], (24, 48, 96, 192, 384), (320, 160, 80, 40, 20)
    stem = conv_norm(3, 12, 3, (320, 320)) + conv_norm(12, 12, 3, (320, 320)) + conv_norm(12, 24, 3, (320, 320))
    stages = [
        conv_norm(before, width, 3, (side, side)) + csp_layer(width, width, 1, side, attention=True)
        for before, width, side in zip(widths[:3], widths[1:4], sides[1:4], strict=True)
    ]
    pooled = conv_norm(384, 192, 1, (20, 20)) + conv_norm(4 * 192, 384, 1, (20, 20))
    stages.append(conv_norm(192, 384, 3, (20, 20)) + pooled + csp_layer(384, 384, 1, 20, attention=True))
    neck = conv_norm(384, 192, 1, (20, 20)) + 192 * 40**2 + csp_layer(384, 192, 1, 40, attention=False)
    neck += conv_norm(192, 96, 1, (40, 40)) + 96 * 80**2 + csp_layer(192, 96, 1, 80, attention=False)
    neck += conv_norm(96, 96, 3, (40, 40)) + csp_layer(192, 192, 1, 40, attention=False)
    neck += conv_norm(192, 192, 3, (20, 20)) + csp_layer(384, 384, 1, 20, attention=False)
    neck += sum(conv_norm(width, 96, 3, (side, side)) for width, side in zip(widths[2:], sides[2:], strict=True))
    head = sum(4 * conv_norm(96, 96, 3, (side, side)) + conv(96, 80 + 4, 1, (side, side)) for side in sides[2:])
    assert parts["backbone.stage4"]["flops"] == stages[3]
    assert (parts["neck"]["flops"], parts["bbox_head"]["flops"]) == (neck, head)
    assert found["flops"] == stem + sum(stages) + neck + head
    assert found["flops"] == pytest.approx(8.1e9, rel=0.01), "as published"


@pytest.mark.parametrize(
    "config",
    [
        "retinanet/retinanet_r18_fpn_1x_coco.py",
        "rtmdet/rtmdet_tiny_8xb32-300e_coco.py",
        "deformable_detr/deformable-detr_r50_16xb2-50e_coco.py",
        "solov2/solov2-light_r18_fpn_ms-3x_coco.py",
    ],
)
def test_dry_run_equals_real_run(config: str) -> None:
    assert_dry_is_real("mmdet", config, (3, 160, 192))


@pytest.mark.parametrize(
    ("config", "conditions"),
    [
        ("fast_rcnn/fast-rcnn_r50_fpn_1x_coco.py", ["1,000 proposals"]),
        ("sparse_rcnn/sparse-rcnn_r50_fpn_1x_coco.py", ["100 proposals"]),
        (
            "soft_teacher/soft-teacher_faster-rcnn_r50-caffe_fpn_180k_semi-0.1-coco.py",
            ["the teacher alone", "1,000 proposals"],
        ),
        ("guided_anchoring/ga-retinanet_r50_fpn_1x_coco.py", ["masked convolutions at all places"]),
        ("condinst/condinst_r50_fpn_ms-poly-90k_coco_instance.py", ["100 masks"]),
        (
            "deepsort/deepsort_faster-rcnn_r50_fpn_8xb2-4e_mot17train_test-mot17test.py",
            ["1 frame", "re-identification of 1 object", "1,000 proposals"],
        ),
    ],
)
def test_conditions_name_what_metrics_depend_on(measure: Measure, config: str, conditions: list[str]) -> None:
    assert measure("mmdet", config, (3, 128, 128))["conditions"] == [*conditions, "without post-processing"]


def test_elementwise_autograd_function_is_negligible(measure: Measure) -> None:
    operators = measure("mmdet", "tood/tood_r50_fpn_1x_coco.py", (3, 128, 128))["unsupported_ops"]
    assert operators["uncounted"] == {}
    assert "SigmoidGeometricMean" not in operators["negligible"], "it counts as what it runs"
    assert operators["negligible"]["aten::sigmoid"] == 4 * 5, "two in it and two around it, for each level"


def test_teacher_is_not_part_of_a_distilled_model(measure: Measure) -> None:
    taught = measure("mmdet", "ld/ld_r18-gflv1-r101_fpn_1x_coco.py", (3, 128, 128))
    assert {name.split(".")[0] for name in taught["by_module"]} == {
        "",
        "data_preprocessor",
        "backbone",
        "neck",
        "bbox_head",
    }


def run(config: str) -> dict[str, Any]:
    answer = run_job(shipped("mmdet", config), (3, 256, 256))
    assert answer
    return answer


def test_grounding_dino_is_counted_for_a_full_text() -> None:
    answer = run("grounding_dino/grounding_dino_swin-t_finetune_16xb2_1x_coco.py")
    if importlib.util.find_spec("transformers") is None:
        failure = answer["failure"]
        assert (failure["kind"], failure["message"]) == ("missing_dependency", "No module named 'transformers'")
    else:
        assert answer["measurement"]["conditions"] == ["a text, of 256 tokens", "without post-processing"]


def test_config_fails_when_it_has_no_model() -> None:
    assert run("common/lsj-100e_coco-detection.py")["failure"]["message"] == "the config has no `model`"


RESIZE = {"type": "FixScaleResize", "scale": (800, 1333), "keep_ratio": True}


@pytest.mark.parametrize(
    ("preprocessor", "resize", "size"),
    [
        ({"pad_size_divisor": 32}, {"type": "Resize", "scale": (1333, 800), "keep_ratio": True}, (800, 1344)),
        ({"pad_size_divisor": 1}, RESIZE, (800, 1333)),
        ({}, {"type": "Resize", "scale": (400, 600), "keep_ratio": False}, (600, 400)),
        ({"data_preprocessor": {"pad_size_divisor": 128}}, RESIZE, (896, 1408)),
        ({"pad_size_divisor": 32}, {"type": "TransformBroadcaster", "transforms": [RESIZE]}, (800, 1344)),
    ],
)
def test_resolve_padded_returns_the_pipelines_largest_image_padded(
    preprocessor: dict[str, Any], resize: dict[str, Any], size: Map
) -> None:
    config = {"model": {"data_preprocessor": preprocessor}, "test_pipeline": [{"type": "LoadImageFromFile"}, resize]}
    assert resolve_padded(config, "auto") == (3, *size)
    assert resolve_padded(config, (3, 100, 100)) == (3, 100, 100), "a requested shape is not padded"
