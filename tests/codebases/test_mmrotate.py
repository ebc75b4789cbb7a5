"""mmrotate 1.0.0rc1 (with e2cnn, which it imports): hand counts and published metrics."""

from __future__ import annotations

import pytest

from tests.codebases.conftest import Measure


def test_rotated_rtmdet_equals_published_metrics(measure: Measure) -> None:
    found = measure("mmrotate", "rotated_rtmdet/rotated_rtmdet_tiny-3x-dota.py")
    assert found["input_shape"] == [1, 3, 1024, 1024]
    assert found["flops"] / 1e9 == pytest.approx(20.45, rel=0.01)
    assert round(found["params"] / 1e6, 2) == 4.88


def test_rotated_rtmdet_equals_that_of_mmyolo(measure: Measure) -> None:
    found = measure("mmyolo", "rtmdet/rotated/rtmdet-r_tiny_fast_1xb8-36e_dota.py")
    assert found["flops"] == measure("mmrotate", "rotated_rtmdet/rotated_rtmdet_tiny-3x-dota.py")["flops"]


def test_oriented_rcnn_is_counted_for_its_proposals(measure: Measure) -> None:
    found = measure("mmrotate", "oriented_rcnn/oriented-rcnn-le90_r50_fpn_1x_dota.py")
    assert found["conditions"] == ["2,000 proposals", "without post-processing"]
    head = found["by_module"]["roi_head.bbox_head"]["flops"]
    hidden = 256 * 7 * 7 * 1024 + 1024 * 1024
    assert head == 2000 * (hidden + 1024 * (15 + 1) + 1024 * 5)  # 15 classes, and a box with an angle
