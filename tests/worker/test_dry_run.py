"""Analysis without arithmetic gives the numbers of a real run, or gives way to one."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.dry_run import DataDependentError, dry_run
from model_complexity.worker.job import run_job
from tests.worker.run_worker import measure
from tests.worker.test_job import LIBRARY

SAMPLE = [
    "convmixer/convmixer-768-32_10xb64_in1k.py",  # string padding
    "convnext/convnext-tiny_32xb128_in1k.py",
    "efficientnet/efficientnet-b0_8xb32_in1k.py",
    "hornet/hornet-tiny-gf_8xb128_in1k.py",  # Fourier transforms
    "levit/levit-128s_8xb256_in1k.py",
    "mae/benchmarks/vit-base-p16_8xb128-coslr-100e_in1k.py",
    "mobilevit/mobilevit-small_8xb128_in1k.py",
    "mvit/mvitv2-tiny_8xb256_in1k.py",  # reshapes to computed sizes
    "regnet/regnetx-400mf_8xb128_in1k.py",
    "repvgg/repvgg-A0_8xb32_in1k.py",
    "resnet/resnet18_8xb32_in1k.py",
    "shufflenet_v2/shufflenet-v2-1x_16xb64_in1k.py",
    "spark/spark_sparse-resnet50_8xb512-amp-coslr-800e_in1k.py",  # a mask decides how much is normalised
    "swin_transformer/swin-tiny_16xb64_in1k.py",
    "swin_transformer_v2/swinv2-tiny-w8_16xb64_in1k-256px.py",
    "tnt/tnt-s-p16_16xb64_in1k.py",
    "twins/twins-pcpvt-small_8xb128_in1k.py",
    "vision_transformer/vit-base-p16_64xb64_in1k.py",
    "vision_transformer/vit-base-p16_8xb64-lora_in1k-384px.py",  # initialises while it is built
    "xcit/xcit-nano-12-p16_8xb128_in1k.py",
]


@pytest.mark.parametrize("config", SAMPLE)
def test_dry_equals_real_on_real_models(zoo: Path, config: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other people's
        dry, real = (run_job(zoo / config, "auto", mode=mode)["measurement"] for mode in ("dry", "real"))
    assert (dry.pop("mode"), real.pop("mode")) == ("dry", "real")
    for found in (dry, real):
        del found["seconds"]
    assert dry == real


class Net(nn.Module):
    def __init__(self, forward: Callable[[Any, torch.Tensor], torch.Tensor], **modules: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.run(self, image)


def _masked(maps: torch.Tensor) -> torch.Tensor:
    """As Mask2Former opens what no query looks at: the places are written to, how many there are makes no difference."""
    maps[torch.where(maps > 0)] = 0
    inds = torch.nonzero(maps[0, 0, 0] < 0, as_tuple=False).squeeze(1)
    maps[:, :, :, inds] = maps.new_ones(())
    return maps


NETS: dict[str, Callable[[], Net]] = {
    "groups and dilation": lambda: Net(lambda m, x: m.c(x), c=nn.Conv2d(3, 6, 3, 2, 2, 2, groups=3)),
    "string padding": lambda: Net(lambda m, x: m.c(x), c=nn.Conv2d(3, 6, 3, padding="same")),
    "transposed": lambda: Net(lambda m, x: m.c(x), c=nn.ConvTranspose2d(3, 6, 3, 2, output_padding=1)),
    "transposed by keyword": lambda: Net(
        lambda _, x: functional.conv_transpose2d(x, torch.ones(3, 8, 2, 2), stride=2, dilation=1, groups=1)
    ),
    "one and three dimensions": lambda: Net(
        lambda m, x: m.b(m.a(x.flatten(2)).reshape(1, 4, 8, 8, 64)), a=nn.Conv1d(3, 4, 1), b=nn.Conv3d(4, 2, 3)
    ),
    "without a batch": lambda: Net(lambda m, x: m.c(x[0]), c=nn.Conv2d(3, 6, 3)),
    "in place": lambda: Net(lambda m, x: m.c(x.clone().mul_(2).relu_()), c=nn.Conv2d(3, 6, 3)),
    "index tables": lambda: Net(
        lambda m, x: m.f(x.flatten(2)[:, :, torch.arange(4096).flip(0)[::2]]), f=nn.Linear(2048, 5)
    ),
    "sizes decide": lambda: Net(
        lambda m, x: m.a(x) if x.shape[-1] > 32 else m.b(x), a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 9, 1)
    ),
    "a small schedule decides": lambda: Net(
        lambda m, x: m.a(x) if torch.linspace(0, 1, 12)[-1].item() > 0.5 else m.b(x),
        a=nn.Conv2d(3, 4, 1),
        b=nn.Conv2d(3, 9, 1),
    ),
    "attention": lambda: Net(
        lambda m, x: m.a(*[x.flatten(1).reshape(1, -1, 16)] * 3)[0], a=nn.MultiheadAttention(16, 4)
    ),
    "norms and pools": lambda: Net(
        lambda m, x: m.p(m.n(m.c(x))), c=nn.Conv2d(3, 8, 3), n=nn.BatchNorm2d(8), p=nn.AdaptiveAvgPool2d(2)
    ),
    "written to where a mask says": lambda: Net(
        lambda m, x: m.f(_masked(m.c(x)).flatten(1)), c=nn.Conv2d(3, 1, 1), f=nn.Linear(4096, 2)
    ),
    "the largest values": lambda: Net(lambda m, x: m.f(x.flatten(1).topk(100)[0]), f=nn.Linear(100, 3)),
}


@pytest.mark.parametrize("name", NETS)
def test_dry_equals_real_on_small_nets(name: str) -> None:
    real = count(NETS[name]().eval(), (torch.rand(1, 3, 64, 64),))
    with dry_run():
        dry = count(NETS[name]().eval(), (torch.rand(1, 3, 64, 64),))
    assert dry == real


READS: dict[str, Callable[[torch.Tensor], object]] = {
    "a branch": lambda x: 1 if x.mean() > 0 else 2,
    "item": lambda x: x.max().item(),
    "tolist": lambda x: x.sum((2, 3)).tolist(),
    "numpy": lambda x: x.numpy(),
    "a mask's shape": lambda x: x[x > 0.5],
    "a mask as an index": lambda x: torch.ones(64)[x[0, 0, 0] > 0],
    "how many": lambda x: len(x.nonzero()),
    "how many there are": lambda x: torch.where(x > 0.5)[0].shape,
    "where the first one is": lambda x: x.nonzero()[0],
    "what is there": lambda x: x[torch.where(x > 0.5)],
    "how many, by keyword": lambda x: torch.numel(input=x.nonzero()),
    "as many": lambda x: torch.zeros(x.nonzero().size(0)),
    "the places": lambda x: x.nonzero() + 1,
    "after a copy": lambda x: torch.zeros(3).copy_(x.sum((0, 2, 3)))[0].item(),
    "through an integer": lambda x: x.sum().long().item(),
    "through a view": lambda x: x.mean((2, 3)).view(3)[1:].squeeze()[0].item(),
}


@pytest.mark.parametrize("name", READS)
def test_dry_run_raises_when_values_are_read(name: str) -> None:
    with dry_run(), pytest.raises(DataDependentError, match="which a dry run does not compute"):
        READS[name](nn.Conv2d(3, 3, 1)(torch.rand(1, 3, 64, 64)).detach())


def test_dry_run_leaves_parameters_uninitialized() -> None:
    before = torch.get_rng_state()
    with dry_run():
        large = nn.Linear(1_000, 30_000)
    assert large.weight.shape == (30_000, 1_000)
    assert torch.equal(torch.get_rng_state(), before), "not one random number was drawn"


@pytest.mark.parametrize("bounds", [(-2.0, 2.0), (3.0, 4.0)], ids=["around the mean", "in the tail"])
def test_dry_run_leaves_truncated_normals_uninitialized_when_large(bounds: tuple[float, float]) -> None:
    before = torch.get_rng_state()
    with dry_run():
        large = nn.init.trunc_normal_(torch.empty(100, 100), 0.0, 1.0, *bounds)
        unchanged = torch.equal(torch.get_rng_state(), before)
        small = nn.init.trunc_normal_(torch.empty(10, 10), 0.0, 1.0, *bounds)
    assert (tuple(large.shape), unchanged) == ((100, 100), True)
    assert bounds[0] <= small.min() <= small.max() <= bounds[1]


BRANCHES = """
@MODELS.register_module()
class Branches(Conv):
    def forward(self, x):
        y = super().forward(x)
        return super().forward(x) + y if bool((y.mean() == y.mean()).item()) else y

