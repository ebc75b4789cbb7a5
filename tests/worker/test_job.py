"""From a config file of any form to a measurement or the right kind of failure."""

from __future__ import annotations

import json
import socketserver
import threading
from pathlib import Path
from typing import Any

import pytest

from model_complexity.worker.build.model import without_pretrained
from model_complexity.worker.job import run_job
from tests.support.flat import flat
from tests.worker.run_worker import measure

CONV = "model = dict(type='Conv', _scope_='mmengine', channels=8)\n"
LIBRARY = """
from mmengine.registry import MODELS
from torch import nn

@MODELS.register_module()
class Conv(nn.Conv2d):
    def __init__(self, channels, **_):
        super().__init__(3, channels, 1, bias=False)
"""


@pytest.fixture
def library(tree: Path) -> Path:
    """A repository with a model of its own, registered with plain mmengine."""
    (tree / "nets.py").write_text(LIBRARY)
    (tree / "base.py").write_text("custom_imports = dict(imports=['nets'])\n" + CONV)
    (tree / "lazy.py").write_text("from nets import Conv\nmodel = dict(type=Conv, channels=8)\n")
    return tree


def conv_flops(channels: int, side: int = 8) -> int:
    return side * side * 3 * channels


@pytest.mark.parametrize(
    ("name", "text", "channels"),
    [
        ("classic.py", "_base_ = 'base.py'\nmodel = dict(channels=4)\n", 4),
        (
            "read.py",
            "from mmengine.config import read_base\nwith read_base():\n    from .lazy import *\nmodel['channels'] = 5\n",
            5,
        ),
        ("data.json", json.dumps({"_base_": "base.py", "model": {"channels": 6}}), 6),
        ("data.yaml", "_base_: base.py\nmodel:\n  channels: 7\n", 7),
        (
            "imported.py",
            "from mmengine.config import read_base\nfrom nets import Conv\nmodel = dict(type=Conv, channels=9)\n",
            9,
        ),
    ],
)
def test_job_measures_every_form_of_config(library: Path, name: str, text: str, channels: int) -> None:
    (library / name).write_text(text)
    (answer,) = measure(library, [name], shape=(3, 8, 8))
    found = answer["measurement"]
    assert (found["flops"], found["params"], found["activations"]) == (
        conv_flops(channels),
        3 * channels,
        64 * channels,
    )
    assert (found["input_shape"], found["entry_point"], found["mode"]) == ([1, 3, 8, 8], "forward", "dry")


def test_scope_imports_its_library(tree: Path) -> None:
    package = tree / "zoolib"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "registry.py").write_text(
        "from mmengine.registry import MODELS as ROOT, Registry\n"
        "MODELS = Registry('model', parent=ROOT, scope='zoolib', locations=['zoolib.models'])\n"
    )
    (package / "models.py").write_text(LIBRARY.replace("mmengine.registry", "zoolib.registry"))
    (tree / "config.py").write_text("default_scope = 'zoolib'\nmodel = dict(type='Conv', channels=8)\n")
    (answer,) = measure(tree, ["config.py"], shape=(3, 8, 8))
    assert answer["measurement"]["flops"] == conv_flops(8)


NEEDS_NOTHING = "ModuleNotFoundError at mmaction/__init__.py:1: No module named 'nothing_that_it_needs'"


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("OwnNet", "measured"),
        ("NoSuchNet", NEEDS_NOTHING),
    ],
)
def test_broken_library_fails_no_config_of_another_library(tree: Path, kind: str, outcome: str) -> None:
    for name, needs in (("mmaction", "import nothing_that_it_needs"), ("mmrotate", "")):  # first and last of the table
        package = tree / name
        package.mkdir()
        (package / "__init__.py").write_text(needs)
        (package / "registry.py").write_text(
            "from mmengine.registry import MODELS as ROOT, Registry\n"
            f"MODELS = Registry('model', parent=ROOT, scope='{name}', locations=['{name}.models'])\n"
        )
        (package / "models.py").write_text(
            LIBRARY.replace("mmengine.registry", f"{name}.registry").replace("Conv(", "OwnNet(")
        )
    (tree / "config.py").write_text(f"model = dict(type='{kind}', channels=8)\n")
    (answer,) = measure(tree, ["config.py"], shape=(3, 8, 8))
    assert answer.get("failure", {"message": "measured"})["message"] == outcome


