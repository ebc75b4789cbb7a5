"""Draw the same random numbers in every run, and say where a model draws any outside of torch."""

from __future__ import annotations

import contextlib
import functools
import random
import sys
from typing import Any, Callable, Dict, Iterator, List

import torch

from model_complexity.worker.patch import patch_attribute

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

    @contextlib.contextmanager
    def seeding(self) -> Iterator[None]:
        """Give the seed to the generators that the model makes, or seeds again, without one: those draw it at random."""
        unseeded = [("random", random, "seed", 0), ("random", random.Random, "seed", 1)]
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            unseeded += [("numpy.random", numpy.random, name, 0) for name in ("seed", "default_rng")]
        with contextlib.ExitStack() as stack:
            for name, owner, function, place in unseeded:
                seeded = self._seeded(name, getattr(owner, function), place)
                stack.enter_context(patch_attribute(owner, function, seeded))
            for owner in (torch, torch.random):
                stack.enter_context(patch_attribute(owner, "seed", _seed_torch))
            yield

    def _seeded(self, name: str, function: Callable[..., Any], place: int) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            kwargs = {keyword: value for keyword, value in kwargs.items() if value is not None}
            if not kwargs and all(value is None for value in args[place : place + 1]):
                self._drawn[name] = None
                args = (*args[:place], SEED, *args[place + 1 :])
            return function(*args, **kwargs)

        return run

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


def _seed_torch() -> int:
    torch.manual_seed(SEED)
    return SEED


def _states() -> Dict[str, Any]:
    states: Dict[str, Any] = {"random": random.getstate()}
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        kind, keys, *rest = numpy.random.get_state()
        states["numpy.random"] = (kind, keys.tobytes(), *rest)
    return states
