"""What is dispatched is what is counted: whatever becomes of a result, and however it is called and written."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import importlib.util
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn
from torch._functorch import eager_transforms
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from model_complexity.worker.count.analysis import count, takes_gradients
from model_complexity.worker.count.dry_run import dry_run
from tests.worker.small_nets import CONVOLUTION, MODES, SIDE, Broken, Forward, Net, conv, measured, rows_of


@dataclasses.dataclass
class Output:
    logits: torch.Tensor


class Cache:
    def __init__(self, value: torch.Tensor) -> None:
        self.value = value


RETURNS: dict[str, Callable[[torch.Tensor], Any]] = {
    "a dataclass": Output,
    "a cache": lambda y: {"logits": y, "past": Cache(y)},
    "a number beside it": lambda y: (y, 0.5),
    "a dictionary of integers": lambda y: {0: y},
    "nothing": lambda _: None,
    "a string": lambda _: "done",
    "a generator": lambda y: (part for part in y),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", RETURNS)
def test_count_is_the_same_whatever_the_model_returns(name: str, mode: str) -> None:
    counts = measured(lambda: Net(lambda m, x: RETURNS[name](m.conv(x)), conv=conv()), mode)
    assert rows_of(counts) == {"": CONVOLUTION, "conv": CONVOLUTION}
    assert counts["conditions"] == counts["uncalled_modules"] == []


def _in_thread(model: Any, image: torch.Tensor) -> None:
    thread = threading.Thread(target=model.conv, args=(image,))
    thread.start()
    thread.join()


def _in_pool(model: Any, image: torch.Tensor) -> list[torch.Tensor]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(model.conv, [image] * 3))


def _after_an_error(model: Any, image: torch.Tensor) -> torch.Tensor:
    with contextlib.suppress(ValueError):
        model.broken(image)
    return model.conv(image)


def _without_inference(model: Any, image: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode(False):
        return model.conv(image)


def _in_half(model: Any, image: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return model.conv(image)


class Plain(torch.Tensor):
    """A subclass without a dispatch of its own."""


CALLS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "its result is dropped": (lambda: Net(lambda m, x: (m.conv(x), x)[1], conv=conv()), 1),
    "its result is detached": (lambda: Net(lambda m, x: x.sum() + m.conv(x).data, conv=conv()), 1),
    "forward": (lambda: Net(lambda m, x: m.conv.forward(x), conv=conv()), 1),
    "forward of its class": (lambda: Net(lambda m, x: type(m.conv).forward(m.conv, x), conv=conv()), 1),
    "a checkpoint": (lambda: Net(lambda m, x: checkpoint(m.conv, x, use_reentrant=True), conv=conv()), 1),
    "torch.compile": (lambda: Net(lambda m, x: m.conv(x), conv=torch.compile(conv())), 1),
    "torch.compile in forward": (lambda: Net(lambda m, x: torch.compile(m.conv)(x), conv=conv()), 1),
    "functional_call": (
        lambda: Net(lambda m, x: torch.func.functional_call(m.conv, {"weight": m.conv.weight * 2}, (x,)), conv=conv()),
        1,
    ),
    "a thread": (lambda: Net(_in_thread, conv=conv()), 1),
    "a pool of threads": (lambda: Net(_in_pool, conv=conv()), 3),
    "torch.jit.fork": (lambda: Net(lambda m, x: torch.jit.wait(torch.jit.fork(m.conv, x)), conv=conv()), 1),
    "without inference mode": (lambda: Net(_without_inference, conv=conv()), 1),
    "autocast": (lambda: Net(_in_half, conv=conv()), 1),
    "a copy": (lambda: Net(lambda m, x: copy.deepcopy(m.conv)(x), conv=conv()), 1),
    "a subclass of Tensor": (lambda: Net(lambda m, x: m.conv(x.as_subclass(Plain)), conv=conv()), 1),
    "a lazy module": (
        lambda: Net(lambda m, x: m.conv(x), conv=nn.LazyConv2d(8, 3, padding=1, bias=False)),
        1,
    ),
    "CUDA by name": (lambda: Net(lambda m, x: m.conv(x.cuda()).to("cuda:0"), conv=conv().cuda()), 1),
}


def subclasses_may_be_made() -> bool:
    with contextlib.suppress(RuntimeError), dry_run():
        return isinstance(torch.ones(1).as_subclass(Plain), Plain)
    return False


needs_subclasses = pytest.mark.skipif(
    not subclasses_may_be_made(), reason="torch 2.1 makes no subclass of a tensor below a dispatch mode"
)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[needs_subclasses] * (name == "a subclass of Tensor")) for name in CALLS]
)
def test_work_counts_in_its_module_however_it_is_called(name: str, mode: str) -> None:
    make, times = CALLS[name]
    counts = measured(make, mode)
    assert rows_of(counts) == {"": times * CONVOLUTION, "conv": times * CONVOLUTION}
    assert counts["unsupported_ops"]["uncounted"] == {}
    assert counts["uncalled_modules"] == counts["conditions"] == []


def _gradient(model: Any, image: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        image = image.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model.conv(image).pow(2).sum(), image)
    return gradient


def _functional_gradient(model: Any, image: torch.Tensor) -> torch.Tensor:
    return torch.func.grad(lambda x: model.conv(x).pow(2).sum())(image)


@pytest.mark.parametrize("mode", MODES)
def test_work_after_an_error_counts_in_its_module(mode: str) -> None:
    counts = measured(lambda: Net(_after_an_error, conv=conv(), broken=Broken()), mode)
    assert rows_of(counts) == {"": CONVOLUTION, "conv": CONVOLUTION, "broken": 0}


FORWARD_AND_BACKWARD = {"conv": CONVOLUTION, "convolution_backward": CONVOLUTION}  # of the input alone
INFERENCE_MODE_IS_LEFT = hasattr(eager_transforms, "_disable_inference_mode")


@pytest.mark.skipif(not INFERENCE_MODE_IS_LEFT, reason="torch.func takes no gradients in inference mode in torch 2.1")
@pytest.mark.parametrize("mode", MODES)
def test_functional_gradients_count_in_the_first_attempt(mode: str) -> None:
    assert measured(lambda: Net(_functional_gradient, conv=conv()), mode)["operators"] == FORWARD_AND_BACKWARD


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("forward", [_gradient, *([] if INFERENCE_MODE_IS_LEFT else [_functional_gradient])])
def test_gradients_in_a_forward_pass_count_in_a_second_attempt(forward: Forward, mode: str) -> None:
    with pytest.raises(RuntimeError) as raised:
        measured(lambda: Net(forward, conv=conv()), mode)
    assert takes_gradients(raised.value)
    assert measured(lambda: Net(forward, conv=conv()), mode, torch.no_grad)["operators"] == FORWARD_AND_BACKWARD


TOKENS, WIDTH, HEADS = 48, 64, 4
PARTS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "norms": (
        lambda: nn.Sequential(nn.BatchNorm2d(3), nn.GroupNorm(3, 3), nn.InstanceNorm2d(3), nn.LayerNorm(SIDE)),
        (3, SIDE, SIDE),
    ),
    "attention": (lambda: nn.MultiheadAttention(WIDTH, HEADS, batch_first=True), (TOKENS, WIDTH)),
    "an encoder layer": (lambda: nn.TransformerEncoderLayer(WIDTH, HEADS, 128, batch_first=True), (TOKENS, WIDTH)),
    "a transposed convolution": (lambda: nn.ConvTranspose2d(3, 8, 3, 2), (3, SIDE, SIDE)),
    "pools": (lambda: nn.Sequential(conv(), nn.AdaptiveAvgPool2d(2), nn.MaxPool2d(2)), (3, SIDE, SIDE)),
    "fourier": (lambda: Net(lambda m, x: (torch.fft.rfft2(x), torch.fft.fft(x), torch.fft.irfft(x))), (3, SIDE, SIDE)),
    "linear": (lambda: nn.Sequential(nn.Linear(WIDTH, 8), nn.Linear(8, 3, bias=False)), (TOKENS, WIDTH)),
    "resampling": (
        lambda: nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Upsample(9)),
        (3, SIDE, SIDE),
    ),
}


@pytest.mark.parametrize("name", PARTS)
def test_operators_in_parts_count_as_whole_ones(name: str) -> None:
    """A model that takes gradients is counted by the parts of composed operators."""
    make, shape = PARTS[name]

    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = make()

        def forward(self, x: torch.Tensor) -> Any:
            return self.layer(x, x, x) if isinstance(self.layer, nn.MultiheadAttention) else self.layer(x)

    def figures(guard: Any) -> dict[str, int]:
        return count(Called().eval(), (torch.rand(1, *shape),), guard)["figures"]

    assert figures(torch.no_grad) == figures(torch.inference_mode)


class Quantized(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers = nn.Sequential(nn.Linear(SIDE, 32), nn.ReLU(), nn.Linear(32, 8))
        self.layers = torch.ao.quantization.quantize_dynamic(layers, {nn.Linear}, dtype=torch.qint8)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image.reshape(-1, SIDE))


def _flex(model: Any, image: torch.Tensor) -> torch.Tensor:
    from torch.nn.attention.flex_attention import flex_attention

    query = image.flatten()[: 2 * 128 * 16].reshape(1, 2, 128, 16)
    return flex_attention(query, query, query)


def _jagged(model: Any, image: torch.Tensor) -> torch.Tensor:
    rows = [image[0, :, :4].flatten(1).T, image[0, :, :2].flatten(1).T]  # 256 and 128 tokens of 3
    return model.linear(torch.nested.nested_tensor(rows, layout=torch.jagged))


def _branch(model: Any, image: torch.Tensor) -> torch.Tensor:
    return torch.cond(torch.ones(()).sum() > 0, model.conv, model.other, (image,))


def complex_of(image: torch.Tensor) -> torch.Tensor:
    return torch.complex(image[0, 0], image[0, 1])


KINDS: dict[str, tuple[Callable[[], nn.Module], dict[str, int]]] = {
    "written in place": (
        lambda: Net(lambda m, x: torch.zeros(3, SIDE, SIDE).baddbmm_(x[0], x[0])),
        {"baddbmm": 3 * SIDE**3},
    ),
    "written to an output": (
        lambda: Net(lambda m, x: torch.mm(x[0, 0], x[0, 1], out=torch.empty(SIDE, SIDE))),
        {"mm": SIDE**3},
    ),
    "vmap over weights": (
        lambda: Net(lambda m, x: torch.func.vmap(lambda w: functional.conv2d(x, w))(torch.ones(4, 8, 3, 3, 3))),
        {"conv": 4 * 62 * 62 * 8 * 27},
    ),
    "a complex product": (lambda: Net(lambda m, x: complex_of(x) @ complex_of(x)), {"matmul": SIDE**3}),
    "a complex convolution": (
        lambda: Net(lambda m, x: functional.conv1d(complex_of(x)[None], torch.ones(4, SIDE, 3, dtype=torch.cfloat))),
        {"conv": 62 * 4 * SIDE * 3},
    ),
    "one without a batch": (
        lambda: Net(lambda m, x: functional.conv1d(complex_of(x), torch.ones(4, SIDE, 3, dtype=torch.cfloat))),
        {"conv": 62 * 4 * SIDE * 3},
    ),
    "quantized layers": (Quantized, {"linear_dynamic": 3 * SIDE * (SIDE * 32 + 32 * 8)}),
    "a jagged tensor": (lambda: Net(_jagged, linear=nn.Linear(3, 16, bias=False)), {"linear": (256 + 128) * 3 * 16}),
    "a branch": (lambda: Net(_branch, conv=conv(), other=conv(9)), {"conv": CONVOLUTION}),
    "a scripted module": (
        lambda: Net(lambda m, x: m.conv(x), conv=torch.jit.script(nn.Sequential(conv(), nn.ReLU()))),
        {"conv": CONVOLUTION},
    ),
    "a short-time Fourier transform": (
        lambda: Net(lambda m, x: torch.stft(x[0, 0], 16, hop_length=16, center=False, return_complex=True)),
        {"fft_rfft": SIDE * 4 * 16 * 4 * 5 // 4},
    ),
    "tokens against prototypes": (
        lambda: Net(lambda m, x: functional.cosine_similarity(x[0, 0][:, None], x[0, 1][None], dim=-1)),
        {"cosine_similarity": SIDE**3},
    ),
}
REAL: dict[str, tuple[Callable[[], nn.Module], dict[str, int]]] = {
    "flex attention": (lambda: Net(_flex), {"flex_attention": 2 * 128 * 128 * 2 * 16}),
    "sparse by dense": (lambda: Net(lambda m, x: torch.eye(SIDE).to_sparse() @ x[0, 0]), {"matmul": SIDE * SIDE}),
    "compressed rows": (lambda: Net(lambda m, x: torch.eye(SIDE).to_sparse_csr() @ x[0, 0]), {"matmul": SIDE * SIDE}),
    "dense by sparse": (
        lambda: Net(lambda m, x: functional.linear(x[0, 0], torch.eye(SIDE).to_sparse())),
        {"linear": SIDE * SIDE},
    ),
    "sparse by sparse": (
        lambda: Net(lambda m, x: torch.eye(SIDE).to_sparse() @ torch.ones(SIDE, SIDE).tril().to_sparse()),
        {"matmul": SIDE * (SIDE + 1) // 2},
    ),
}


def _needs(name: str) -> list[pytest.MarkDecorator]:
    missing = {
        "a jagged tensor": not hasattr(torch, "jagged"),
        "a branch": not hasattr(torch, "cond"),
        "flex attention": importlib.util.find_spec("torch.nn.attention") is None,
    }
    return [pytest.mark.skipif(missing.get(name, False), reason=f"this torch does not have {name}")]


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        pytest.param(name, mode, marks=_needs(name))
        for name in [*KINDS, *REAL]
        for mode in (MODES if name in KINDS else ["real"])
    ],
)
def test_work_of_every_kind_is_counted(name: str, mode: str) -> None:
    make, operators = {**KINDS, **REAL}[name]
    counts = measured(make, mode)
    assert (counts["operators"], counts["unsupported_ops"]["uncounted"]) == (operators, {})
    sparse = ["sparse products by their stored values: zeros are not counted"]
    assert counts["conditions"] == (sparse if "sparse" in name or "compressed" in name else [])


library = torch.library.Library("modelcomplexitytest", "DEF")
library.define("twice(Tensor image) -> Tensor")
library.impl("twice", lambda image: image * 2, "CPU")
library.impl("twice", torch.empty_like, "Meta")
twice = torch.ops.modelcomplexitytest.twice


@pytest.mark.parametrize("mode", MODES)
def test_custom_operator_is_named_with_its_module(mode: str) -> None:
    inner = Net(lambda m, x: twice(x))
    counts = measured(lambda: Net(lambda m, x: m.conv(m.inner(x)), inner=inner, conv=conv()), mode)
    assert counts["figures"]["flops"] == CONVOLUTION
    assert counts["unsupported_ops"] == {
        "negligible": {},
        "uncounted": {"modelcomplexitytest::twice": 1},
        "modules": {"modelcomplexitytest::twice": ["inner"]},
        "reasons": {"modelcomplexitytest::twice": "a custom operator without a formula"},
    }


def test_operator_whose_formula_fails_costs_its_own_count_only() -> None:
    def nested(model: Any, image: torch.Tensor) -> Any:
        rows = [image[0, 0, :, :3], image[0, 0, :2, :3]]
        return model.linear(torch.nested.nested_tensor(rows)), model.conv(image)

    counts = measured(lambda: Net(nested, linear=nn.Linear(3, 4), conv=conv()), "real")
    assert counts["figures"]["flops"] == CONVOLUTION
    assert counts["unsupported_ops"]["uncounted"] == {"aten::linear": 1}
    assert counts["unsupported_ops"]["modules"] == {"aten::linear": ["linear"]}
    assert counts["unsupported_ops"]["reasons"] == {"aten::linear": "its formula does not cover these arguments"}
