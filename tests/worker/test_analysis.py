"""Counts against hand counts, and against fvcore's own tables."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis, flop_count_table
from fvcore.nn.jit_handles import get_shape
from torch import nn
from torch.utils.checkpoint import checkpoint

from model_complexity.common.table import ModuleRow, module_table
from model_complexity.worker.build.model import build_model, enter_scope, load_config
from model_complexity.worker.codebases import codebase_of, make_inputs
from model_complexity.worker.count.analysis import ZeroCountError, count
from model_complexity.worker.count.handles import ACTIVATION_HANDLES, FLOP_HANDLES
from model_complexity.worker.count.node import Value
from model_complexity.worker.count.operators import is_negligible
from tests.support.flat import flat
from tests.worker.nets import Attention, Elementwise, Encoder, Extractor, Inverting

DEPTHS = (1, 2, 3, 6)
IMAGE = (torch.rand(1, 3, 32, 32),)


def modules_of(counts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {module["name"]: module for module in counts["modules"]}


@pytest.mark.parametrize(
    ("shapes", "options", "flops", "activations"),
    [
        # flops are B·H·L·S·(E + Ev), activations B·H·L·(S + Ev)
        (((1, 2, 4, 8), (1, 2, 6, 8), (1, 2, 6, 16)), {}, 2 * 4 * 6 * (8 + 16), 2 * 4 * (6 + 16)),
        (((3, 4, 8), (3, 5, 8), (3, 5, 8)), {}, 3 * 4 * 5 * 16, 3 * 4 * 13),  # no dimension of heads
        (((1, 4, 4, 8), (1, 2, 6, 8), (1, 2, 6, 8)), {"enable_gqa": True}, 4 * 4 * 6 * 16, 4 * 4 * 14),  # grouped heads
        (
            ((2, 3, 4, 8), (1, 3, 4, 8), (1, 3, 4, 8)),
            {"is_causal": True},
            6 * 4 * 4 * 16,
            6 * 4 * 12,
        ),  # a broadcast batch
    ],
)
def test_attention_counts_as_its_two_matmuls(
    shapes: Any, options: dict[str, Any], flops: int, activations: int
) -> None:
    counts = flat(count(Attention(*shapes, **options), IMAGE))
    assert (counts["flops"], counts["activations"]) == (flops, activations)
    assert counts["unsupported_ops"]["uncounted"] == {}


def test_count_runs_extract_feat_and_counts_the_heads_params() -> None:
    model = Extractor().eval()
    method = codebase_of("mmpretrain").entry_point(model)
    counts = flat(count(model, make_inputs(model, method, (3, 32, 32), "cpu").tensors))
    assert method == "extract_feat"
    assert (counts["flops"], counts["activations"]) == (32 * 32 * 8 * 3 * 9, 32 * 32 * 8)
    assert counts["params"] == 3 * 8 * 9 + 8 * 10 + 10
    found = modules_of(counts)
    assert found["backbone"] == {"name": "backbone", "depth": 1, "params": 216, "flops": 221184, "activations": 8192}
    assert found["backbone.weight"] == {"name": "backbone.weight", "depth": 2, "params": 216, "shape": [8, 3, 3, 3]}
    assert found["head"] == {"name": "head", "depth": 1, "params": 90}  # never called: no figure, not a 0
    assert counts["uncalled_modules"] == ["head"]


def test_attention_is_counted_when_its_fused_path_is_available() -> None:
    model = Encoder().eval()
    length, width, hidden = 3 * 32 * 32 // 16, 16, 32
    projections = length * width * (3 * width + width)
    attention = 2 * length * length * width
    feedforward = 2 * length * width * hidden
    norms = 2 * 5 * length * width
    counts = flat(count(model, IMAGE))
    assert counts["flops"] == projections + attention + feedforward + norms
    assert counts["unsupported_ops"]["uncounted"] == {}


class Checkpointed(nn.Module):
    def __init__(self, *, use_reentrant: bool) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3, padding=1)
        self.options = {"use_reentrant": use_reentrant}

    def forward(self, image: torch.Tensor) -> Any:
        return checkpoint(self.layer, image, **self.options)


@pytest.mark.parametrize("use_reentrant", [True, False])
def test_activation_checkpoint_counts_as_what_it_runs(*, use_reentrant: bool) -> None:
    counts = flat(count(Checkpointed(use_reentrant=use_reentrant).eval(), IMAGE))
    assert modules_of(counts)["layer"]["flops"] == counts["flops"] == 32 * 32 * 8 * 3 * 9
    assert counts["unsupported_ops"]["uncounted"] == {}


def test_uncounted_operators_are_named() -> None:
    counts = flat(count(Inverting().eval(), IMAGE))
    assert counts["flops"] == 32 * 32 * 3 * 4
    assert counts["unsupported_ops"] == {
        "negligible": {"aten::abs": 1, "aten::add": 1},
        "uncounted": {"aten::linalg_inv": 1},
        "modules": {"aten::linalg_inv": [""]},
        "reasons": {"aten::linalg_inv": "a solver or decomposition"},
    }


def test_count_raises_when_nothing_is_counted() -> None:
    with pytest.raises(ZeroCountError, match=r"no FLOPs were counted\. The model ran aten::add, aten::mul\."):
        count(Elementwise(), IMAGE)


@pytest.mark.parametrize(
    ("operator", "negligible"),
    [
        ("aten::add_", True),
        ("aten::softmax", True),
        ("aten::max_pool2d", True),
        ("aten::copy_", True),
        ("aten::_foreach_add_", True),
        ("aten::gelu_backward", True),
        ("quantized::add", True),
        ("quantized::linear", False),
        ("aten::convolution_backward", False),
        ("aten::__and__", True),
        ("aten::lstm", False),
        ("aten::_convolution_mode", False),
        ("aten::baddbmm", False),
        ("torchvision::deform_conv2d", False),
        ("mmcv::add", False),
        ("", False),
    ],
)
def test_is_negligible_knows_what_moves_and_maps_values(operator: str, *, negligible: bool) -> None:
    assert is_negligible(operator) is negligible


def value_of(traced: Any) -> Value:
    shape = get_shape(traced)
    if shape is not None:
        return Value(torch.empty(shape, device="meta"))
    if traced.type().kind() == "ListType" and traced.toIValue() is None:
        parts = [(get_shape(part), part.toIValue()) for part in traced.node().inputs()]
        return Value([constant if shape is None else torch.empty(shape, device="meta") for shape, constant in parts])
    return Value(traced.toIValue())


def fvcore_tables(model: nn.Module, inputs: tuple[torch.Tensor, ...], depths: Sequence[int]) -> list[str]:
    """By fvcore's own trace. A handle of ours gets values as a recording has them."""

    def adapted(handles: dict[str, Any]) -> dict[str, Any]:
        return {kind: partial(on_trace, handle) for kind, handle in handles.items()}

    def on_trace(handle: Any, inputs: Any, outputs: Any) -> Any:
        return handle([value_of(value) for value in inputs], [value_of(value) for value in outputs])

    flops = FlopCountAnalysis(model, inputs).set_op_handle(**adapted(FLOP_HANDLES))
    activations = ActivationCountAnalysis(model, inputs).set_op_handle(**adapted(ACTIVATION_HANDLES))
    return [flop_count_table(flops, max_depth=depth, activations=activations) for depth in depths]


