"""What the tests of torch's flop counter test, with models and hand counts of ours.

``torch.utils.flop_counter.FlopCounterMode`` counts a multiplication and an addition as two, so its numbers are twice ours for
what both count: matrix products, convolutions and attention. Three things differ. Ours count norms, resampling and Fourier
transforms too, and attention's kernel for the CPU. A gradient of a grouped convolution costs what its groups cost, where
torch's formula ignores groups. Ours count one forward pass; gradients are counted where the forward pass itself takes them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils import flop_counter
from torch.utils.flop_counter import FlopCounterMode

from model_complexity.worker.count.analysis import ZeroCountError
from tests.worker.peers import MODES, Computation, figures, measured, rows

try:
    from torch.nn.attention import SDPBackend, sdpa_kernel
except ImportError:  # before torch 2.3
    from torch.backends.cuda import SDPBackend, sdp_kernel

    def sdpa_kernel(backend: Any) -> Any:
        options = {"enable_flash": SDPBackend.FLASH_ATTENTION, "enable_math": SDPBackend.MATH}
        return sdp_kernel(**{name: backend == other for name, other in options.items()}, enable_mem_efficient=False)


both_modes = pytest.mark.parametrize("mode", MODES)


def torch_counts(compute: Callable[..., Any], *inputs: Any) -> int:
    """Return what torch's own counter says, halved."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        compute(*inputs)
    return counter.get_total_flops() // 2


PRODUCTS: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...], int]] = {
    "mm": (torch.mm, ((3, 5), (5, 7)), 3 * 5 * 7),
    "matmul": (torch.matmul, ((2, 3, 5), (5, 7)), 2 * 3 * 5 * 7),
    "bmm": (torch.bmm, ((4, 3, 5), (4, 5, 7)), 4 * 3 * 5 * 7),
    "addmm": (lambda c, a, b: torch.addmm(c, a, b, beta=0.5, alpha=2), ((3, 7), (3, 5), (5, 7)), 3 * 5 * 7),
    "addmm, a column": (torch.addmm, ((3, 1), (3, 5), (5, 7)), 3 * 5 * 7),
    "addmm, a row": (torch.addmm, ((7,), (3, 5), (5, 7)), 3 * 5 * 7),
    "baddbmm": (torch.baddbmm, ((4, 3, 7), (4, 3, 5), (4, 5, 7)), 4 * 3 * 5 * 7),
    "einsum": (lambda a, b: torch.einsum("xy,yz->xz", a, b), ((3, 5), (5, 7)), 3 * 5 * 7),
    "linear": (functional.linear, ((3, 5), (7, 5), (7,)), 3 * 5 * 7),
    "conv1d": (lambda x, w: functional.conv1d(x, w, padding=1), ((2, 3, 8), (4, 3, 3)), 2 * 8 * 4 * 3 * 3),
    "conv2d": (lambda x, w: functional.conv2d(x, w, padding=1), ((2, 3, 7, 7), (5, 3, 4, 4)), 2 * 36 * 5 * 3 * 16),
    "conv2d, groups": (lambda x, w: functional.conv2d(x, w, groups=2), ((1, 4, 6, 6), (6, 2, 3, 3)), 16 * 6 * 2 * 9),
    "conv3d": (functional.conv3d, ((1, 2, 4, 4, 4), (3, 2, 2, 2, 2)), 27 * 3 * 2 * 8),
    "conv_transpose1d": (functional.conv_transpose1d, ((2, 3, 8), (3, 4, 5)), 2 * 8 * 3 * 4 * 5),
    "conv_transpose2d": (
        lambda x, w: functional.conv_transpose2d(x, w, stride=2),
        ((2, 3, 6, 6), (3, 4, 3, 3)),
        2 * 36 * 3 * 4 * 9,
    ),
    "mm, out": (lambda c, a, b: torch.mm(a, b, out=c), ((3, 7), (3, 5), (5, 7)), 3 * 5 * 7),
    "addmm, out": (lambda c, a, b: torch.addmm(c, a, b, out=c), ((3, 7), (3, 5), (5, 7)), 3 * 5 * 7),
    "bmm, out": (lambda c, a, b: torch.bmm(a, b, out=c), ((4, 3, 7), (4, 3, 5), (4, 5, 7)), 4 * 3 * 5 * 7),
}


@both_modes
@pytest.mark.parametrize("name", PRODUCTS)
def test_product_counts_half_of_what_torch_says(mode: str, name: str) -> None:
    compute, shapes, macs = PRODUCTS[name]
    inputs = [torch.rand(shape) for shape in shapes]
    assert measured(mode, lambda: Computation(compute), *inputs)["flops"] == macs == torch_counts(compute, *inputs)


