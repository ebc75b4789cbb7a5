"""No product goes by unseen: torch's own samples of its operators, in place and written to given tensors too.

Each sample runs as a model. Its count is compared with the products that torch's flop counter sees in the parts of the same
call, and what is left uncounted must be a solver or a decomposition, by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any, NamedTuple

import pytest
import torch
from torch import nn
from torch.testing._internal.common_methods_invocations import op_db
from torch.utils._pytree import tree_flatten, tree_map
from torch.utils.flop_counter import FlopCounterMode

from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.dry_run import DataDependentError, dry_run, mark_uninitialized
from tests.worker.peers import Computation

if not hasattr(op_db[0], "full_name"):
    pytest.skip("this torch has other samples than the tables below name", allow_module_level=True)

# The samples' module freezes torch's global flags for the whole process. The other tests need them.
torch.backends.__allow_nonbracketed_mutation_flag = True

SAMPLES = 3
"""How many of an operator's samples run, the largest first."""
GPU_ONLY = {
    "jiterator_2inputs_2outputs",
    "jiterator_4inputs_with_extra_args",
    "jiterator_binary",
    "jiterator_binary_return_by_ref",
    "jiterator_unary",
    "nn.functional.batch_norm.without_cudnn",
    "torch.ops.aten._efficient_attention_forward",
    "torch.ops.aten._flash_attention_forward",
}
REFUSED = {
    ("_batch_norm_with_update", "out"),  # torch calls its outputs by other names
    ("abs", "in place"),  # of complex numbers is real
    ("as_strided.partial_views", "in place"),  # of what a copy no longer has
    ("as_strided.partial_views", "plain"),
    ("equal", "out"),  # returns no tensor
    ("float_power", "in place"),  # of single precision is double precision
    ("histogramdd", "out"),
    ("nonzero", "out"),  # as a tuple
}
"""Forms of samples that torch itself refuses."""
REAL_ONLY = {("nanquantile", "out"), ("quantile", "out")}
"""Forms that fail in a dry run, so that a real one follows: torch resizes the given tensor below its dispatcher."""
SOLVERS = frozenset(
    (
        *(
            "cholesky",
            "cholesky_inverse",
            "cholesky_solve",
            "geqrf",
            "logdet",
            "lu",
            "lu_solve",
            "lu_unpack",
            "matrix_exp",
        ),
        *("linalg.cholesky", "linalg.cholesky_ex", "linalg.cond", "linalg.det", "linalg.eig", "linalg.eigh"),
        *("linalg.eigvals", "linalg.eigvalsh", "linalg.householder_product", "linalg.inv", "linalg.inv_ex"),
        *(
            "linalg.ldl_factor",
            "linalg.ldl_factor_ex",
            "linalg.ldl_solve",
            "linalg.lstsq",
            "linalg.lstsq.grad_oriented",
        ),
        *("linalg.lu", "linalg.lu_factor", "linalg.lu_factor_ex", "linalg.lu_solve", "linalg.matrix_norm"),
        *("linalg.matrix_power", "linalg.matrix_rank", "linalg.matrix_rank.hermitian", "linalg.norm"),
        *(
            "linalg.norm.subgradients_at_zero",
            "linalg.pinv",
            "linalg.pinv.hermitian",
            "linalg.pinv.singular",
            "linalg.qr",
        ),
        *(
            "linalg.slogdet",
            "linalg.solve",
            "linalg.solve_ex",
            "linalg.solve_triangular",
            "linalg.svd",
            "linalg.svdvals",
        ),
        *("linalg.tensorinv", "linalg.tensorsolve", "norm.nuc", "ormqr", "pca_lowrank", "pinverse", "qr", "svd"),
        *("svd_lowrank", "triangular_solve"),
    )
)
"""Operators that are named as uncounted, and no others."""
COMPLEX_CONVOLUTION = 3
"""torch runs a convolution of complex numbers as three of real ones. Here a complex multiply-accumulate is one flop."""

_aten = torch.ops.aten


def _matrices(_: Any, left: Any, right: Any, **options: Any) -> int:
    return 2 * prod(left) * right[-1]


def _vector(_: Any, matrix: Any, vector: Any, **options: Any) -> int:
    return 2 * prod(matrix)


def _attention(query: Any, key: Any, value: Any, *arguments: Any, **options: Any) -> int:
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


MORE_PRODUCTS = {
    **dict.fromkeys((_aten.addmm_, _aten.baddbmm_, _aten.addbmm, _aten.addbmm_, _aten._addmm_activation), _matrices),
    **dict.fromkeys((_aten.addmv, _aten.addmv_), _vector),
    **dict.fromkeys((_aten.mv, _aten.dot, _aten.vdot), lambda left, right, **options: 2 * prod(left)),
    _aten._scaled_dot_product_flash_attention_for_cpu: _attention,
}
"""Products that torch's counter has no formula for."""


