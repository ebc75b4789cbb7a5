"""mmseg: entry points and sizes; metrics against hand counts."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch

from model_complexity.worker.build.model import build_model, enter_scope, load_config, skip_initialization
from model_complexity.worker.codebases.mmseg import CODEBASE
from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.dry_run import dry_run
from model_complexity.worker.job import run_job
from tests.codebases.conftest import Measure, assert_dry_is_real, shipped
from tests.support.flat import flat

SEGFORMER = "segformer/segformer_mit-b0_8xb2-160k_ade20k-512x512.py"
MASK2FORMER = "mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py"
MASKFORMER = "maskformer/maskformer_r50-d32_8xb2-160k_ade20k-512x512.py"
POINTREND = "point_rend/pointrend_r50_4xb2-80k_cityscapes-512x1024.py"
PSANET = "psanet/psanet_r50-d8_4xb2-40k_cityscapes-512x1024.py"
SAN = "san/san-vit-b16_coco-stuff164k-640x640.py"
UNET = "unet/unet_s5-d16_deeplabv3_4xb4-40k_chase-db1-128x128.py"
FAST_SCNN = "fastscnn/fast_scnn_8xb4-160k_cityscapes-512x1024.py"


# fvcore: a convolution and a linear layer are their multiply-accumulates, batch norm 2 for a value, layer and group norm 5,
# bilinear resizing 4 for each value that it makes. Activations, pooling and sums of two maps are not counted.


def conv_bn(inputs: int, outputs: int, kernel: int, places: int) -> int:
    return places * outputs * (inputs * kernel**2 + 2)


def test_segformer_b0_equals_hand_count(measure: Measure) -> None:
    found = measure("mmseg", SEGFORMER)
    assert found["input_shape"] == [1, 3, 512, 512]
    assert found["conditions"] == ["without post-processing"]

    widths, sides, reductions, kernels = (32, 64, 160, 256), (128, 64, 32, 16), (8, 4, 2, 1), (7, 3, 3, 3)

    def stage(index: int) -> int:
        width, tokens, reduction = widths[index], sides[index] ** 2, reductions[index]
        before = widths[index - 1] if index else 3
        embedding = tokens * width * (before * kernels[index] ** 2 + 5)
        keys = tokens // reduction**2
        reduced = keys * width * (width * reduction**2 + 5) if reduction > 1 else 0
        attention = 2 * tokens * width**2 + 2 * keys * width**2 + 2 * tokens * keys * width
        mixed = tokens * 4 * width * (width + 9 + width)  # 1x1 to four times the width, 3x3 by channel, 1x1 back
        block = reduced + attention + mixed + 2 * 5 * tokens * width
        return embedding + 2 * block + 5 * tokens * width

    places = 128 * 128
    levels = sum(conv_bn(width, 256, 1, side**2) for width, side in zip(widths, sides, strict=True))
    resized = 4 * 4 * 256 * places
    fused = conv_bn(4 * 256, 256, 1, places)
    classified = places * 256 * 150
    modules = found["by_module"]
    assert [modules[f"backbone.layers.{index}"]["flops"] for index in range(4)] == [stage(index) for index in range(4)]
    assert modules["decode_head.convs"]["flops"] == levels
    assert modules["decode_head.fusion_conv"]["flops"] == fused
    assert modules["decode_head"]["flops"] == levels + resized + fused + classified
    assert found["flops"] == sum(map(stage, range(4))) + levels + resized + fused + classified
    # Xie et al., "SegFormer", table 1: 8.4 GFLOPs, which leaves norms and resizing out, and 3.8 M parameters.
    products = sum(found["operators"][name] for name in ("conv", "linear", "bmm"))
    assert round(products / 1e9, 1) == 8.4
    assert round(found["params"] / 1e6, 1) == 3.8


def resnet50(side: int) -> int:
    """ResNet-50 without its classifier, on a square image."""
    total = conv_bn(3, 64, 7, (side // 2) ** 2)
    width, side = 64, side // 4
    for stage, blocks in enumerate((3, 4, 6, 3)):
        inner = 64 * 2**stage
        for block in range(blocks):
            strided = stage > 0 and block == 0
            total += conv_bn(width, inner, 1, side**2)
            side //= 2 if strided else 1
            total += conv_bn(inner, inner, 3, side**2) + conv_bn(inner, 4 * inner, 1, side**2)
            total += conv_bn(width, 4 * inner, 1, side**2) if block == 0 else 0
            width = 4 * inner
    return total


def test_mask2former_equals_hand_count(measure: Measure) -> None:
    found = measure("mmseg", MASK2FORMER)
    assert found["conditions"] == ["masks merged at the image's size"]
    assert found["stubbed_ops"] == []  # mmcv has this attention in Python, too
    width, queries, classes, layers = 256, 100, 150, 9
    maps = (16**2, 32**2, 64**2)
    fine = 128**2

    tokens = sum(maps)
    projected = sum(places * width * (inputs + 5) for places, inputs in zip(maps, (2048, 1024, 512), strict=True))
    deformable = tokens * width * (width + 8 * 3 * 4 * 2 + 8 * 3 * 4 + width)  # value, offsets, weights, output
    sampled = tokens * width * 3 * 4 * 4  # 4 points in each of 3 maps, 4 values for each
    encoder = 6 * (deformable + sampled + 2 * tokens * width * 1024 + 2 * 5 * tokens * width)
    lateral = fine * width * (256 + 5) + 4 * fine * width  # and the encoder's finest map resized to it
    smoothed = fine * width * (width * 9 + 5)
    pixel_decoder = projected + encoder + lateral + smoothed + fine * width * width

    def attention(keys: int) -> int:
        return 2 * queries * width**2 + 2 * keys * width**2 + 2 * queries * keys * width

    crossed = layers // 3 * sum(attention(keys) for keys in maps)
    normalised = 5 * queries * width
    decoder = crossed + layers * (attention(queries) + 2 * queries * width * 2048 + 3 * normalised)
    predictions = layers + 1
    decoder += predictions * normalised
    classified = predictions * queries * width * (classes + 1)
    embedded = predictions * 3 * queries * width**2
    masks = predictions * queries * width * fine
    # Each mask is resized to the map that the next layer looks at; the last one too, though no layer follows.
    steering = 4 * queries * (layers // 3 * sum(maps) + maps[layers % 3])

    modules = found["by_module"]
    assert modules["backbone"]["flops"] == resnet50(512)
    assert modules["decode_head.pixel_decoder"]["flops"] == pixel_decoder
    assert modules["decode_head.transformer_decoder"]["flops"] == decoder
    assert modules["decode_head.cls_embed"]["flops"] == classified
    head = pixel_decoder + decoder + classified + embedded + masks + steering
    assert modules["decode_head"]["flops"] == head
    merged = queries * 512**2 * (4 + classes)  # resized, and summed with the scores of their classes
    assert found["flops"] == resnet50(512) + head + merged
    # Cheng et al., "Masked-attention Mask Transformer", table for ADE20K: 44 M parameters and 71 GFLOPs.
    assert round(found["params"] / 1e6) == 44
    assert round(found["flops"] / 1e9) == 71


def test_unet_is_counted_for_one_sliding_window(measure: Measure) -> None:
    found = measure("mmseg", UNET)  # slides over images of 960 x 999
    assert found["input_shape"] == [1, 3, 128, 128]
    assert found["conditions"] == [
        "one sliding window",
        "without running auxiliary heads",
        "without post-processing",
    ]
    assert found["by_module"]["decode_head.conv_seg"]["flops"] == 128 * 128 * 16 * 2  # 16 channels, 2 classes


def test_psanet_runs_with_a_stub(measure: Measure) -> None:
    found = measure("mmseg", PSANET)
    assert found["stubbed_ops"] == ["psamask_forward"]
    side = (512 // 16, 1024 // 16)
    places = side[0] * side[1]
    assert found["operators"]["bmm"] == 2 * places**2 * 512
    assert found["by_module"]["decode_head.attention.1"]["flops"] == places * 512 * 97**2
    assert found["unsupported_ops"]["uncounted"] == {}


def test_maskformer_head_gets_data_samples(measure: Measure) -> None:
    found = measure("mmseg", MASKFORMER, (3, 128, 128))
    decoded, merged = found["by_module"]["decode_head"]["flops"], 100 * 128**2 * (4 + 150)
    assert found["by_module"]["backbone"]["flops"] == resnet50(128)
    assert found["flops"] == resnet50(128) + decoded + merged
    # What is the same for each of the six layers: classes and masks of 100 queries.
    assert found["operators"]["einsum"] == 6 * 100 * 256 * 32**2 + 100 * 128**2 * 150
    assert found["by_module"]["decode_head.cls_embed"]["flops"] == 6 * 100 * 256 * 151


def test_pointrend_refines_its_configs_points(measure: Measure) -> None:
    found = measure("mmseg", POINTREND, (3, 128, 256))
    points = min(64 * 128, 8196) + min(128 * 256, 8196)  # 8,196 in each of two steps, where the finer map has so many
    assert found["by_module"]["decode_head.1.fcs"]["flops"] == points * 3 * (256 + 19) * 256
    assert found["by_module"]["decode_head.1.fc_seg"]["flops"] == points * (256 + 19) * 19


def test_san_does_not_encode_class_names(measure: Measure) -> None:
    found = measure("mmseg", SAN)
    assert found["input_shape"] == [1, 3, 640, 640]
    assert found["conditions"] == ["171 class names encoded beforehand", "without post-processing"]
    assert found["by_module"]["text_encoder"]["flops"] == 0
    assert "text_encoder.transformer.0" in found["uncalled_modules"]
    assert found["by_module"]["text_encoder"]["params"] > 60_000_000
    compared = 100 * (171 + 1) * 512  # each mask with each name, and with the background
    drawn = (1 + 12) * 100 * 256 * 40**2  # masks, and the attention that 12 heads are steered by
    assert found["operators"]["einsum"] == drawn + compared


@pytest.mark.parametrize(
    ("config", "shape"), [(FAST_SCNN, (3, 128, 256)), (MASK2FORMER, (3, 64, 64)), (POINTREND, (3, 64, 128))]
)
def test_dry_run_equals_real_run(config: str, shape: tuple[int, ...]) -> None:
    assert_dry_is_real("mmseg", config, shape)


@pytest.mark.parametrize("config", [FAST_SCNN, "danet/danet_r50-d8_4xb2-40k_cityscapes-512x1024.py"])
def test_metrics_equal_those_of_the_librarys_entry_point(measure: Measure, config: str) -> None:
    """The library's own tool traces ``_forward``. It removes the auxiliary heads, and their params with them."""
    found = measure("mmseg", config, (3, 128, 128))
    loaded = load_config(shipped("mmseg", config))
    with warnings.catch_warnings(), skip_initialization(), dry_run():
        warnings.simplefilter("ignore")  # the libraries'
        model = build_model(loaded, enter_scope(loaded))
        model.forward = model._forward
        expected = flat(count(model, (torch.rand(1, 3, 128, 128),)))
    for metric in ("flops", "params", "activations"):
        assert found[metric] == expected[metric]


