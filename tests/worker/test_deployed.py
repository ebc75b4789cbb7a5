"""The form that a model is deployed in: counted on request, next to the form that the config builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from model_complexity.common.options import MeasureOptions
from model_complexity.worker.job import run_job
from tests.support.flat import flat
from tests.worker.run_worker import measure

NETS = """
from mmengine.registry import MODELS
from torch import nn

class Branches(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.one = nn.Conv2d(3, channels, 1)
        self.three = nn.Conv2d(3, channels, 3, padding=1)

    def forward(self, image):
        return self.one(image) + self.three(image)

@MODELS.register_module()
class Fusing(Branches):
    def switch_to_deploy(self):
        fused = nn.Conv2d(3, self.three.out_channels, 3, padding=1)
        fused.weight.data = self.three.weight.data + nn.functional.pad(self.one.weight.data, [1, 1, 1, 1])
        fused.bias.data = self.three.bias.data + self.one.bias.data
        del self.one, self.three
        self.fused = fused
        self.forward = self.fused.forward

@MODELS.register_module()
class Settled(Branches):
    def switch_to_deploy(self):
        pass

@MODELS.register_module()
class Failing(Branches):
    def switch_to_deploy(self):
        raise AssertionError("Switch is not allowed")

@MODELS.register_module()
class Outer(nn.Module):
    test_cfg = dict(channels=8)

    def __init__(self):
        super().__init__()
        self.part = Inner(4)

    def forward(self, image):
        return self.part(image)

class Inner(Fusing):
    def switch_to_deploy(self, test_cfg):
        assert test_cfg == dict(channels=8)
        super().switch_to_deploy()
"""
CHANNELS = 4
PLACES = 32 * 32
BOTH = {"flops": PLACES * 3 * CHANNELS * (1 + 9), "params": 3 * CHANNELS * (1 + 9) + 2 * CHANNELS}
FUSED = {
    "flops": PLACES * 3 * CHANNELS * 9,
    "params": 3 * CHANNELS * 9 + CHANNELS,
    "activations": PLACES * CHANNELS,
}


@pytest.fixture
def nets(tree: Path) -> Path:
    (tree / "nets.py").write_text(NETS)
    for name in ("Fusing", "Settled", "Failing", "Outer"):
        model = f"dict(type='{name}'{'' if name == 'Outer' else f', channels={CHANNELS}'})"
        (tree / f"{name}.py").write_text(f"custom_imports = dict(imports=['nets'])\nmodel = {model}\n")
    return tree


@pytest.mark.parametrize("mode", ["dry", "real"])
def test_deployed_form_counts_fused_branches_as_one_convolution(nets: Path, mode: str) -> None:
    names = ["Fusing.py", "Outer.py", "Settled.py", "Failing.py", "Fusing.py"]
    found: list[dict[str, Any]] = [
        answer.get("measurement", answer) for answer in measure(nets, names, deploy=True, mode=mode)
    ]
    fusing, outer, settled, failing, twin = found
    for one in found:
        assert {name: one[name] for name in BOTH} == BOTH
    assert fusing["deployed"] == outer["deployed"] == twin["deployed"] == FUSED
    assert [name for name in settled if name.startswith("deployed")] == [], "it is no other form"
    assert failing["deployed_failure"] == "AssertionError at nets.py:32: Switch is not allowed"
    assert "deployed" not in failing


def test_deployed_form_is_absent_when_deploy_is_off(nets: Path) -> None:
    (answer,) = measure(nets, ["Fusing.py"])
    assert "deployed" not in answer["measurement"]


def test_deployed_repvgg_equals_published_numbers(tree: Path) -> None:
    """Ding et al., "RepVGG: Making VGG-style ConvNets Great Again", table 2: RepVGG-A0 has 8.30M params and 1.4B FLOPs."""
    (tree / "repvgg.py").write_text("_base_ = 'mmpretrain::repvgg/repvgg-A0_8xb32_in1k.py'\n")
    answer = run_job(Path("repvgg.py"), "auto", options=MeasureOptions(deploy=True))
    assert answer
    deployed = flat(answer["measurement"])["deployed"]
    assert (deployed["flops"], deployed["params"]) == (1_360_233_728, 8_309_384)
