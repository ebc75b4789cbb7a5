"""A failure names the last line of the repository's own code, and has a hint that fits the error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from model_complexity.common.failures import FAILURE_KINDS, MESSAGE_LIMIT
from model_complexity.worker.error_location import repository_line
from model_complexity.worker.failure_of import failure_of
from tests.worker.run_worker import measure

NET = """
import torch
from mmengine.registry import MODELS
from torch import nn
from torch.nn import functional as F

@MODELS.register_module()
class Net(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 3)
        self.fc = nn.Linear(width, 4)
        {build}

    def forward(self, x):
        {forward}
        return self.conv(x)
"""
SHAPE = "Check that the model takes this input shape. Set another one with the `shapes` input."
VALUE = "Check the value. If it comes from the input shape, set another with the `shapes` input."
DTYPE = "Convert the tensors to one dtype, e.g. with `.to(x.dtype)`."
CALL = "Correct the call. Name the model's other inputs in the `shapes` input."


def error_of(call: Callable[[], Any]) -> str:
    with pytest.raises((RuntimeError, ValueError)) as raised:
        call()
    return raised.type.__name__


FORWARD = {
    "self.fc(x[..., :7])": ("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (24x7 and 8x4)", SHAPE),
    "self.conv(x[:, :2])": (
        "RuntimeError",
        "Given groups=1, weight of size [8, 3, 3, 3], expected input[1, 2, 8, 8] to have 3 channels, but got 2",
        "Correct `in_channels`, or set other channels with the `shapes` input, e.g. `img=4x224x224`.",
    ),
    "x + torch.ones(7)": ("RuntimeError", "The size of tensor a (8) must match the size of tensor b (7)", SHAPE),
    "torch.cat([x, x[..., :4]])": ("RuntimeError", "Sizes of tensors must match except in dimension 0.", SHAPE),
    "x.reshape(7, -1)": ("RuntimeError", "shape '[7, -1]' is invalid for input of size 192", SHAPE),
    "b, c, h = x.shape": ("ValueError", "too many values to unpack (expected 3)", SHAPE),
    "F.max_pool2d(x[..., :1, :1], 2)": (
        "RuntimeError",
        "Given input size: (3x1x1). Calculated output size: (3x0x0). Output size is too small",
        "Set a larger input shape with the `shapes` input.",
    ),
    "nn.BatchNorm1d(3)(x)": ("ValueError", "expected 2D or 3D input (got 4D input)", SHAPE),
    "nn.LayerNorm(5)(x)": ("RuntimeError", "Given normalized_shape=[5], expected input with shape [*, 5]", SHAPE),
    "x.permute(0, 2, 1)": ("RuntimeError", "permute(sparse_coo): number of dimensions in the tensor input", SHAPE),
    "x.transpose(1, 2).view(-1)": ("RuntimeError", "view size is not compatible", "Replace `view` by `reshape`."),
    "self.fc(x.half())": ("RuntimeError", "mat1 and mat2 must have the same dtype, but got Half and Float", DTYPE),
    "F.embedding(x, self.fc.weight)": (
        "RuntimeError",
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int",
        DTYPE,
    ),
    "x.to('meta') + x": (
        "RuntimeError",
        "Tensor on device cpu is not on the expected device meta!",
        "Create each tensor on the device of the input, e.g. with `device=x.device`.",
    ),
    "torch.cuda.init()": (
        *(
            ("AssertionError", "Torch not compiled with CUDA enabled")
            if torch.version.cuda is None
            else ("RuntimeError", "Cannot re-initialize CUDA in forked subprocess")
        ),
        "Use the device of the model's input instead of `cuda`, or set `device: cuda` on a runner with a GPU.",
    ),
    "F.relu()": ("TypeError", "relu() missing 1 required positional argument: 'input'", CALL),
    "self.fc(x, mask=None)": ("TypeError", "Linear.forward() got an unexpected keyword argument 'mask'", CALL),
    "F.conv2d(None, self.conv.weight)": ("TypeError", "conv2d() received an invalid combination of arguments", CALL),
    "{'a': 1}['stage5']": ("KeyError", "stage5", VALUE),
    "[x][4]": ("IndexError", "list index out of range", VALUE),
    "assert x.shape[1] == 4": ("AssertionError", "", VALUE),
    "raise ValueError('mode is odd')": ("ValueError", "mode is odd", VALUE),
    "self.neck(x)": (
        "AttributeError",
        "'Net' object has no attribute 'neck'",
        "Correct the name, or install the version of the library that has it.",
    ),
    "undefined": (
        "NameError",
        "name 'undefined' is not defined",
        "Correct the name, or install the version of the library that has it.",
    ),
    "None.shape": (
        "AttributeError",
        "'NoneType' object has no attribute 'shape'",
        "Set the value that is None, or check for it.",
    ),
    "open('anchors.txt')": (
        "FileNotFoundError",
        "[Errno 2] No such file or directory: 'anchors.txt'",
        "Correct the path, or add the file to the repository.",
    ),
    "raise NotImplementedError": (
        "NotImplementedError",
        "",
        "Implement the method, or name a class that has it.",
    ),
    "raise RuntimeError('I am odd')": ("RuntimeError", "I am odd", FAILURE_KINDS["forward"].hint),
    "raise RuntimeError('two\\nlines')": ("RuntimeError", "two lines", FAILURE_KINDS["forward"].hint),
}
BUILD = {
    "nn.Conv2d(3, 8)": (
        "TypeError",
        "Conv2d.__init__() missing 1 required positional argument: 'kernel_size'",
        "Correct the arguments in the config or in the call.",
    ),
    "nn.MultiheadAttention(10, 3)": (
        "AssertionError",
        "embed_dim must be divisible by num_heads",
        "Correct the sizes in the config or in the constructor: the shapes of tensors do not fit.",
    ),
    "nn.Linear(-1, 3)": (
        "RuntimeError",
        "Trying to create tensor with negative dimension -1",
        "Correct the value in the config or in the constructor.",
    ),
    "self.load_state_dict({})": (
        "RuntimeError",
        "Error(s) in loading state_dict for Net: Missing key(s)",
        "Remove the loading of weights from the constructor: figures do not depend on weights.",
    ),
    "torch.load('net.pth')": (
        "FileNotFoundError",
        "[Errno 2] No such file or directory: 'net.pth'",
        "Correct the path, or add the file to the repository.",
    ),
    "MODELS.build(dict(type='NoNet'))": (
        "KeyError",
        "NoNet is not in the mmengine::model registry.",
        "Import the module that registers it with `custom_imports`, or correct the name.",
    ),
    "torch.distributed.barrier()": (
        error_of(torch.distributed.barrier),  # RuntimeError in torch 2.1
        "Default process group has not been initialized, please make sure to call init_process_group.",
        "Build the model without torch.distributed: one process measures it.",
    ),
}


def write(tree: Path, name: str, **statements: str) -> str:
    """Write a module of the repository and its config; return the config."""
    (tree / "models").mkdir(exist_ok=True)
    (tree / "models" / f"{name}.py").write_text(NET.format(**{"build": "pass", "forward": "pass", **statements}))
    (tree / f"{name}.py").write_text(f"custom_imports = dict(imports=['models.{name}'])\nmodel = dict(type='Net')\n")
    return f"{name}.py"


@pytest.mark.parametrize(("kind", "line", "errors"), [("forward", 16, FORWARD), ("build", 13, BUILD)])
def test_error_of_the_model_names_its_line_and_has_a_fitting_hint(
    tree: Path, kind: str, line: int, errors: dict[str, tuple[str, str, str]]
) -> None:
    configs = [write(tree, f"net{number}", **{kind: statement}) for number, statement in enumerate(errors)]
    answers = measure(tree, configs, mode="real", shape=(3, 8, 8))
    for number, (answer, (error, text, hint)) in enumerate(zip(answers, errors.values(), strict=True)):
        message = f"{error} at models/net{number}.py:{line}" + (f": {text}" if text else "")
        failure = answer["failure"]
        assert (failure["kind"], failure["message"][: len(message)], failure["hint"]) == (kind, message, hint)


def test_line_is_the_innermost_of_the_repository(tree: Path) -> None:
    inner = (
        "@MODELS.register_module()\nclass Inner(nn.Module):\n    def __init__(self):\n        raise ValueError('odd')\n"
    )
    nested = write(tree, "nested", build="from . import inner\n        MODELS.build(dict(type='Inner'))")
    (tree / "models" / "inner.py").write_text("from mmengine.registry import MODELS\nfrom torch import nn\n" + inner)
    explained = write(tree, "explained", build="self.explain()")
    with (tree / "models" / "explained.py").open("a") as file:
        file.write(
            "\n    def explain(self):\n        try:\n            {}['key']\n        except KeyError as error:\n"
            "            raise ValueError('no such key') from error\n"
        )
    called_back = write(tree, "called_back", forward="self.conv.register_forward_hook(lambda *_: 1 / 0)")
    answers = measure(tree, [nested, explained, called_back], mode="real", shape=(3, 8, 8))
    assert [answer["failure"]["message"] for answer in answers] == [
        "ValueError at models/inner.py:6: odd",
        "ValueError at models/explained.py:23: no such key",
        "ZeroDivisionError at models/called_back.py:16: division by zero",
    ]


def test_line_of_a_config_is_its_own_wherever_it_is_executed(tree: Path) -> None:
    (tree / "configs").mkdir()
    (tree / "configs" / "base.py").write_text("width = 3\n\ndepth = 1 / (width - 3)\n")
    (tree / "configs" / "a.py").write_text("_base_ = 'base.py'\nmodel = dict(type='Net')\n")
    (tree / "configs" / "b.py").write_text("\nmodel = dict(type=undefined, root='{{ fileDirname }}')\n")
    (tree / "configs" / "c.py").write_text(
        "from mmengine.config import read_base\nwith read_base():\n    from .base import *\n"
    )
    (tree / "configs" / "d.py").write_text("\n\nexit(3)\n")
    (tree / "configs" / "e.py").write_text("x = __import__('nothing_here')\n")
    answers = measure(tree, [f"configs/{name}.py" for name in "abcde"])
    assert [answer["failure"]["message"] for answer in answers] == [
        "ZeroDivisionError at configs/base.py:3: division by zero",
        "NameError at configs/b.py:2: name 'undefined' is not defined",
        "ZeroDivisionError at configs/base.py:3: division by zero",
        "called sys.exit(3) at configs/d.py:3",
        "ModuleNotFoundError at configs/e.py:1: No module named 'nothing_here'",
    ]


def test_missing_module_is_named_with_its_line(tree: Path) -> None:
    missing = write(tree, "missing")
    (tree / "models" / "missing.py").write_text("import math\nimport timm_of_another_time\n")
    renamed = write(tree, "renamed")
    (tree / "models" / "renamed.py").write_text("from torch.nn import Convolution2D\n")
    answers = measure(tree, [missing, renamed])
    failures = [answer["failure"] for answer in answers]
    assert [failure["kind"] for failure in failures] == ["missing_dependency"] * 2
    assert (
        failures[0]["message"] == "ModuleNotFoundError at models/missing.py:2: No module named 'timm_of_another_time'"
    )
    assert failures[0]["hint"] == FAILURE_KINDS["missing_dependency"].hint
    assert failures[1]["message"].startswith(
        "ImportError at models/renamed.py:1: cannot import name 'Convolution2D' from 'torch.nn'"
    )
    assert failures[1]["hint"] == (
        "Correct the name, or install the version of the package that has it with the `install` input."
    )


def raised(code: str, filename: str) -> Exception:
    """Return what code raises that says that it is in a file."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        exec(compile(code, filename, "exec"), {"__name__": "nets"})  # noqa: S102
    return caught.value