def cells(table: str) -> list[list[str]]:
    """Under tabulate 0.10 fvcore loses the indentation, so cells are compared without it."""
    return [[cell.strip() for cell in line.split("|")] for line in table.splitlines()[2:]]


@pytest.mark.parametrize(
    "config",
    [
        "resnet/resnet50_8xb32_in1k.py",
        "vision_transformer/vit-base-p16_64xb64_in1k.py",
        "swin_transformer/swin-tiny_16xb64_in1k.py",
        "mobilenet_v2/mobilenet-v2_8xb32_in1k.py",
        "repvgg/repvgg-A0_8xb32_in1k.py",
        "hrnet/hrnet-w18_4xb32_in1k.py",
    ],
)
def test_module_table_equals_fvcores(zoo: Path, config: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's
        loaded = load_config(zoo / config)
        model = build_model(loaded, enter_scope(loaded))
        side = 64 if "vit" not in config and "swin" not in config else 224
        inputs = make_inputs(model, "extract_feat", (3, side, side), "cpu").tensors
        with torch.no_grad():
            expected = fvcore_tables(model, inputs, DEPTHS)
        rows = [ModuleRow.of(module) for module in count(model, inputs)["modules"]]
    assert [cells(module_table(rows, depth)) for depth in DEPTHS] == [cells(table) for table in expected]