FAILURES = [
    ("model = dict(\n", "config_syntax", "config0.py:1: '(' was never closed"),
    ("_base_ = 'broken.py'\n", "config_syntax", "broken.py:2: invalid syntax"),
    ("_base_ = 'nothere.py'\n", "config_load", "No such file or directory: 'nothere.py'"),
    ("x = 1\n", "config_load", "the config has no `model`"),
    ("1 / 0\n", "config_load", "ZeroDivisionError at config4.py:1: division by zero"),
    ("exit(3)\n", "config_load", "called sys.exit(3) at config5.py:1"),
    ("custom_imports = dict(imports=['nosuch.thing'])\nmodel = 1\n", "missing_dependency", "No module named 'nosuch'"),
    ("default_scope = 'mmnothere'\nmodel = dict(type='A')\n", "missing_dependency", "No module named 'mmnothere'"),
    (
        "raise RuntimeError('mot is not installed, please install it by: pip install mot')\n",
        "missing_dependency",
        "RuntimeError at config8.py:1: mot is not",
    ),
    ("model = dict(type='mmabsent.Net')\n", "missing_dependency", "No module named 'mmabsent'"),
    ("model = dict(type='Net', _scope_='mmabsent')\n", "missing_dependency", "No module named 'mmabsent'"),
    ("model = dict(type='mmengine.Net', _scope_='mmabsent')\n", "build", "mmengine.Net is not in the"),
    ("model = dict(type='NoSuchNet')\n", "build", "NoSuchNet is not in the mmengine::model registry"),
    (
        "_base_ = 'base.py'\nmodel = dict(channels=-1)\n",
        "build",
        "RuntimeError at nets.py:8: Trying to create tensor with neg",
    ),
    ("_base_ = 'base.py'\nmodel = dict(type='Picky')\n", "forward", "RuntimeError at nets.py:12: I want 7 channels"),
    ("_base_ = 'base.py'\nmodel = dict(type='Greedy')\n", "out_of_memory", "MemoryError at nets.py:16"),
    ("_base_ = 'base.py'\nmodel = dict(type='Idle')\n", "zero_count", "no FLOPs were counted"),
]


def test_failures_name_their_kind_and_cause(library: Path) -> None:
    (library / "broken.py").write_text("a = 1\nb = = 2\n")
    picky = "@MODELS.register_module()\nclass {}(Conv):\n    def forward(self, x):\n        {}\n"
    nets = {"Picky": "raise RuntimeError('I want 7 channels')", "Greedy": "raise MemoryError", "Idle": "return x + 1"}
    (library / "nets.py").write_text(LIBRARY + "".join(picky.format(*net) for net in nets.items()))
    for number, (text, _, _) in enumerate(FAILURES):
        (library / f"config{number}.py").write_text(text)
    answers = measure(library, [f"config{number}.py" for number in range(len(FAILURES))])
    for answer, (_, kind, message) in zip(answers, FAILURES, strict=True):
        failure = answer["failure"]
        assert (failure["kind"], message in failure["message"]) == (kind, True), failure
        assert "\n" not in failure["message"]
        assert failure["hint"]
        assert str(library) not in json.dumps(failure), "paths must read the same on every machine"


def test_failure_message_is_one_bounded_line(library: Path) -> None:
    (library / "config.py").write_text("raise ValueError('a\\nb' * 5000)\n")
    (answer,) = measure(library, ["config.py"])
    assert len(answer["failure"]["message"]) == 300
    assert answer["failure"]["message"].startswith("ValueError at config.py:1: a ba ba b")
    assert len(answer["failure"]["detail"]) <= 6000


def test_without_pretrained_removes_weights() -> None:
    config = {
        "type": "Net",
        "pretrained": "https://example.org/w.pth",
        "backbone": {"pretrained": True, "init_cfg": {"type": "Pretrained", "checkpoint": "https://example.org/w.pth"}},
        "necks": [{"init_cfg": [{"type": "Kaiming"}, {"type": "Pretrained", "checkpoint": "w.pth"}]}, ("kept", 1)],
        "head": {"init_cfg": {"type": "Normal", "std": 0.01}},
    }
    assert without_pretrained(config) == {
        "type": "Net",
        "pretrained": None,
        "backbone": {"pretrained": False, "init_cfg": None},
        "necks": [{"init_cfg": None}, ("kept", 1)],
        "head": {"init_cfg": {"type": "Normal", "std": 0.01}},
    }


