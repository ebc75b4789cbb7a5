"""Inputs of models: the config's own size, inputs by name, and unsupported inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_complexity.worker.config_sizes import pipeline_shape
from model_complexity.worker.job import run_job
from tests.worker.run_worker import answers, measure
from tests.worker.test_job import LIBRARY

NETS = (
    LIBRARY
    + """
import torch

@MODELS.register_module()
class Points(nn.Linear):
    def __init__(self):
        super().__init__(4, 6, bias=False)
    def forward(self, img, points, mask=None):
        assert img.dtype == points.dtype == torch.float32
        return super().forward(points).sum() + img.sum() + (0 if mask is None else mask.sum())

@MODELS.register_module()
class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.out = nn.Embedding(100, 8), nn.Linear(8, 3, bias=False)
    def extract_feat(self, tokens, **more):
        return self.out(self.table(tokens))
    def forward(self, x):
        raise AssertionError('extract_feat is run')
"""
)


@pytest.fixture
def library(tree: Path) -> Path:
    (tree / "nets.py").write_text(NETS)
    for name in ("Points", "Tokens"):
        (tree / f"{name}.py").write_text(f"custom_imports = dict(imports=['nets'])\nmodel = dict(type='{name}')\n")
    (tree / "conv.py").write_text(
        "custom_imports = dict(imports=['nets'])\nmodel = dict(type='Conv', channels=4)\n"
        "test_pipeline = [dict(type='Resize', scale=(48, 32)), dict(type='CenterCrop', crop_size=16)]\n"
    )
    return tree


def ask(tree: Path, config: str, *shapes: Any) -> list[dict[str, Any]]:
    jobs = [{"job": number, "config": config, "shape": shape} for number, shape in enumerate(shapes)]
    return sorted(answers(tree, jobs), key=lambda answer: int(answer["job"]))


def test_auto_shape_is_the_size_of_the_configs_own_pipeline(library: Path) -> None:
    auto, requested = ask(library, "conv.py", "auto", [3, 16, 16])
    assert auto["measurement"]["input_shape"] == [1, 3, 16, 16]
    assert auto["measurement"]["flops"] == requested["measurement"]["flops"] == 16 * 16 * 3 * 4
    assert auto["measurement"]["inputs"] == {}


def test_auto_shape_of_real_configs(zoo: Path) -> None:
    lenet, swin, headless = (
        run_job(zoo / config, "auto")["measurement"]
        for config in (
            "lenet/lenet5_mnist.py",
            "swin_transformer/swin-tiny_16xb64_in1k.py",
            "glip/glip-t_headless.py",  # names no scope
        )
    )
    assert lenet["input_shape"] == [1, 1, 32, 32]
    assert swin["input_shape"] == [1, 3, 224, 224]
    assert headless["figures"]["flops"] > 4e9


def test_named_inputs_are_passed_by_keyword(library: Path) -> None:
    (answer,) = ask(library, "Points.py", "img=3x8x8 points=1000x4")
    found = answer["measurement"]
    assert found["flops"] == 1000 * 4 * 6
    assert found["input_shape"] == [1, 3, 8, 8]
    assert found["inputs"] == {"img": [1, 3, 8, 8], "points": [1, 1000, 4]}
    (masked,) = ask(library, "Points.py", "mask=7:bool points=1000x4 img=3x8x8")
    assert masked["measurement"]["flops"] == 1000 * 4 * 6
    (tokens,) = ask(library, "Tokens.py", "tokens=77:int")
    assert (tokens["measurement"]["flops"], tokens["measurement"]["entry_point"]) == (77 * 8 * 3, "extract_feat")


@pytest.mark.parametrize(
    ("config", "shape", "message"),
    [
        ("Points.py", [3, 8, 8], "`forward` requires points in addition to one image (1, 3, 8, 8)."),
        ("Points.py", "img=3x8x8", "`forward` requires points in addition to img=3x8x8."),
        ("Points.py", "image=3x8x8 points=9x4", "`forward` takes img, points, mask, not image=3x8x8 points=9x4."),
        ("conv.py", "x=3x8x8", "`forward` takes input, not x=3x8x8."),
    ],
)
def test_unsupported_input_names_the_tried_shape(library: Path, config: str, shape: Any, message: str) -> None:
    (answer,) = ask(library, config, shape)
    assert (answer["failure"]["kind"], answer["failure"]["message"]) == ("unsupported_input", message)
    assert "points=40000x4" in answer["failure"]["hint"]


DEIT_TINY = 5_717_416 - 192 * 1_000 - 1_000
"""Parameters as published (DeiT, table 1: 5 M; timm: 5,717,416), less the classifier."""


def test_scope_is_the_model_librarys_when_the_config_has_none(tree: Path) -> None:
    (tree / "vit.py").write_text("model = dict(type='VisionTransformer', arch='deit-tiny')\n")
    (tree / "scoped.py").write_text("model = dict(type='mmpretrain.VisionTransformer', arch='deit-tiny')\n")
    (tree / "lazy.py").write_text(
        "from mmpretrain.models import VisionTransformer\nmodel = dict(type=VisionTransformer, arch='deit-tiny')\n"
    )
    (tree / "none.py").write_text("model = dict(type='NoSuchThing')\n")
    *found, none = measure(tree, ["vit.py", "scoped.py", "lazy.py", "none.py"], shape=(3, 224, 224))
    assert {answer["measurement"]["params"] for answer in found} == {DEIT_TINY}
    assert none["failure"]["kind"] == "build"


PIPELINES = [
    ([{"type": "Resize", "scale": (640, 480)}], (3, 480, 640)),
    ([{"type": "Resize", "scale": (640, 480)}, {"type": "Pad", "size": (1024, 800)}], (3, 800, 1024)),
    ([{"type": "Pad", "size_divisor": 32}], (3, 224, 224)),
    ([{"type": "TopdownAffine", "input_size": (192, 256)}], (3, 256, 192)),
    ([{"type": "TestTimeAug", "transforms": [[{"type": "Resize", "scale": 320}]]}], (3, 320, 320)),
    ([{"type": "mmpretrain.CenterCrop", "crop_size": 1}], (3, 224, 224)),
    ([{"type": "CenterCrop", "crop_size": 99999}], (3, 224, 224)),
    (
        [
            {"type": "RandomResizedCropAndInterpolationWithTwoPic", "size": 256, "second_size": 112},
            {"type": "BEiTMaskGenerator", "input_size": (14, 14)},
        ],
        (3, 256, 256),
    ),
    ("nonsense", (3, 224, 224)),
]


@pytest.mark.parametrize(("pipeline", "shape"), PIPELINES)
def test_auto_shape_follows_the_pipeline(pipeline: Any, shape: tuple[int, ...]) -> None:
    assert pipeline_shape({"test_dataloader": {"dataset": {"pipeline": pipeline}}}) == shape


@pytest.mark.parametrize(
    ("config", "channels"),
    [
        ({"model": {"backbone": {"in_channels": 1}}}, 1),
        ({"model": {"backbone": {"in_channels": 2048}}}, 3),
        ({"model": {"backbone": {}, "data_preprocessor": {"mean": [0.5]}}}, 1),
        ({"model": {}, "data_preprocessor": {"mean": [1, 2, 3, 4]}}, 4),
        ({"model": {}, "data_preprocessor": {"mean": []}}, 3),
        ({}, 3),
    ],
)
def test_auto_shape_has_the_models_channels(config: Any, channels: int) -> None:
    assert pipeline_shape(config)[0] == channels