@pytest.mark.parametrize(
    ("filename", "line"),
    [
        ("{tree}/net.py", "net.py:2"),
        ("{tree}/a/../net.py", "net.py:2"),
        ("{tree}/../elsewhere/net.py", ""),
        ("{tree}beside/net.py", ""),
        ("net.py", ""),
        ("<string>", ""),
        ("", ""),
        ("{tree}/.venv/lib/python3.11/site-packages/timm/net.py", ""),
        ("{tree}/" + "x" * 5_000 + "/net.py", "…" + "x" * 112 + "/net.py:2"),
    ],
)
def test_repository_line_is_that_of_a_file_in_the_repository(tmp_path: Path, filename: str, line: str) -> None:
    error = raised("\n1 / 0\n", filename.format(tree=tmp_path))
    assert repository_line(error, str(tmp_path)) == line


def test_repository_line_is_not_of_an_environment_in_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    assert repository_line(raised("1 / 0", f"{tmp_path}/env/lib/ast.py"), str(tmp_path)) == ""
    assert repository_line(raised("1 / 0", f"{tmp_path}/environment.py"), str(tmp_path)) == "environment.py:1"


def test_message_is_one_bounded_line_whatever_the_error(tmp_path: Path) -> None:
    def failing(name: str, text: str, file: str) -> dict[str, Any]:
        error = raised(f"raise type({name!r}, (ValueError,), dict())({text!r})", f"{tmp_path}/{file}")
        return failure_of(error, "count", str(tmp_path))

    assert failing("Odd", "a\nb", "a\nb.py")["message"] == "Odd at a b.py:1: a b"
    for failure in (failing("E" * 5_000, "", "net.py"), failing("E", "x" * 100_000, "net.py")):
        assert len(failure["message"]) == MESSAGE_LIMIT
        assert failure["hint"] == VALUE
