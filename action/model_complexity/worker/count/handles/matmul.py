"""Count matrix products and contractions."""

from __future__ import annotations

from math import prod
from typing import Any, List, Sequence

from model_complexity.worker.count.einsum import chain_macs, einsum_macs
from model_complexity.worker.count.node import elements, numbers_in, shape_of, shapes_in
from model_complexity.worker.count.registry import flops, product_flops


@product_flops("aten::addbmm", operand=1, summed=(0, -1))
@product_flops("aten::_addmm_activation", "aten::addmv", "aten::baddbmm", operand=1)
@product_flops("aten::sspaddmm", "aten::_sparse_addmm", operand=1)
@product_flops("aten::dot", "aten::vdot", "aten::affine_grid_generator", "aten::_sparse_mm_reduce_impl")
@product_flops("aten::cudnn_affine_grid_generator")
@product_flops("aten::matmul", "aten::linalg_matmul", "aten::mm", "aten::mv", "aten::mkldnn_linear")
@product_flops("aten::_sparse_sparse_matmul", "aten::hspmm", "aten::_int_mm", "aten::_scaled_mm", "aten::_scaled_mm_v2")
@product_flops("aten::_weight_int8pack_mm", "aten::_weight_int4pack_mm", "aten::_weight_int4pack_mm_for_cpu")
@product_flops("aten::_weight_int4pack_mm_with_scales_and_zeros", "aten::_dyn_quant_matmul_4bit")
@product_flops("aten::_mixed_dtypes_linear")
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


@product_flops("aten::inner")
def inner_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count elements of the output × length of the last dimension, 1 for each where one operand is a number.

    Source: torch.inner.
    """
    operands = [shape_of(operand) for operand in inputs[:2]]
    return elements(outputs[0]) * (operands[0][-1] if all(operands) else 1)


@product_flops("aten::_foreach_mm")
def matmuls_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the sum of the products in two lists.

    Source: the definition, torch.mm.
    """
    return sum(matmul_flops([left], [output]) for left, output in zip(inputs[0].inputs(), outputs))


@product_flops("aten::_grouped_mm", "aten::_scaled_grouped_mm", "aten::_scaled_grouped_mm_v2")
def grouped_matmul_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count M·N·K over all groups, whichever of the three dimensions is divided into groups.

    Source: torch.nn.functional.grouped_mm.
    """
    left, right, output = shape_of(inputs[0]), shape_of(inputs[1]), shape_of(outputs[0])
    divides_k = len(left) == len(right) == 2
    return (prod(output[1:]) if divides_k and len(output) > len(left) else prod(output)) * left[-1]


@product_flops("aten::_sparse_semi_structured_linear", "aten::_cslt_sparse_mm")
def semi_structured_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count half of the dense product: two of four weights are stored.

    Source: torch.sparse.to_sparse_semi_structured.
    """
    return elements(outputs[0]) * shape_of(inputs[0 if len(shape_of(inputs[0])) > 1 else 1])[-1] // 2


@product_flops("aten::_sparse_semi_structured_addmm", operand=1)
@product_flops("aten::_sparse_semi_structured_mm", operand=0)
def compressed_flops(inputs: List[Any], outputs: List[Any], *, operand: int) -> int:
    """Count elements of the output × stored columns of a matrix of which two of four elements are stored.

    Source: torch.sparse.to_sparse_semi_structured.
    """
    return elements(outputs[0]) * shape_of(inputs[operand])[-1]


@product_flops("aten::sparse_sampled_addmm")
def sampled_matmul_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count K for each element that the sparse input stores, for (M, K) @ (K, N) at those places.

    Source: torch.sparse.sampled_addmm.
    """
    if inputs[0].nonzeros is None:
        raise TypeError("not a sparse tensor")
    stored: int = inputs[0].nonzeros
    return stored * shape_of(inputs[1])[-1]


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


@flops("aten::matmul_backward")
def matmul_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the product once for each operand that takes a gradient: gradient of the output, operands, mask.

    Source: the definition; each multiply-accumulate of the product has one for each of its two factors.
    """
    return elements(inputs[0]) * shape_of(inputs[1])[-1] * sum(map(bool, numbers_in(inputs[3])))


