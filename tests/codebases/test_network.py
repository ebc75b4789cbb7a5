"""Nothing is downloaded while a model is built or run. Every test here uses ``network`` of conftest.py."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from tests.codebases.conftest import Measure

CONFIGS = (
    ("mmaction", "recognition/tanet/tanet_imagenet-pretrained-r50_8xb6-1x1x16-50e_sthv1-rgb.py"),  # in its constructor
    ("mmdet", "detr/detr_r50_8xb2-150e_coco.py"),  # init_cfg in the backbone
    ("mmdet", "vfnet/vfnet_res2net-101_fpn_ms-2x_coco.py"),  # init_cfg of a scheme of OpenMMLab's own
    ("mmdet", "ld/ld_r18-gflv1-r101_fpn_1x_coco.py"),  # weights of a teacher
    ("mmpose", "body_2d_keypoint/topdown_heatmap/coco/td-hm_ViTPose-small_8xb64-210e_coco-256x192.py"),
    ("mmseg", "swin/swin-tiny-patch4-window7-in1k-pre_upernet_8xb2-160k_ade20k-512x512.py"),
)
"""Configs that would download weights in training."""


@pytest.mark.parametrize(("library", "config"), CONFIGS)
def test_weights_are_not_downloaded(measure: Measure, library: str, config: str) -> None:
    assert measure(library, config)["flops"] > 10**8


def test_network_fixture_records_connections(network: list[str]) -> None:
    with pytest.raises(urllib.error.URLError, match="the network is blocked"):
        urllib.request.urlopen("http://localhost:1/weights.pth")
    assert len(network) == 1
    network.clear()