class _Listening(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def test_build_fetches_nothing(library: Path) -> None:
    calls: list[Any] = []

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            calls.append(self.client_address)

    with _Listening(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/weights.pth"
        (library / "config.py").write_text(
            f"_base_ = 'base.py'\nmodel = dict(init_cfg=dict(type='Pretrained', checkpoint='{url}'))\n"
        )
        (library / "greedy.py").write_text(f"import torch\nmodel = torch.hub.load_state_dict_from_url('{url}')\n")
        fetching = f"\nfrom urllib.request import urlopen\nurlopen('{url}')\n"
        (library / "fetching.py").write_text("custom_imports = dict(imports=['nets2'])\n" + CONV)
        (library / "nets2.py").write_text(LIBRARY + fetching)
        with_init_cfg, _, fetches = measure(library, ["config.py", "greedy.py", "fetching.py"], shape=(3, 8, 8))
        server.shutdown()
    assert with_init_cfg["measurement"]["flops"] == conv_flops(8)
    assert "the network is off" in fetches["failure"]["message"]
    assert calls == []


def test_run_job_measures_a_real_config(zoo: Path) -> None:
    found = flat(run_job(zoo / "resnet/resnet18_8xb32_in1k.py", (3, 224, 224))["measurement"])
    # torchvision publishes 1.814G multiply-accumulates and 11.690M parameters with the head; fvcore adds batch norm and pooling.
    assert (found["params"], found["flops"], found["entry_point"]) == (11_689_512, 1_818_553_856, "extract_feat")


KINDS = """
import random
import numpy
import torch
from torch import nn
from torch.nn import functional
from mmengine.registry import MODELS

class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 1, bias=False)
        self.choices = nn.ModuleList([nn.Conv2d(8, 8, side, padding=side // 2, bias=False) for side in (1, 3, 5, 7)])

@MODELS.register_module()
class Forces(Base):
    def forward(self, x):
        with torch.enable_grad():
            x = x.clone().requires_grad_()
            return torch.autograd.grad(self.conv(x).sum(), x)[0]

@MODELS.register_module()
class Draws(Base):
    def forward(self, x):
        return random.choice(self.choices)(self.conv(x))

@MODELS.register_module()
class DrawsWhileBuilt(Base):
    def __init__(self):
        super().__init__()
        self.choice = self.choices[numpy.random.randint(4)]

    def forward(self, x):
        return self.choice(self.conv(x))

@MODELS.register_module()
class ReadsWhileBuilt(Base):
    def __init__(self, how):
        super().__init__()
        picks = {
            'randint': lambda: int(torch.randint(0, 4, (1,))),
            'randperm': lambda: torch.randperm(4).tolist()[0],
            'weights': lambda: self.conv.weight.flatten()[:4].argmax().item(),
            'mask': lambda: len(torch.arange(3)[torch.rand(3) > 0.5]),
            'table': lambda: int(torch.linspace(0, 3, 12)[-1]),
            'trunc_normal': lambda: nn.init.trunc_normal_(self.conv.weight).shape[0] - 5,
        }
        self.choice = self.choices[picks[how]()]

    def forward(self, x):
        return self.choice(self.conv(x))

@MODELS.register_module()
class NamesCuda(Base):
    def forward(self, x):
        scale = torch.ones(1, device='cuda')
        return self.conv.to('cuda')(x.cuda()) * scale if x.sum() == x.sum() else x
"""


@pytest.fixture
def kinds(tree: Path) -> Path:
    (tree / "nets.py").write_text(KINDS)
    for name in ("Forces", "Draws", "DrawsWhileBuilt", "NamesCuda"):
        (tree / f"{name}.py").write_text(f"custom_imports = dict(imports=['nets'])\nmodel = dict(type='{name}')\n")
    for how in ("randint", "randperm", "weights", "mask", "table", "trunc_normal"):
        text = f"custom_imports = dict(imports=['nets'])\nmodel = dict(type='ReadsWhileBuilt', how='{how}')\n"
        (tree / f"{how}.py").write_text(text)
    return tree


SEEDED = "depends on seeded random choices: "


def test_model_that_takes_gradients_is_counted(kinds: Path) -> None:
    (answer,) = measure(kinds, ["Forces.py"], shape=(3, 8, 8), mode="auto")
    found = answer["measurement"]
    assert (found["flops"], found["mode"], found["conditions"]) == (2 * conv_flops(8), "dry", [])


@pytest.mark.parametrize(("name", "generator"), [("Draws", "`random`"), ("DrawsWhileBuilt", "`numpy.random`")])
def test_random_choice_is_the_same_in_every_run_and_a_condition(kinds: Path, name: str, generator: str) -> None:
    found = [measure(kinds, [f"{name}.py"], shape=(3, 8, 8))[0]["measurement"] for _ in range(3)]
    assert {(one["flops"], *one["conditions"]) for one in found} == {(found[0]["flops"], SEEDED + generator)}
    assert found[0]["flops"] > conv_flops(8)


def test_cuda_in_the_models_code_means_the_device_at_hand(kinds: Path) -> None:
    (answer,) = measure(kinds, ["NamesCuda.py"], shape=(3, 64, 64), mode="auto")
    found = answer["measurement"]
    assert (found["flops"], found["mode"]) == (conv_flops(8, 64), "real")
    assert found["conditions"] == ["depends on values read at run time: `item`"]


@pytest.mark.parametrize(
    ("how", "reader"),
    [
        ("randint", "int"),
        ("randperm", "tolist"),
        ("weights", "item"),
        ("mask", "tensor[mask]"),
        ("table", None),
        ("trunc_normal", None),
    ],
)
def test_random_values_that_the_constructor_reads_are_a_condition(kinds: Path, how: str, reader: str | None) -> None:
    conditions = [] if reader is None else [f"depends on random values read while it is built: `{reader}`"]
    answers = measure(kinds, [f"{how}.py"] * 2, shape=(3, 8, 8), mode="auto", jobs=1)
    found = [(answer["measurement"]["flops"], answer["measurement"]["conditions"]) for answer in answers]
    assert found == [(found[0][0], conditions)] * 2
    assert found[0][0] > conv_flops(8)
