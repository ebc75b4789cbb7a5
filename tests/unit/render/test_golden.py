"""Whole comments on real measurements. scripts/golden rewrites them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.factories import entry, failed, pyramid, report
from tests.support.golden import golden

from model_complexity.common.failures import FAILURE_KINDS
from model_complexity.compare import module_changes
from model_complexity.render import render
from model_complexity.report import BudgetCheck, Entry, Measurement, Report, UnsupportedOps

DATA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "data" / "measurements.json").read_text(encoding="utf-8")
)
VIT = "configs/vision_transformer/vit-base-p16_64xb64_in1k.py"
BASE_FILE = "configs/_base_/models/resnet18.py"
RUN = "https://github.com/octocat/model-zoo/actions/runs/42"


def real(name: str) -> Measurement:
    return Measurement.model_validate(DATA[name])


def one_changed() -> Report:
    """A ViT with finer patches."""
    return report(entry(VIT, real("vit, patches of 14"), real("vit")), run_url=RUN)


def depth_changed() -> Report:
    """A ResNet that became deeper, and a classifier of more classes."""
    return report(
        entry("configs/resnet/resnet18_8xb32_in1k.py", real("resnet34"), real("resnet18")),
        entry("configs/mobilenet_v2/mobilenet-v2_8xb32_in1k.py", real("mobilenet, wider head"), real("mobilenet")),
        run_url=RUN,
    )


def through_a_base_file() -> Report:
    """A base file that 40 configs inherit from, one of which it changes."""
    same = [
        entry(
            f"configs/resnet/resnet18_{n}xb32_in1k.py",
            real("resnet18"),
            real("resnet18"),
            reason="inherited",
            through=BASE_FILE,
        )
        for n in range(1, 40)
    ]
    changed = entry(
        "configs/resnet/resnet18_8xb32-coslr_in1k.py",
        real("resnet34"),
        real("resnet18"),
        reason="inherited",
        through=BASE_FILE,
    )
    return report(changed, *same, run_url=RUN)


def first_run() -> Report:
    """No base to compare with."""
    note = (
        "The merge base `bbbbbbbbb` is unavailable, so nothing is compared. Set `fetch-depth: 0` on actions/checkout."
    )
    configs = [entry(VIT, real("vit"), None), entry("configs/resnet/resnet18_8xb32_in1k.py", real("resnet18"), None)]
    return report(*configs, base=None, notes=(note,), run_url=RUN)


def all_failing() -> Report:
    """Nothing can be measured, each for a reason of its own."""
    syntax = failed("config_syntax", "configs/a.py:3: '(' was never closed", '  File "configs/a.py", line 3')
    missing = failed("missing_dependency", "No module named 'mmcls'")
    message = "RuntimeError at models/head.py:41: mat1 and mat2 shapes cannot be multiplied (196x768 and 512x1000)"
    hint = FAILURE_KINDS["forward"].hint_for(["RuntimeError"], message)
    shape = failed("forward", message, hint=hint)
    return report(
        entry("configs/a.py", syntax, real("resnet18")),
        entry("configs/b.py", missing, None),
        entry(VIT, shape, failed("forward", "RuntimeError: the same before")),
        run_url=RUN,
    )


def budget_broken() -> Report:
    """One budget is broken, one is near."""
    deeper = entry("configs/resnet/resnet18_8xb32_in1k.py", real("resnet34"), real("resnet18"))
    vit = entry(VIT, real("vit"), real("vit"))

    def check(config: Entry, **more: Any) -> BudgetCheck:
        assert isinstance(config.head, Measurement)
        defaults = {
            "config": config.target.name,
            "shape": config.shape,
            "metric": "flops",
            "rule": "max",
            "base": None,
            "level": "fail",
        }
        return BudgetCheck(**(defaults | {"head": config.head.figures["flops"]} | more))

    budgets = (
        check(deeper, limit="2G", max_value=2 * 10**9, state="exceeded"),
        check(vit, limit="18G", max_value=18 * 10**9, state="near"),
        check(vit, metric="params", limit="100M", max_value=10**8, head=91_234_024, state="ok"),
    )
    return report(vit, deeper, budgets=budgets, policy="applied", run_url=RUN)


def deformable() -> Report:
    """Deformable convolutions in one of two detectors that share a base file, on a runner without compiled operators."""
    names = (
        "configs/faster_rcnn/faster-rcnn_r50-dconv_fpn_1x_coco.py",
        "configs/faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
    )
    heads = (real("faster-rcnn, deformable"), real("faster-rcnn"))
    through = "configs/_base_/models/faster-rcnn_r50_fpn.py"
    configs = (
        entry(name, head, real("faster-rcnn"), reason="inherited", through=through)
        for name, head in zip(names, heads, strict=True)
    )
    return report(*configs, run_url=RUN)


def more_proposals() -> Report:
    """A detector with twice as many proposals, one without proposals, and a backbone."""
    return report(
        entry(
            "configs/faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
            real("faster-rcnn, 2,000 proposals"),
            real("faster-rcnn"),
        ),
        entry("configs/retinanet/retinanet_r50_fpn_1x_coco.py", real("retinanet, deeper head"), real("retinanet")),
        entry("configs/resnet/resnet18_8xb32_in1k.py", real("resnet18"), None, reason="added"),
        run_url=RUN,
    )


def what_ran() -> Report:
    """A head that comes to share a convolution, a detector with operators without formula, and a model that reads values."""
    boxes = "its work depends on the values of the boxes"
    operators = UnsupportedOps(
        negligible={"aten::relu": 40, "aten::sort": 3},
        uncounted={"torchvision::nms": 3, "torchvision::roi_align": 8, "aten::linalg_inv": 1, "acme::scan": 24},
        modules={
            "torchvision::nms": ("roi_head",),
            "torchvision::roi_align": ("roi_head.bbox_extractor", "roi_head.mask_extractor"),
            "aten::linalg_inv": ("",),
            "acme::scan": tuple(f"backbone.layers.{n}.mixer" for n in range(20)),
        },
        reasons={
            "torchvision::nms": boxes,
            "torchvision::roi_align": boxes,
            "aten::linalg_inv": "no count without the algorithm behind it",
        },
    )
    detector = real("retinanet").model_copy(update={"unsupported_ops": operators})
    early_exit = "depends on values read at run time: `item` in `backbone.exit`"
    chance = "depends on seeded random choices: `numpy.random`"
    small = real("resnet18")
    return report(
        entry("configs/rtmdet/rtmdet_tiny.py", pyramid(shared=True), pyramid(shared=False)),
        entry("configs/mask_rcnn/mask-rcnn_r50_fpn.py", detector, detector),
        entry(
            "configs/branchy/branchynet18.py",
            real("resnet34").model_copy(update={"conditions": (early_exit, chance)}),
            small,
        ),
        entry("configs/supernet/supernet18.py", *[small.model_copy(update={"conditions": (chance,)})] * 2),
        run_url=RUN,
    )


def three_hundred() -> Report:
    """More than fits: real tables, changes of every size."""
    base = real("resnet18")
    heads = [
        base.model_copy(update={"figures": {**base.figures, "flops": base.figures["flops"] + n * n * 1_000_003}})
        for n in range(300)
    ]
    names = [f"configs/family{n % 12}/a-config-with-a-usual-name-{n}_8xb32_in1k.py" for n in range(300)]
    return report(*(entry(name, head, base) for name, head in zip(names, heads, strict=True)), run_url=RUN)


SCENES: dict[str, Callable[[], Report]] = {
    scene.__name__: scene
    for scene in (
        one_changed,
        depth_changed,
        through_a_base_file,
        first_run,
        all_failing,
        budget_broken,
        deformable,
        more_proposals,
        what_ran,
        three_hundred,
    )
}


@pytest.mark.parametrize("name", SCENES)
def test_comment_equals_its_golden_file(name: str) -> None:
    text = render(SCENES[name](), limit=65_000) + "\n"
    assert text == golden(f"{name}.md", text)


@pytest.mark.parametrize(
    ("head", "base", "changed"),
    [
        (
            "resnet34",
            "resnet18",
            {"layer1.2", "layer2.2", "layer2.3", "layer3.2", "layer3.3", "layer3.4", "layer3.5", "layer4.2"},
        ),
        ("mobilenet, wider head", "mobilenet", {"head.fc"}),
    ],
)
def test_module_changes_names_exactly_the_changed_modules(head: str, base: str, changed: set[str]) -> None:
    diff = module_changes(real(head), real(base))
    assert {change.name.removeprefix("backbone.") for change in diff.changes} == changed


def test_module_changes_of_a_vit_has_the_patch_embedding_and_the_token_layers_when_patches_are_finer() -> None:
    diff = module_changes(real("vit, patches of 14"), real("vit"))
    layer = {"", ".attn", ".attn.qkv", ".attn.proj", ".ffn.layers.0.0", ".ffn.layers.1", ".ln1", ".ln2"}
    names = {change.name for change in diff.changes}
    assert {"backbone.patch_embed.projection", "backbone.ln1", "backbone"} <= names
    for number in range(12):
        assert {name for name in names if f"{name}.".startswith(f"backbone.layers.{number}.")} == {
            f"backbone.layers.{number}{part}" for part in layer - {""}
        }
    assert not [name for name in names if name.startswith("head")]
