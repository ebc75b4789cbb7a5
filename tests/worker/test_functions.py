"""Functions count as what they run, and are named with a reason where compiled code hides it."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

import pytest
import torch
from torch.nn import functional

from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.handles import FLOP_HANDLES
from model_complexity.worker.count.node import Node
from model_complexity.worker.count.recording import Recording
from model_complexity.worker.count.uncounted import sort_operators
from tests.support.flat import flat
from tests.worker.counted import Computed, counted, take


class Own(torch.autograd.Function):
    """A Function of the model's own, written with torch's operators."""

    @staticmethod
    def forward(ctx: Any, image: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return functional.conv2d(image, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError


class Inherited(Own):
    """The same, by inheritance."""


class CARAFEFunction(Own):
    """Has the name of a Function that has a handle, from another module."""


class Compiled(torch.autograd.Function):
    """Its result is only allocated as far as torch sees: compiled code fills it."""

    @staticmethod
    def forward(ctx: Any, image: torch.Tensor) -> torch.Tensor:
        hidden = functional.conv2d(image, image.new_ones(3, 3, 1, 1))
        return torch.empty_like(hidden)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError


def square(image: torch.Tensor) -> torch.Tensor:
    return torch.matmul(image, image)


@pytest.mark.parametrize("function", [Own, Inherited, CARAFEFunction])
def test_autograd_function_counts_as_what_it_runs(function: Any) -> None:
    assert counted(lambda x: function.apply(x, take(x, 3, 3, 1, 1))) == (9 * 64 * 64, 3 * 64 * 64)


def test_scripted_function_counts_as_what_it_runs() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit.script is deprecated, and is still met
        scripted = torch.jit.script(square)
    assert counted(lambda x: scripted(x) @ x) == (2 * 3 * 64**3, 2 * 3 * 64 * 64)


def test_autograd_function_of_compiled_code_is_uncounted() -> None:
    counts = flat(count(Computed(lambda x: Compiled.apply(x) + Compiled.apply(x)), (torch.rand(1, 3, 64, 64),)))
    assert counts["flops"] == 2 * 9 * 64 * 64, "what torch sees of it is counted"
    assert counts["unsupported_ops"] == {
        "negligible": {"aten::add": 1},
        "uncounted": {"Compiled": 2},
        "modules": {"Compiled": [""]},
        "reasons": {"Compiled": "compiled code without a formula"},
    }


@pytest.mark.parametrize(
    ("kind", "name", "reason"),
    [
        ("torchvision::roi_align", "torchvision::roi_align", "its work depends on the boxes"),
        ("torchvision::nms", "torchvision::nms", "its work depends on the boxes"),
        ("aten::linalg_inv", "aten::linalg_inv", "a solver or decomposition"),
        ("prim::PythonOp.mmcv.ops.roi_align.RoIAlignFunction", "RoIAlignFunction", "its work depends on the boxes"),
        ("prim::PythonOp.mmcv.ops.nms.NMSop", "NMSop", "its work depends on the boxes"),
        ("prim::PythonOp.ops.dcn.DCNFunction", "DCNFunction", "compiled code without a formula"),
        ("mamba::scan", "mamba::scan", "a custom operator without a formula"),
        ("uncountable aten::matmul", "aten::matmul", "its formula does not cover these arguments"),
        ("aten::of_another_version", "aten::of_another_version", None),
    ],
)
def test_operators_without_a_formula_are_named_with_the_reason(kind: str, name: str, reason: str | None) -> None:
    importlib.import_module("model_complexity.worker.codebases")  # registers the libraries' operators
    assert kind not in FLOP_HANDLES
    recording = Recording()
    recording.nodes().extend([Node(kind, "neck"), Node(kind, ""), Node(kind, "neck")])
    assert sort_operators({kind: 3}, recording) == {
        "negligible": {},
        "uncounted": {name: 3},
        "modules": {name: ["neck", ""]},
        "reasons": {} if reason is None else {name: reason},
    }
