"""What torchinfo's fixtures try, inputs and outputs, with models and hand counts of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Normal
from torch.nn import functional

from model_complexity.worker.count.analysis import ZeroCountError
from model_complexity.worker.count.dry_run import DataDependentError
from tests.worker.peers import MODES, Computation, figures, measured, rows

both_modes = pytest.mark.parametrize("mode", MODES)


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


class Batch:
    """A user's own container of tensors."""

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor


ROW = torch.ones(2, 6)
INPUTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "a list": (lambda inputs: inputs[1], ([None, ROW],)),
    "a tuple of lists": (lambda inputs: inputs[0][0], (([ROW], []),)),
    "a dictionary": (lambda inputs: inputs["image"], ({"image": ROW},)),
    "a dictionary by numbers": (lambda inputs, _: inputs[256] + inputs[512][0], ({256: ROW, 512: [ROW]}, 10)),
    "a dictionary with other things": (lambda inputs: inputs["x"], ({"x": ROW, "name": "text", "none": None},)),
    "a named tuple": (lambda inputs: inputs.left * inputs.right, (Pair(ROW, ROW),)),
    "an object": (lambda inputs: inputs.tensor, (Batch(ROW),)),
    "a text next to it": (lambda inputs, name: inputs if name == "plain" else inputs[:1], (ROW, "plain")),
    "a number next to it": (lambda inputs, scale: inputs * scale, (ROW, 5.0)),
    "a tensor of one number next to it": (lambda inputs, scale: inputs * scale, (ROW, torch.tensor(3.0))),
    "None next to it": (lambda inputs, mask: inputs if mask is None else inputs[:1], (ROW, None)),
    "integers": (lambda inputs: inputs.float(), (torch.ones(2, 6, dtype=torch.int64),)),
    "several tensors": (lambda left, right: left + right.to(left.dtype), (ROW, torch.ones(2, 6, dtype=torch.int32))),
}


@both_modes
@pytest.mark.parametrize("name", INPUTS)
def test_model_takes_any_input(mode: str, name: str) -> None:
    pick, inputs = INPUTS[name]
    counts = measured(
        mode, lambda: Computation(lambda layer, *given: layer(pick(*given)), layer=nn.Linear(6, 4)), *inputs
    )
    assert (figures(counts), rows(counts)) == ((2 * 6 * 4, 28, 8), {"": 48, "layer": 48})


class Index(int):
    """A number that is also a sequence."""

    def __getitem__(self, place: int) -> int:
        return int(self) * place


OUTPUTS: dict[str, Callable[[torch.Tensor], Any]] = {
    "a dictionary": lambda result: {"logits": result, "loss": result.sum()},
    "a nested dictionary": lambda result: {"a": ({"b": [Batch(result)]},)},
    "an object": Batch,
    "a text": lambda _: "text",
    "a class": lambda _: Batch,
    "None": lambda _: None,
    "a number": lambda result: result.shape[0],
    "a number that is a sequence": lambda result: {"index": Index(result.shape[0])},
    "a named tuple": lambda result: Pair(result, result),
    "a categorical distribution": lambda result: Categorical(logits=result, validate_args=False),
    "a normal distribution": lambda result: Normal(result, functional.softplus(result), validate_args=False),
    "a generator": lambda result: (row for row in result),
}


@both_modes
@pytest.mark.parametrize("name", OUTPUTS)
def test_model_returns_anything(mode: str, name: str) -> None:
    assert figures(
        measured(mode, lambda: Computation(lambda layer, x: OUTPUTS[name](layer(x)), layer=nn.Linear(6, 4)), ROW)
    ) == (48, 28, 8)


@both_modes
def test_model_without_inputs_counts(mode: str) -> None:
    def compute(layer: nn.Module, image: torch.Tensor | None = None) -> torch.Tensor:
        return layer(torch.ones(2, 6) if image is None else image)

    assert figures(measured(mode, lambda: Computation(compute, layer=nn.Linear(6, 4)))) == (48, 28, 8)


COSTLESS: dict[str, Callable[[], nn.Module]] = {
    "identity": nn.Identity,
    "an empty list": lambda: Computation(lambda layers, x: x + len(layers), layers=nn.ModuleList()),
    "a sum": lambda: Computation(lambda x: {"sum": x.sum()}),
}


@both_modes
@pytest.mark.parametrize("name", COSTLESS)
def test_model_without_counted_work_has_no_figure(mode: str, name: str) -> None:
    with pytest.raises(ZeroCountError):
        measured(mode, COSTLESS[name], ROW)


def _numpy(layer: nn.Module, array: Any) -> Any:
    return layer(torch.from_numpy(array)).detach().numpy()


def test_model_of_numpy_arrays_counts_in_a_real_run() -> None:
    assert figures(
        measured("real", lambda: Computation(_numpy, layer=nn.Linear(6, 4)), np.ones((2, 6), np.float32))
    ) == (48, 28, 8)


def test_model_that_returns_an_array_falls_to_a_real_run() -> None:
    with pytest.raises(DataDependentError):
        measured("dry", lambda: Computation(_numpy, layer=nn.Linear(600, 4)), np.ones((20, 600), np.float32))


@both_modes
def test_error_of_the_model_is_raised_as_it_is(mode: str) -> None:
    def compute(layer: nn.Module, features: torch.Tensor) -> torch.Tensor:
        raise LookupError(f"no such thing after {layer(features).shape[0]} rows")

    with pytest.raises(LookupError, match="no such thing after 2 rows"):
        measured(mode, lambda: Computation(compute, layer=nn.Linear(6, 4)), ROW)
