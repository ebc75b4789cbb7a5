"""A sample of small, different models of each library's zoo. scripts/benchmarks/zoo/run_all measures all of them.

Metrics must equal those of earlier versions to the digit, and published ones, where there are some at the measured size.
"""

from __future__ import annotations

import functools

import pytest
from scripts.benchmarks.zoo.published import Published, read_published

from tests.codebases.conftest import Measure, shipped

TOP_DOWN = "body_2d_keypoint/topdown_heatmap/coco/td-hm"
YOLOX_NANO = "yolox/yolox_nano_8xb8-300e_coco"
SAMPLE = [
    ("mmdet", "rtmdet/rtmdet_tiny_8xb32-300e_coco", 8_089_002_240, 4_896_168),
    ("mmdet", YOLOX_NANO, 539_577_792, 912_159),
    ("mmdet", "ssd/ssdlite_mobilenetv2-scratch_8xb24-600e_coco", 774_303_552, 4_228_788),
    ("mmdet", "rtmdet/classification/cspnext-tiny_8xb256-rsb-a1-600e_in1k", 338_836_800, 2_733_700),
    ("mmdet", "faster_rcnn/faster-rcnn_r50_fpn_1x_coco", 216_430_550_272, 41_753_056),
    ("mmdet", "detr/detr_r18_8xb2-500e_coco", 52_698_419_200, 28_850_325),
    ("mmseg", "segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512", 8_505_589_760, 3_753_718),
    ("mmseg", "fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024", 1_871_064_192, 1_456_617),
    ("mmseg", "pidnet/pidnet-s_2xb6-120k_1024x1024-cityscapes", 23_758_558_208, 7_720_871),
    ("mmseg", "segnext/segnext_mscan-t_1xb16-adamw-160k_ade20k-512x512", 6_450_380_800, 4_263_414),
    ("mmseg", "cgnet/cgnet_fcn_4xb8-60k_cityscapes-512x1024", 6_932_116_480, 496_325),
    ("mmseg", "segmenter/segmenter_vit-t_mask_8xb1-160k_ade20k-512x512", 12_672_118_848, 6_713_196),
    ("mmpose", "body_2d_keypoint/rtmpose/coco/rtmpose-t_8xb256-420e_coco-256x192", 358_796_160, 3_337_007),
    ("mmpose", f"{TOP_DOWN}_res50_8xb64-210e_coco-256x192", 5_450_219_520, 33_999_697),
    ("mmpose", f"{TOP_DOWN}_litehrnet-18_8xb64-210e_coco-256x192", 266_314_752, 1_130_769),
    (
        "mmpose",
        "body_2d_keypoint/topdown_regression/coco/td-reg_res50_8xb64-210e_coco-256x192",
        4_025_667_584,
        23_577_698,
    ),
    ("mmpose", "body_2d_keypoint/rtmo/coco/rtmo-s_8xb32-600e_coco-640x640", 12_347_705_600, 9_868_899),
    (
        "mmaction",
        "recognition/tsn/tsn_imagenet-pretrained-r50_8xb32-1x1x3-100e_kinetics400-rgb",
        102_737_433_600,
        24_327_632,
    ),
    ("mmaction", "recognition/slowfast/slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb", 36_338_536_448, 34_479_288),
    ("mmaction", "recognition/x3d/x3d_s_13x6x1_facebook-kinetics400-rgb", 2_815_117_616, 3_794_322),
    ("mmaction", "skeleton/stgcnpp/stgcnpp_8xb16-joint-u100-80e_ntu60-xsub-keypoint-2d", 1_947_943_360, 1_393_016),
    (
        "mmaction",
        "recognition_audio/resnet/tsn_r18_8xb320-64x1x1-100e_kinetics400-audio-feature",
        372_070_400,
        11_375_440,
    ),
    ("mmaction", "localization/bmn/bmn_2xb8-400x100-9e_activitynet-feature", 53_784_217_600, 36_978_564),
    ("mmyolo", "yolov5/yolov5_n-v61_syncbn_fast_8xb16-300e_coco", 2_258_329_600, 1_872_157),
    ("mmyolo", "yolov6/yolov6_n_syncbn_fast_8xb32-400e_coco", 6_129_971_200, 4_737_532),
    ("mmyolo", "yolov7/yolov7_tiny_syncbn_fast_8x16b-300e_coco", 6_890_598_400, 6_228_762),
    ("mmyolo", "yolov8/yolov8_n_syncbn_fast_8xb16-500e_coco", 4_400_998_400, 3_157_184),
    ("mmyolo", "rtmdet/rtmdet_tiny_syncbn_fast_8xb32-300e_coco", 8_089_002_240, 4_896_168),
    ("mmyolo", "ppyoloe/ppyoloe_plus_s_fast_8xb8-80e_coco", 8_852_558_912, 8_084_594),
]
DIFFERENT = {
    "segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512": "1.3 %: see docs/accuracy.md",
    "segnext/segnext_mscan-t_1xb16-adamw-160k_ade20k-512x512": "published in one digit",
    f"{TOP_DOWN}_litehrnet-18_8xb64-210e_coco-256x192": "see docs/accuracy.md",
    "recognition/x3d/x3d_s_13x6x1_facebook-kinetics400-rgb": "see docs/accuracy.md",
    "yolov6/yolov6_n_syncbn_fast_8xb32-400e_coco": "published in the deploy form",
    "ppyoloe/ppyoloe_plus_s_fast_8xb8-80e_coco": "published in the deploy form",
}
"""Configs whose published FLOPs differ from ours, and why."""


@functools.cache
def _published(library: str) -> dict[str, Published]:
    return read_published(shipped(library, "").parent, library)


@pytest.mark.parametrize(("library", "config", "flops", "params"), SAMPLE)
def test_metrics_of_sample_are_unchanged(measure: Measure, library: str, config: str, flops: int, params: int) -> None:
    found = measure(library, f"{config}.py")
    assert (found["flops"], found["params"], found["mode"]) == (flops, params, "dry")
    known = _published(library).get(f"configs/{config}.py", Published())
    if known.flops and (known.size is None or list(known.size) == found["input_shape"][-2:]):
        error = min(abs(flops / published - 1) for published in known.flops)
        assert (error > 0.01) is (config in DIFFERENT)


def test_sample_has_enough_published_metrics() -> None:
    matching = [
        config for library, config, *_ in SAMPLE if _published(library).get(f"configs/{config}.py", Published()).flops
    ]
    assert len(matching) >= 15
