"""Count matrix products and contractions."""

from __future__ import annotations

from math import prod
from typing import Any, List, Sequence

from model_complexity.worker.count.einsum import chain_macs, einsum_macs
from model_complexity.worker.count.node import elements, numbers_in, shape_of, shapes_in
from model_complexity.worker.count.registry import flops, product_flops


@product_flops("aten::addbmm", operand=1, summed=(0, -1))
@product_flops("aten::_addmm_activation", "aten::addmv", "aten::baddbmm", operand=1)
@product_flops("aten::dot", "aten::vdot", "aten::inner", "aten::affine_grid_generator")
@product_flops("aten::matmul", "aten::linalg_matmul", "aten::mm", "aten::mv")
def matmul_flops(inputs: List[Any], outputs: List[Any], *, operand: int = 0, summed: Sequence[int] = (-1,)) -> int:
    """Count elements of the output × length of the summed dimensions.

    (…, M, K) @ (…, K, N) gives …·M·N·K with the leading dimensions of the *output*, so a broadcast operand counts as often
    as it is used. fvcore's ``aten::matmul`` takes the first operand's leading dimensions and raises for a vector on the right.

    Args:
        inputs: of the node.
        outputs: of the node.
        operand: position of an input that has the summed dimensions.
        summed: those dimensions of that input.

    Source: the definition, torch.matmul.
    """
    shape = shape_of(inputs[operand])
    return elements(outputs[0]) * prod(shape[dimension] for dimension in summed)


@product_flops("aten::linalg_vecdot")
def vecdot_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count elements of the output × length of ``dim``.

    Source: torch.linalg.vecdot.
    """
    (dimension,) = numbers_in(inputs[2])
    return elements(outputs[0]) * max(shape_of(operand)[int(dimension)] for operand in inputs[:2])


@product_flops("aten::tensordot")
def tensordot_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count elements of the output × sizes of ``dims_a``.

    Source: torch.tensordot.
    """
    shape = shape_of(inputs[0])
    return elements(outputs[0]) * prod(shape[int(dimension)] for dimension in numbers_in(inputs[2]))


@product_flops("aten::linalg_multi_dot", "aten::chain_matmul")
def multi_dot_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the cheapest order of products.

    See ``chain_macs``.

    Source: torch.linalg.multi_dot.
    """
    return chain_macs(shapes_in(inputs[0]))


@product_flops("aten::einsum")
def einsum_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count each contracted pair: the product of its index sizes.

    See ``einsum_macs``. fvcore takes the number from the text of numpy's report, which has four digits, fails on repeated
    indices and on an ellipsis over broadcast shapes, and allocates arrays of the operands' sizes.

    Source: torch.einsum, from left to right or along the recorded path.
    """
    path = numbers_in(inputs[2]) if len(inputs) > 2 else []
    return einsum_macs(inputs[0].toIValue(), shapes_in(inputs[1]), path)


@product_flops("aten::bilinear")
def bilinear_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count x1ᵀ·A·x2 for x1 (…, I), x2 (…, J), A (O, I, J): …·O·I·J + …·O·J.

    Source: torch.nn.Bilinear.
    """
    _, first, second = shape_of(inputs[2])
    return elements(outputs[0]) * (first * second + second)


@flops("aten::cdist")
def cdist_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count …·P·R·M for (…, P, M) against (…, R, M).

    One subtract-and-accumulate for each pair and feature.

    Source: torch.cdist.
    """
    return elements(outputs[0]) * shape_of(inputs[0])[-1]