@flops("aten::linear_backward", "aten::mkldnn_linear_backward")
def linear_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the layer once for the gradient of its input, and once for that of its weight.

    Inputs: input, gradient of the output, weight, mask of input, weight and bias.

    Source: the definition; each multiply-accumulate of the layer has one for each of its two factors.
    """
    mask = numbers_in(inputs[3])
    return elements(inputs[1]) * shape_of(inputs[2])[-1] * (bool(mask[0]) + bool(mask[1]))


@product_flops("aten::mkldnn_linear_backward_input", gradient=1)
@product_flops("aten::mkldnn_linear_backward_weights", gradient=0)
def linear_gradient_flops(inputs: List[Any], outputs: List[Any], *, gradient: int) -> int:
    """Count the layer once: elements of the gradient of its output × input features, the weight is the third input.

    Source: the definition.
    """
    return elements(inputs[gradient]) * shape_of(inputs[2])[-1]


@flops("aten::_sparse_mm_reduce_impl_backward")
def sparse_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count columns for each stored element, once for each operand that takes a gradient.

    Inputs: sparse matrix, gradient of the output, weight, kind of reduction, chosen elements, mask.

    Source: torch.sparse.mm.
    """
    if inputs[0].nonzeros is None:
        raise TypeError("not a sparse tensor")
    return int(inputs[0].nonzeros) * shape_of(inputs[1])[-1] * sum(map(bool, numbers_in(inputs[5])))


@product_flops("aten::_compute_linear_combination")
def linear_combination_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count elements of the output × number of tensors that are combined.

    Source: torch.linalg.matrix_exp, whose part it is.
    """
    return elements(outputs[0]) * shape_of(inputs[1])[-1]


@product_flops("aten::_trilinear")
def trilinear_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count all indices of three expanded tensors, and once more those that are left when the third is multiplied.

    Inputs: three tensors, the dimensions along which each is expanded, the dimensions that are summed.

    Source: torch.nn.functional.bilinear, whose part it is.
    """
    shapes = [_expanded(shape_of(inputs[place]), numbers_in(inputs[place + 3])) for place in range(3)]
    sizes = [max(along) for along in zip(*shapes)]
    summed_before: int = prod(sizes[place] for place in numbers_in(inputs[6]) if shapes[2][place] == 1)
    total: int = prod(sizes)
    return total + total // max(summed_before, 1)


def _expanded(shape: Sequence[int], places: Sequence[int]) -> List[int]:
    sizes = list(shape)
    for place in places:
        sizes.insert(place, 1)
    return sizes


@product_flops("aten::bilinear")
def bilinear_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count x1ᵀ·A·x2 for x1 (…, I), x2 (…, J), A (O, I, J): …·O·I·J + …·O·J.

    Source: torch.nn.Bilinear.
    """
    _, first, second = shape_of(inputs[2])
    return elements(outputs[0]) * (first * second + second)


@product_flops("aten::cosine_similarity")
def cosine_similarity_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count elements of the output × length of ``dim``, as the dot products that they are.

    Broadcast operands (every token against every prototype) count as often as they are used.

    Source: torch.nn.functional.cosine_similarity.
    """
    (dimension,) = numbers_in(inputs[2])
    first, second = (shape_of(operand) for operand in inputs[:2])
    rank = max(len(first), len(second))
    place = int(dimension) - rank if dimension >= 0 else int(dimension)
    return elements(outputs[0]) * max(shape[place] if -place <= len(shape) else 1 for shape in (first, second))


@flops("aten::pairwise_distance")
def pairwise_distance_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count elements of the output × features.

    One subtract-and-accumulate for each pair and feature, as cdist.

    Source: torch.nn.functional.pairwise_distance.
    """
    return elements(outputs[0]) * max(shape_of(operand)[-1] for operand in inputs[:2])


@flops("aten::pdist", "aten::_pdist_forward", "aten::_euclidean_dist", "aten::_cdist_forward", "aten::cdist")
def cdist_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count …·P·R·M for (…, P, M) against (…, R, M), P·(P - 1)/2·M for one matrix against itself.

    One subtract-and-accumulate for each pair and feature.

    Source: torch.cdist, torch.nn.functional.pdist.
    """
    return elements(outputs[0]) * shape_of(inputs[0])[-1]


@flops("aten::_cdist_backward", operand=1, distances=4)
@flops("aten::_pdist_backward", operand=1, distances=3)
def cdist_backward_flops(inputs: List[Any], outputs: List[Any], *, operand: int, distances: int) -> int:
    """Count one multiply-accumulate for each distance and feature, as the distances cost.

    Source: torch.cdist, torch.nn.functional.pdist.
    """
    return elements(inputs[distances]) * shape_of(inputs[operand])[-1]
