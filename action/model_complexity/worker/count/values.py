"""Follow values that come from parameters, inputs and random numbers, and note where the model reads one.

What a model does after it has read such a value may depend on it: how many operators run, and on how large tensors.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Sequence, Set, Tuple

import torch

_MOST_NAMED = 3
_LONGEST_NAME = 60
_MASKED = frozenset(("index", "masked_select"))
"""Operators of which only masks decide the shape of the result, not what is indexed."""
_MASKS = (torch.bool, torch.uint8)
_NAMES = {"_local_scalar_dense": "item", "_unique2": "unique", "unique_dim": "unique", "index": "tensor[mask]"}


class ValueTracker:
    """The storages that hold values from parameters, inputs or random numbers, and which of those were read.

    Args:
        sources: parameters and inputs.
    """

    def __init__(self, sources: Iterable[torch.Tensor]) -> None:
        self._storages: Set[int] = set()
        self._reads: Dict[Tuple[str, str], None] = {}
        self.mark(address_of(tensor) for tensor in sources)

    def mark(self, addresses: Iterable[int]) -> None:
        """Follow more storages."""
        self._storages.update(addresses)
        self._storages.discard(0)

    def follow(self, addresses: Sequence[int], results: Sequence[int], *, depends: bool, is_random: bool) -> None:
        """Follow an operator from the storages of its arguments to those of its results.

        Args:
            addresses: of the arguments.
            results: of the results and of what is written to.
            depends: whether values of the results depend on values of the arguments, not on their shapes alone.
            is_random: whether the operator draws random numbers.
        """
        if is_random or (depends and not self._storages.isdisjoint(addresses)):
            self.mark(results)
        else:
            self._storages.difference_update(set(results).difference(addresses))  # the address of a tensor that is gone

    def read(self, name: str, tensors: Sequence[torch.Tensor], scope: str) -> None:
        """Note that an operator or function reads values of tensors.

        Args:
            name: of the operator without its namespace, or of the function.
            tensors: its arguments.
            scope: the module whose code ran it.
        """
        found = [tensor for tensor in tensors if address_of(tensor) in self._storages]
        if found and (name not in _MASKED or any(tensor.dtype in _MASKS for tensor in found)):
            self._reads[(_NAMES.get(name, name), scope)] = None

    def conditions(self, sentence: str = "depends on values read at run time") -> List[str]:
        """Return what to say about the reads beside the figures: at most one condition, a sentence with their names."""
        reads = [f"{_quoted(name)} in {_quoted(scope)}" if scope else _quoted(name) for name, scope in self._reads]
        if not reads:
            return []
        more = len(reads) - _MOST_NAMED
        named = ", ".join(reads[:_MOST_NAMED])
        return [f"{sentence}: {named}{f' and {more} more' if more > 0 else ''}"]


def address_of(tensor: torch.Tensor) -> int:
    """Return the address of a tensor's storage, 0 if it has none."""
    try:
        return int(tensor.untyped_storage().data_ptr())
    except (NotImplementedError, RuntimeError, ValueError):  # sparse, nested, lazy, or without memory
        return 0


def _quoted(name: str) -> str:
    """Return a name of the model's own as a short code span."""
    short = name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
    return "`{}`".format(short.replace("`", "'"))


def tensors_in(values: Iterable[Any]) -> List[torch.Tensor]:
    """Return the tensors in nested lists, tuples and dictionaries."""
    tensors: List[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            tensors.append(value)
        elif isinstance(value, (list, tuple)):
            tensors += tensors_in(value)
        elif isinstance(value, dict):
            tensors += tensors_in(value.values())
    return tensors
