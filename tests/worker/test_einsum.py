"""Contractions of several tensors against counts by hand: einsum and chains of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from model_complexity.worker.count.einsum import chain_macs, einsum_macs
from tests.worker.counted import counted, take


@pytest.mark.parametrize(
    ("equation", "shapes", "macs"),
    [
        (
            "abc,abd->acd",
            [(3, 77, 131), (3, 77, 119)],
            3 * 77 * 131 * 119,
        ),  # fvcore reads 7.202e+06 from numpy's report
        ("nchw,nkc->nkhw", [(2, 3, 4, 5), (2, 6, 3)], 2 * 3 * 4 * 5 * 6),
        ("...ij,...jk", [(2, 3, 4), (7, 1, 4, 5)], 7 * 2 * 3 * 4 * 5),  # an ellipsis broadcasts, an output is implied
        ("...ij,jk->...ik", [(8, 2, 3, 4), (4, 5)], 8 * 2 * 3 * 4 * 5),
        ("ba,ca", [(2, 3), (4, 3)], 2 * 3 * 4),
        ("Ij , jK -> IK", [(2, 3), (3, 4)], 2 * 3 * 4),
        ("ii,ij->j", [(3, 3), (3, 4)], 3 * 4),  # the diagonal of the first
        ("ij,jk->k", [(9, 3), (3, 4)], 3 * 4),  # i is summed away before the product
        ("i,j->ij", [(3,), (4,)], 3 * 4),  # one multiplication each
        ("ij->ji", [(3, 4)], 0),
        ("ij->", [(3, 4)], 0),
        ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 5)], 2 * 3 * 4 + 2 * 4 * 5),  # from left to right
        ("bi,i,bj->j", [(2, 3), (3,), (2, 4)], 2 * 3 + 2 * 4),
        ("...,...->...", [(2, 1), (2, 5)], 2 * 5),
    ],
)
def test_einsum(equation: str, shapes: Sequence[Sequence[int]], macs: int) -> None:
    assert einsum_macs(equation, shapes) == macs
    if macs:
        operands = [torch.rand(tuple(shape)) for shape in shapes]
        output = torch.einsum(equation, *operands)

        def compute(image: torch.Tensor) -> torch.Tensor:
            return torch.einsum(equation, *(take(image.repeat(1, 1, 4, 4), *shape) for shape in shapes))

        assert counted(compute) == (macs, output.numel())


def test_einsum_contracts_in_the_order_of_the_path() -> None:
    def compute(image: torch.Tensor) -> Any:
        operands = (take(image, 2, 3), take(image, 3, 4), take(image, 4, 5))
        return torch._VF.einsum("ij,jk,kl->il", operands, path=(1, 2, 0, 1))

    assert counted(compute) == (3 * 4 * 5 + 2 * 3 * 5, 2 * 5)


@pytest.mark.parametrize(
    ("shapes", "macs"),
    [
        ([(2, 3), (3, 4)], 24),
        ([(10, 100), (100, 5), (5, 50)], 10 * 100 * 5 + 10 * 5 * 50),  # the textbook's example: 7,500 and not 75,000
        ([(3,), (3, 4), (4,)], 3 * 4 + 3),
    ],
)
def test_chain_macs_counts_the_cheapest_order(shapes: Sequence[Sequence[int]], macs: int) -> None:
    assert chain_macs(shapes) == macs