WRITTEN: dict[str, tuple[Callable[..., Any], tuple[tuple[int, ...], ...], int]] = {
    "addmm_": (lambda c, a, b: c.addmm_(a, b), ((3, 7), (3, 5), (5, 7)), 3 * 5 * 7),
    "addmv_": (lambda c, a, b: c.addmv_(a, b), ((3,), (3, 5), (5,)), 3 * 5),
    "addbmm_": (lambda c, a, b: c.addbmm_(a, b), ((3, 7), (4, 3, 5), (4, 5, 7)), 4 * 3 * 5 * 7),
    "baddbmm_": (lambda c, a, b: c.baddbmm_(a, b), ((4, 3, 7), (4, 3, 5), (4, 5, 7)), 4 * 3 * 5 * 7),
}


@both_modes
@pytest.mark.parametrize("name", WRITTEN)
def test_product_in_place_counts_unlike_in_torch(mode: str, name: str) -> None:
    compute, shapes, macs = WRITTEN[name]
    inputs = [torch.rand(shape) for shape in shapes]
    assert measured(mode, lambda: Computation(compute), *inputs)["flops"] == macs
    assert torch_counts(compute, *inputs) == 0


@both_modes
def test_variety_of_products_adds_up(mode: str) -> None:
    def compute(layer: nn.Module, a: torch.Tensor, b: torch.Tensor) -> list[torch.Tensor]:
        return [torch.mm(a, b), torch.addmm(a @ b, a, b), torch.einsum("ij,jk->ik", a, b), layer(a)]

    counts = measured(mode, lambda: Computation(compute, layer=nn.Linear(5, 2)), torch.rand(3, 5), torch.rand(5, 7))
    assert counts["flops"] == 4 * 105 + 3 * 5 * 2
    assert counts["operators"] == {"mm": 105, "matmul": 105, "addmm": 105, "einsum": 105, "linear": 30}


