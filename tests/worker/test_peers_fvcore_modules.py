"""What fvcore's tests of its per-module sums test, with models and hand counts of ours.

As in fvcore, work counts for the module that runs it and for all modules that own that one; a shared module has one row, under
its first name, with all of its calls. Unlike fvcore, a module whose forward ran is never among the uncalled ones, whether or
not it ran an operator.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from tests.worker.peers import MODES, measured, rows

pytestmark = pytest.mark.parametrize("mode", MODES)


class Inner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(3, 3, 1)
        self.fc = nn.Linear(12, 12)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return 2 * self.fc(self.conv(features.reshape(-1, 3, 4)).flatten(1)) + 1


class Outer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()
        self.fc = nn.Linear(24, 12)
        self.conv = nn.Conv1d(4, 4, 3, padding=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.inner(self.fc(self.conv(features).flatten(1))) ** 2


CONV, FC, INNER_CONV, INNER_FC = 6 * 4 * 4 * 3, 24 * 12, 4 * 3 * 3, 12 * 12
NESTED = {
    "": CONV + FC + INNER_CONV + INNER_FC,
    "inner": INNER_CONV + INNER_FC,
    "inner.conv": INNER_CONV,
    "inner.fc": INNER_FC,
    "fc": FC,
    "conv": CONV,
}


def test_nested_modules_have_the_sums_of_their_modules(mode: str) -> None:
    counts = measured(mode, Outer, torch.rand(1, 4, 6))
    assert (rows(counts), counts["uncalled_modules"]) == (NESTED, [])
    assert counts["operators"] == {"conv": CONV + INNER_CONV, "linear": FC + INNER_FC}
    assert counts["unsupported_ops"]["negligible"] == {"aten::add": 1, "aten::mul": 1, "aten::pow": 1}


def test_data_parallel_wrapper_has_the_rows_of_its_module(mode: str) -> None:
    counts = measured(mode, lambda: nn.DataParallel(Outer()).cpu(), torch.rand(1, 4, 6))
    wrapped = {("module." + name).rstrip("."): flops for name, flops in NESTED.items()}
    assert (rows(counts), counts["uncalled_modules"]) == ({"": NESTED[""], **wrapped}, [])


def test_data_parallel_wrapper_of_one_layer_counts_it_once(mode: str) -> None:
    counts = measured(mode, lambda: nn.DataParallel(nn.Linear(6, 7)).cpu(), torch.rand(5, 6))
    assert rows(counts) == {"": 5 * 6 * 7, "module": 5 * 6 * 7}


class Layers(nn.Module):
    """Two layers, which a function of them and of the input uses."""

    def __init__(self, compute: Callable[..., torch.Tensor], first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.compute, self.first, self.second = compute, first, second

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.compute(self.first, self.second, features)


def test_module_is_uncalled_when_it_does_not_run(mode: str) -> None:
    counts = measured(
        mode, lambda: Layers(lambda first, _, x: first(x).relu(), nn.Linear(6, 5), nn.Linear(4, 4)), torch.rand(2, 6)
    )
    assert (rows(counts), counts["uncalled_modules"]) == ({"": 60, "first": 60}, ["second"])


def test_module_is_called_when_it_runs_and_costs_nothing(mode: str) -> None:
    counts = measured(
        mode, lambda: Layers(lambda first, second, x: second(first(x)), nn.Linear(6, 5), nn.ReLU()), torch.rand(2, 6)
    )
    assert (rows(counts), counts["uncalled_modules"]) == ({"": 60, "first": 60, "second": 0}, [])


def test_repeated_calls_of_a_module_add_up(mode: str) -> None:
    counts = measured(
        mode,
        lambda: Layers(lambda f, s, x: s(s(f(f(f(x))))), nn.Linear(6, 6), nn.Linear(6, 6)),
        torch.rand(1, 6),
    )
    assert rows(counts) == {"": 5 * 36, "first": 3 * 36, "second": 2 * 36}


class Helper(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features

    def project(self, features: torch.Tensor) -> torch.Tensor:
        return self.fc(features)


def test_layer_counts_for_its_owner_when_another_method_than_forward_calls_it(mode: str) -> None:
    counts = measured(
        mode, lambda: Layers(lambda f, s, x: s.project(f(x)), nn.Linear(6, 6), Helper()), torch.rand(1, 6)
    )
    assert rows(counts) == {"": 36 + 18, "first": 36, "second": 18, "second.fc": 18}


class Holder(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.layer(features)


class Sharing(nn.Module):
    """One layer below two parents, and one under two names."""

    def __init__(self) -> None:
        super().__init__()
        shared, named_twice = nn.Linear(6, 6), nn.Linear(6, 2)
        self.left, self.right = Holder(shared), Holder(shared)
        self.name, self.alias = named_twice, named_twice

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        features = self.left(features) + self.right(features)
        return self.name(features) + self.alias(features)


def test_shared_module_has_one_row_with_all_of_its_calls(mode: str) -> None:
    counts = measured(mode, Sharing, torch.rand(1, 6))
    figures = rows(counts)
    assert {name: figures[name] for name in ("", "left.layer", "name")} == {"": 96, "left.layer": 72, "name": 24}
    assert (counts["flops"], counts["params"], counts["uncalled_modules"]) == (96, 42 + 14, [])


class Recursive(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(6, 3)

    def forward(self, features: torch.Tensor, depth: int = 3) -> torch.Tensor:
        return self(features, depth - 1) if depth else self.fc(features)


def test_operator_counts_once_when_a_module_is_in_its_scope_several_times(mode: str) -> None:
    counts = measured(mode, Recursive, torch.rand(1, 6))
    assert (rows(counts), counts["uncalled_modules"]) == ({"": 18, "fc": 18}, [])


class Listed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 4), nn.Linear(3, 5)])

    def forward(self, features: torch.Tensor) -> Any:
        return self.layers[0](features) + 1


def test_layer_of_a_list_counts_for_the_list(mode: str) -> None:
    counts = measured(mode, Listed, torch.rand(1, 3))
    assert rows(counts) == {"": 12, "layers": 12, "layers.0": 12}
    assert counts["uncalled_modules"] == ["layers.1"]
