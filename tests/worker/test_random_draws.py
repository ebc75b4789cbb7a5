"""Generators that a model makes, or seeds again, without a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch

from model_complexity.worker.random_draws import RandomDraws

PYTHON, NUMPY = (f"depends on seeded random choices: `{name}`" for name in ("random", "numpy.random"))
UNSEEDED: dict[str, tuple[Callable[[], float], list[str]]] = {
    "random.seed": (lambda: random.seed() or random.random(), [PYTHON]),  # noqa: S311 - what models call
    "random.Random": (lambda: random.Random().random(), [PYTHON]),  # noqa: S311 - what models call
    "numpy.random.seed": (lambda: np.random.seed() or np.random.rand(), [NUMPY]),
    "default_rng": (lambda: np.random.default_rng().random(), [NUMPY]),
    "default_rng by name": (lambda: np.random.default_rng(seed=None).random(), [NUMPY]),
    "torch.seed": (lambda: torch.seed() * 0 + torch.rand(()).item(), []),  # random tensors are followed
}


@pytest.mark.parametrize("name", UNSEEDED)
def test_generator_without_a_seed_draws_the_same_and_is_a_condition(name: str) -> None:
    draw, conditions = UNSEEDED[name]

    def drawn() -> tuple[float, list[str]]:
        random_draws = RandomDraws()
        with random_draws.seeding():
            value = draw()
        return value, random_draws.conditions()

    first, second = drawn(), drawn()
    assert first == second
    assert first[1] == conditions


def test_generator_with_a_seed_of_its_own_keeps_it() -> None:
    random_draws = RandomDraws()
    expected = (random.Random(7).random(), np.random.default_rng(7).random())  # noqa: S311 - what models call
    with random_draws.seeding():
        assert (random.Random(7).random(), np.random.default_rng(7).random()) == expected  # noqa: S311 - what models call
    assert random_draws.conditions() == []