@MODELS.register_module()
class Fails(Conv):
    def forward(self, x):
        raise RuntimeError('in either method')
"""


def test_worker_runs_real_when_the_model_reads_values(tree: Path) -> None:
    (tree / "nets.py").write_text(LIBRARY + BRANCHES)
    for name in ("Branches", "Conv", "Fails"):
        (tree / f"{name}.py").write_text(
            f"custom_imports = dict(imports=['nets'])\nmodel = dict(type='{name}', channels=4)\n"
        )
    configs = ["Branches.py", "Conv.py", "Fails.py"]
    branches, conv, fails = measure(tree, configs, mode="auto", shape=(3, 64, 64))
    flops = 64 * 64 * 3 * 4
    assert (branches["measurement"]["mode"], branches["measurement"]["flops"]) == ("real", 2 * flops)
    assert (conv["measurement"]["mode"], conv["measurement"]["flops"]) == ("dry", flops)
    assert fails["failure"]["message"] == "RuntimeError at nets.py:19: in either method"
    (only_dry,) = measure(tree, ["Branches.py"], mode="dry", shape=(3, 64, 64))
    assert only_dry["failure"]["kind"] == "forward"
    assert re.fullmatch(
        r"nets\.py:\d+: .* reads values, which a dry run does not compute", only_dry["failure"]["message"]
    )
    assert only_dry["failure"]["hint"] == "Set `mode` to `auto`, which adds a real run."