class Call(NamedTuple):
    """One form of one sample: a function of copies of its arguments."""

    form: str
    is_largest: bool
    run: Callable[[Any], Any]
    arguments: Any


def _copy(arguments: Any) -> Any:
    # Sparse tensors are not written to.
    return tree_map(
        lambda value: value.clone() if isinstance(value, torch.Tensor) and value.layout == torch.strided else value,
        arguments,
    )


def _tensors(arguments: Any) -> list[torch.Tensor]:
    return [value for value in tree_flatten(arguments)[0] if isinstance(value, torch.Tensor)]


def _calls(operator: Any, dtype: torch.dtype, samples: int) -> Iterator[Call]:
    found = list(operator.sample_inputs("cpu", dtype, requires_grad=False))
    found.sort(
        key=lambda sample: sum(tensor.numel() for tensor in _tensors((sample.input, sample.args, sample.kwargs)))
    )
    for place, sample in enumerate(found[: -samples - 1 : -1]):
        arguments = (sample.input, sample.args, sample.kwargs)
        yield Call("plain", place == 0, lambda given: operator.op(given[0], *given[1], **given[2]), arguments)
        if place == 0 and operator.inplace_variant is not None and not sample.broadcasts_input:
            yield Call(
                "in place",
                place == 0,
                lambda given: operator.inplace_variant(given[0], *given[1], **given[2]),
                arguments,
            )
        if place == 0 and operator.supports_out:
            result = operator.op(sample.input, *sample.args, **sample.kwargs)
            result = tuple(result) if isinstance(result, (list, tuple)) else result
            out = tree_map(lambda value: torch.empty_like(value) if isinstance(value, torch.Tensor) else value, result)
            given = (sample.input, sample.args, {**sample.kwargs, "out": out})
            yield Call("out", place == 0, lambda given: operator.op(given[0], *given[1], **given[2]), given)


def _all_calls(operator: Any) -> Iterator[tuple[Call, torch.dtype]]:
    real = torch.float32 if torch.float32 in operator.dtypes else sorted(operator.dtypes, key=str)[0]
    for dtype, samples in ((real, SAMPLES), (torch.complex64, 1)):
        if dtype in operator.dtypes:
            for call in _calls(operator, dtype, samples):
                yield call, dtype


def _products(call: Call) -> int:
    """The multiply-accumulates of the products that the parts of a call are."""
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=MORE_PRODUCTS) as counter:
        call.run(_copy(call.arguments))
    return counter.get_total_flops() // 2


def _counted(call: Call, *, dry: bool = False) -> dict[str, Any]:
    """Count a call. A linear layer of one flop goes before it, so that there is something to count; it is left out."""
    arguments = _copy(call.arguments)
    if dry:
        numbers = [value for value in _tensors(arguments) if value.is_floating_point() or value.is_complex()]
        mark_uninitialized([value for value in numbers if value.layout == torch.strided])
    torch.manual_seed(0)
    model = Computation(lambda anchor, one: (anchor(one), call.run(arguments)), anchor=nn.Linear(1, 1, bias=False))
    counts = count(model.eval(), (torch.ones(1, 1),))
    flops, anchor = (next(row for row in counts["modules"] if row["name"] == name) for name in ("", "anchor"))
    return {
        "flops": flops["figures"]["flops"] - anchor["figures"]["flops"],
        "activations": flops["figures"]["activations"] - anchor["figures"]["activations"],
        "uncounted": counts["unsupported_ops"]["uncounted"],
        "reasons": counts["unsupported_ops"]["reasons"],
    }


OPERATORS = {operator.full_name: operator for operator in op_db if operator.full_name not in GPU_ONLY}


def test_samples_cover_the_operators_of_torch() -> None:
    assert len(OPERATORS) > 600
    assert set(OPERATORS) > SOLVERS
    assert {name for name, _ in REFUSED} < set(OPERATORS)


def _dry(call: Call) -> dict[str, Any] | None:
    """Count a call in a dry run, None where its values decide."""
    with dry_run():
        try:
            return _counted(call, dry=True)
        except DataDependentError:
            return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", OPERATORS)
def test_operator_counts_its_products_or_is_a_solver_by_name(name: str) -> None:
    uncounted: set[str] = set()
    torch.manual_seed(0)
    for call, dtype in _all_calls(OPERATORS[name]):
        try:
            products = _products(call)
        except (AssertionError, RuntimeError, TypeError):
            if (name, call.form) in REFUSED:
                continue
            raise
        if dtype.is_complex and "conv" in name:
            products //= COMPLEX_CONVOLUTION
        counts = _counted(call)
        assert products in (0, counts["flops"]), f"{call.form}, {dtype}: {counts}"
        assert counts["reasons"] == dict.fromkeys(counts["uncounted"], "a solver or decomposition")
        uncounted.update(counts["uncounted"])
        if call.is_largest and (name, call.form) not in REAL_ONLY:
            assert _dry(call) in (None, counts), f"{call.form}, {dtype}"
    assert bool(uncounted) == (name in SOLVERS), uncounted