@both_modes
def test_gradient_in_the_forward_pass_counts_its_products(mode: str) -> None:
    def compute(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            a = a.clone().requires_grad_()
            product = torch.bmm(torch.mm(a, b).expand(6, 3, 7), c)
            return torch.autograd.grad(product.sum(), a)[0]

    counts = measured(
        mode, lambda: Computation(compute), torch.rand(3, 5), torch.rand(5, 7), torch.rand(6, 7, 2), guard=torch.no_grad
    )
    # mm and bmm forward; backward one product for each, since b and c take no gradient
    assert counts["flops"] == 2 * (3 * 5 * 7 + 6 * 3 * 7 * 2)


@both_modes
@pytest.mark.parametrize("groups", [1, 2, 8])
def test_gradient_of_a_convolution_counts_its_groups_unlike_torch(mode: str, groups: int) -> None:
    def compute(image: torch.Tensor, weight: torch.Tensor) -> Any:
        with torch.enable_grad():
            image, weight = image.clone().requires_grad_(), weight.clone().requires_grad_()
            return torch.autograd.grad(functional.conv2d(image, weight, groups=groups).sum(), (image, weight))

    counts = measured(
        mode,
        lambda: Computation(compute),
        torch.rand(2, 8, 6, 6),
        torch.rand(8, 8 // groups, 3, 3),
        guard=torch.no_grad,
    )
    # forward, the gradient of the image and the gradient of the weight cost the same
    assert counts["flops"] == 3 * (2 * 16 * 8 * (8 // groups) * 9)


def _square(matrix: torch.Tensor) -> torch.Tensor:
    return torch.mm(matrix, matrix)


@both_modes
def test_scripted_function_counts_as_the_plain_one(mode: str) -> None:
    plain = measured(mode, lambda: Computation(_square), torch.rand(6, 6))
    scripted = measured(mode, lambda: Computation(torch.jit.script(_square)), torch.rand(6, 6))
    assert figures(scripted) == figures(plain) == (216, 0, 36)


class _Doubled(torch.autograd.Function):
    """One product forward, two backward."""

    @staticmethod
    def forward(ctx: Any, matrix: torch.Tensor) -> torch.Tensor:
        return torch.mm(matrix, matrix)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        return torch.mm(gradient, gradient) + torch.mm(gradient, gradient)


@both_modes
def test_function_counts_its_forward(mode: str) -> None:
    assert measured(mode, lambda: Computation(_Doubled.apply), torch.rand(5, 5))["flops"] == 125


@both_modes
def test_function_counts_its_backward_when_the_forward_pass_takes_a_gradient(mode: str) -> None:
    def compute(matrix: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            matrix = matrix.clone().requires_grad_()
            return torch.autograd.grad(_Doubled.apply(matrix).sum(), matrix)[0]

    counts = measured(mode, lambda: Computation(compute), torch.rand(5, 5), guard=torch.no_grad)
    assert counts["flops"] == 3 * 125


def _residual() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 3, 2, bias=False), nn.Sequential(nn.Conv2d(8, 8, 3, bias=False), nn.ReLU()))


@both_modes
def test_modules_have_the_flops_that_torch_gives_them(mode: str) -> None:
    image = torch.rand(1, 3, 17, 17)
    model = _residual()
    mods = None if hasattr(flop_counter, "ModuleTracker") else model  # torch 2.1 does not find them by itself
    with torch.no_grad(), FlopCounterMode(mods, display=False) as counter:
        model(image)
    torchs = {name: sum(flops.values()) // 2 for name, flops in counter.get_flop_counts().items()}
    found = rows(measured(mode, _residual, image))
    assert found == {"": 13_824 + 20_736, "0": 13_824, "1": 20_736, "1.0": 20_736, "1.1": 0}
    named = {"Sequential": "", "Sequential.0": "0", "Sequential.1": "1", "Sequential.1.0": "1.0"}
    assert {ours: torchs[theirs] for theirs, ours in named.items()} == {ours: found[ours] for ours in named.values()}


@both_modes
def test_model_without_counted_work_has_no_figure(mode: str) -> None:
    with pytest.raises(ZeroCountError, match="no FLOPs were counted"):
        measured(mode, lambda: Computation(torch.cos), torch.rand(4, 5))


@both_modes
@pytest.mark.parametrize("backend", [SDPBackend.MATH, SDPBackend.FLASH_ATTENTION])
@pytest.mark.parametrize(
    ("query", "key", "value", "options"),
    [
        ((2, 4, 16, 8), (2, 4, 16, 8), (2, 4, 16, 8), {}),
        ((2, 4, 16, 8), (2, 4, 16, 8), (2, 4, 16, 8), {"is_causal": True}),  # a causal mask saves nothing
        ((2, 4, 16, 8), (2, 4, 24, 8), (2, 4, 24, 8), {}),
    ],
)
def test_attention_counts_its_two_products_whatever_the_backend(
    mode: str, backend: Any, query: Any, key: Any, value: Any, options: dict[str, bool]
) -> None:
    def compute(*tensors: torch.Tensor) -> torch.Tensor:
        with sdpa_kernel(backend):
            return functional.scaled_dot_product_attention(*tensors, **options)

    counts = measured(mode, lambda: Computation(compute), *map(torch.rand, (query, key, value)))
    batch, heads, length, width = query
    flops = batch * heads * length * key[2] * (width + value[3])
    assert counts["operators"] == {"scaled_dot_product_attention": flops}


def test_attention_counts_what_torch_says_of_its_products() -> None:
    """Torch's counter has no formula for the CPU's fused kernel, and one for the products of the other."""
    tensors = [torch.rand(2, 4, 16, 8) for _ in range(3)]
    with sdpa_kernel(SDPBackend.MATH):
        torchs = torch_counts(functional.scaled_dot_product_attention, *tensors)
    ours = measured("real", lambda: Computation(functional.scaled_dot_product_attention), *tensors)["flops"]
    assert ours == torchs == 2 * 4 * 16 * 16 * (8 + 8)


@both_modes
def test_inference_mode_of_the_model_changes_nothing(mode: str) -> None:
    def compute(layer: nn.Module, features: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            return layer(features)

    counts = measured(mode, lambda: Computation(compute, layer=nn.Linear(6, 4)), torch.rand(3, 6))
    assert (figures(counts), rows(counts)) == ((72, 28, 12), {"": 72, "layer": 72})


@both_modes
def test_module_that_takes_and_returns_nested_structures_has_its_row(mode: str) -> None:
    class Structured(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 4)

        def forward(self, inputs: dict[str, Any]) -> dict[str, Any]:
            return {"outputs": [(self.layer(inputs["features"][0]), None)], "note": "text"}

    def compute(module: nn.Module, features: torch.Tensor) -> torch.Tensor:
        return module({"features": (features, 3)})["outputs"][0][0]

    counts = measured(mode, lambda: Computation(compute, module=Structured()), torch.rand(3, 6))
    assert rows(counts) == {"": 72, "module": 72, "module.layer": 72}
