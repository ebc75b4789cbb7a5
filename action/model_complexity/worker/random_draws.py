"""Draw the same random numbers in every run, and say where a model draws any outside of torch."""

from __future__ import annotations

import random
import sys
from typing import Any, Dict, List

import torch

SEED = 0


class RandomDraws:
    """Seeds the generators of Python, numpy and torch, and knows which of the first two were drawn from.

    Random tensors are followed by ``count.values``: only if a model reads one does a figure depend on it.
    """

    def __init__(self) -> None:
        self._drawn: Dict[str, None] = {}
        self._seed()

    def seed_again(self) -> None:
        """Seed the generators again: what was drawn so far must not decide what is drawn next."""
        self._look()
        self._seed()

    def conditions(self) -> List[str]:
        """Return what to say beside the figures: at most one condition."""
        self._look()
        names = " and ".join(f"`{name}`" for name in self._drawn)
        return [f"depends on seeded random choices: {names}"] if names else []

    def _seed(self) -> None:
        random.seed(SEED)
        torch.default_generator.manual_seed(SEED)  # torch.manual_seed formats a stack for each kind of device
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(SEED)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed(SEED)
        self._states = _states()

    def _look(self) -> None:
        self._drawn.update((name, None) for name, state in _states().items() if state != self._states[name])


def _states() -> Dict[str, Any]:
    states: Dict[str, Any] = {"random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        states["numpy.random"] = (kind, keys.tobytes(), *rest)
    return states
