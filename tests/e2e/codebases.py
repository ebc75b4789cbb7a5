"""The `install:` lines of docs/codebases.md, and configs that show whether each works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parents[2] / "docs" / "codebases.md"
PROBES: dict[str, tuple[str, ...]] = {
    "mmpretrain": ("vision_transformer/vit-base-p16_64xb64_in1k.py",),
    "mmdet": (
        "faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
        "convnext/mask-rcnn_convnext-t-p4-w7_fpn_amp-ms-crop-3x_coco.py",
        "glip/glip_atss_swin-t_a_fpn_dyhead_16xb2_ms-2x_funtune_coco.py",
    ),
    "mmseg": (
        "segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py",
        "mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py",
    ),
    "mmpose": (
        "body_2d_keypoint/rtmpose/coco/rtmpose-s_8xb256-420e_coco-256x192.py",
        "body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py",
    ),
    "mmaction": ("recognition/slowfast/slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb.py",),
    "mmocr": ("textrecog/sar/sar_resnet31_parallel-decoder_5e_st-sub_mj-sub_sa_real.py",),
    "mmdet3d": ("pointpillars/pointpillars_hv_secfpn_8xb6-160e_kitti-3d-car.py",),
    "mmrotate": ("rotated_rtmdet/rotated_rtmdet_tiny-3x-dota.py",),
    "mmyolo": (
        "yolov8/yolov8_s_syncbn_fast_8xb16-500e_coco.py",
        "yolox/pose/yolox-pose_s_8xb32-300e-rtmdet-hyp_coco.py",
    ),
}
"""Library -> configs that it ships, among them those that need another library."""


def install_lines() -> dict[str, str]:
    """Map each library to its `install` input in docs/codebases.md."""
    lines: dict[str, str] = {}
    for section in re.split(r"^## ", DOCS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        block = re.search(r"^```yaml\n(install:.*?)^```", section, re.MULTILINE | re.DOTALL)
        if block:
            inputs: dict[str, Any] = yaml.safe_load(block[1])
            lines[section.split()[0]] = inputs["install"]
    return lines


def install_of(library: str) -> str:
    """Return the `install` input of a library in docs/codebases.md."""
    return install_lines()[library]
