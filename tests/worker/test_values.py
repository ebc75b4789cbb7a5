"""A figure that depends on values says so, and no other does."""

from __future__ import annotations

import pytest
import torch

from tests.worker.small_nets import MODES, Forward, Net, conv, measured

READS: dict[str, tuple[Forward, str]] = {
    "a branch": (lambda m, x: m.conv(x) if m.conv(x).sum() > -1e9 else x, "item"),
    "item": (lambda m, x: m.conv(x) * m.conv.weight.max().item(), "item"),
    "tolist": (lambda m, x: m.conv(x)[:, m.conv(x).mean((2, 3))[0].topk(4).indices.tolist()], "tolist"),
    "numpy": (lambda m, x: m.conv(x).numpy(), "numpy"),
    "a mask": (lambda m, x: m.conv(x)[m.conv(x) > 0], "tensor[mask]"),
    "where": (lambda m, x: torch.where(m.conv(x) > 0)[0], "nonzero"),
    "unique": (lambda m, x: torch.unique(m.conv(x).round()), "unique"),
    "random numbers": (lambda m, x: m.conv(x) if torch.rand(()) < 0.5 else m.conv(m.conv(x)[:, :3]), "item"),
    "the input": (lambda m, x: m.conv(x) if x[0, 0, 0, 0] > 0 else x, "item"),
}


@pytest.mark.parametrize("name", READS)
def test_values_that_decide_what_runs_are_a_condition(name: str) -> None:
    forward, reader = READS[name]
    counts = measured(lambda: Net(forward, conv=conv()), "real")
    assert counts["conditions"] == [f"depends on values read at run time: `{reader}`"]
    within = measured(lambda: Net(lambda m, x: m.inner(x), inner=Net(forward, conv=conv())), "real")
    assert within["conditions"] == [f"depends on values read at run time: `{reader}` in `inner`"]


STEADY: dict[str, Forward] = {
    "sizes": lambda m, x: m.conv(x) if x.shape[-1] > 3 else x,
    "a table": lambda m, x: m.conv(x) * torch.linspace(0, 1, 12)[-1].item(),
    "zeros of its shape": lambda m, x: m.conv(x) * x.new_zeros(4).sum().item(),
    "indices": lambda m, x: m.conv(x)[:, torch.arange(8).flip(0)],
    "a mask of places": lambda m, x: m.conv(x)[:, torch.arange(8) > 3],
    "values that are only computed with": lambda m, x: m.conv(x) * m.conv.weight.max(),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", STEADY)
def test_values_that_every_model_of_this_shape_has_are_no_condition(name: str, mode: str) -> None:
    assert measured(lambda: Net(STEADY[name], conv=conv()), mode)["conditions"] == []


def test_many_reads_are_one_bounded_condition() -> None:
    gates = {f"gate{number}": Net(lambda m, x: x * x.mean().item()) for number in range(5)}
    counts = measured(
        lambda: Net(
            lambda m, x: [gate(m.conv(x)) for gate in m.children() if gate is not m.conv], conv=conv(), **gates
        ),
        "real",
    )
    named = "`item` in `gate0`, `item` in `gate1`, `item` in `gate2` and 2 more"
    assert counts["conditions"] == [f"depends on values read at run time: {named}"]