def test_resolve_cropped_returns_the_size_of_the_crops() -> None:
    resolve = CODEBASE.resolve
    preprocessor = {"size": (512, 1024)}
    whole = {"data_preprocessor": preprocessor, "test_cfg": {"mode": "whole"}}
    slides = {"data_preprocessor": preprocessor, "test_cfg": {"mode": "slide", "crop_size": (769, 769)}}
    padded = {"data_preprocessor": {"test_cfg": {"size_divisor": 32}}}
    assert resolve({"model": whole}, "auto") == (3, 512, 1024)
    assert resolve({"model": {}, "data_preprocessor": preprocessor}, "auto") == (3, 512, 1024)
    assert resolve({"model": slides}, "auto") == (3, 769, 769)
    assert resolve({"model": padded, "crop_size": (500, 640)}, "auto") == (3, 512, 640)
    assert resolve({"model": {}, "crop_size": 256}, "auto") == (3, 256, 256)
    assert resolve({"model": {}, "test_pipeline": [{"type": "Resize", "scale": (2048, 1024)}]}, "auto") == (
        3,
        1024,
        2048,
    )
    assert resolve({"model": whole}, (3, 64, 64)) == (3, 64, 64)


def test_backbone_alone_is_run_by_forward(tmp_path: Path) -> None:
    config = tmp_path / "backbone.py"
    config.write_text("default_scope = 'mmseg'\nmodel = dict(type='FastSCNN')\n")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the libraries'
        answer = run_job(config, (3, 64, 64))
    assert answer
    assert answer["measurement"]["conditions"] == []
    assert answer["measurement"]["entry_point"] == "forward"
