"""mmocr: lines of text and images with text, against hand counts."""

from __future__ import annotations

from typing import Any

import pytest

from model_complexity.worker.codebases import mmocr
from tests.codebases.conftest import Measure, assert_dry_is_real


def test_crnn_equals_hand_count(measure: Measure) -> None:
    """CRNN reads 32 x 100 grey pixels as 26 columns of 512 features, and has two LSTMs over them."""
    found = measure("mmocr", "textrecog/crnn/crnn_mini-vgg_5e_mj.py")
    convolutions = (
        (1, 64, 3, 32 * 100),
        (64, 128, 3, 16 * 50),
        (128, 256, 3, 8 * 25),
        (256, 256, 3, 8 * 25),
        (256, 512, 3, 4 * 26),
        (512, 512, 3, 4 * 26),
        (512, 512, 2, 1 * 26),  # without padding, from 2 x 27
    )
    backbone = sum(places * inputs * outputs * side**2 for inputs, outputs, side, places in convolutions)
    columns, hidden, letters = 26, 256, 37
    # each way, four gates of what comes in and of what was there
    lstms = columns * 2 * 4 * hidden * ((512 + hidden) + (hidden + hidden))
    linear = columns * 2 * hidden * (hidden + letters)
    assert found["input_shape"] == [1, 1, 32, 100]
    assert found["operators"]["conv"] == backbone
    assert found["operators"]["lstm"] == lstms
    assert found["operators"]["linear"] == linear
    assert found["flops"] == sum(found["operators"].values())
    modules = found["by_module"]
    assert modules["decoder.decoder.0.embedding"]["flops"] == columns * 2 * hidden * hidden
    assert modules["decoder.decoder.1.embedding"]["flops"] == columns * 2 * hidden * letters
    assert modules["decoder.decoder.0.rnn"]["flops"] == columns * 2 * 4 * hidden * (512 + hidden)
    assert found["conditions"] == ["without post-processing"]


def test_dbnet_input_is_padded_and_modules_equal_hand_count(measure: Measure) -> None:
    """DBNet on ICDAR 2015: 736 x 1333, padded to a multiple of 32."""
    found = measure("mmocr", "textdet/dbnet/dbnet_resnet18_fpnc_1200e_icdar2015.py")
    assert found["input_shape"] == [1, 3, 736, 1344]
    assert found["by_module"]["backbone.conv1"]["flops"] == 368 * 672 * 3 * 64 * 7 * 7
    assert found["by_module"]["det_head.binarize.0"]["flops"] == 184 * 336 * 256 * 64 * 3 * 3


def test_autoregressive_decoder_runs_for_max_seq_len(measure: Measure) -> None:
    found = measure("mmocr", "textrecog/sar/sar_resnet31_parallel-decoder_5e_toy.py")
    assert found["conditions"] == ["30 characters", "without post-processing"]
    # the start, then each letter
    assert found["by_module"]["decoder.prediction"]["flops"] % 31 == 0


def test_wrapped_detector_is_run_like_mmdets(measure: Measure) -> None:
    found = measure("mmocr", "textdet/maskrcnn/mask-rcnn_resnet50_fpn_160e_icdar2015.py", (3, 64, 64))
    assert found["conditions"] == ["1,000 proposals", "100 masks", "without post-processing"]
    assert found["by_module"]["wrapped_model.roi_head.bbox_head.fc_cls"]["flops"] == 1000 * 1024 * 2


def test_dry_run_equals_real_run() -> None:
    assert_dry_is_real("mmocr", "textrecog/crnn/crnn_mini-vgg_5e_mj.py")


@pytest.mark.parametrize(
    ("pipeline", "shape"),
    [
        ([{"type": "RescaleToHeight", "height": 48, "max_width": 160}], (3, 48, 160)),
        (
            [{"type": "RescaleToHeight", "height": 48, "max_width": None}, {"type": "PadToWidth", "width": 96}],
            (3, 48, 96),
        ),
        ([{"color_type": "grayscale"}, {"type": "Resize", "scale": (100, 32)}], (1, 32, 100)),
    ],
)
def test_resolve_returns_the_size_of_a_line(pipeline: list[dict[str, Any]], shape: tuple[int, ...]) -> None:
    config = {"test_pipeline": pipeline, "model": {"data_preprocessor": {"mean": [127.5]}}}
    assert mmocr.resolve(config, "auto") == shape
    assert mmocr.resolve(config, (3, 8, 8)) == (3, 8, 8)
