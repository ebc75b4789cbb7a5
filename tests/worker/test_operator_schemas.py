"""Every operator that torch declares is counted, negligible, taken apart, or named with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch

from model_complexity.worker.count.analysis import FVCORE_ACTIVATIONS, FVCORE_FLOPS
from model_complexity.worker.count.handles import ACTIVATION_HANDLES, FLOP_HANDLES
from model_complexity.worker.count.operators import Operator
from model_complexity.worker.count.registry import REASONS

NAMESPACES = ("aten", "prims", "quantized")
OF_TORCHS_TESTS = ("aten::_test_", "aten::_foobar")
HANDLED = frozenset([*FVCORE_FLOPS, *FVCORE_ACTIVATIONS, *FLOP_HANDLES, *ACTIVATION_HANDLES])
PRODUCT = re.compile(r"mm|mv(?!l)|conv|matmul|attention|linear|lstm|gru|rnn|dot|[cp]dist|einsum|inner|trilinear")
"""What the names of products have in them."""
NO_PRODUCT = re.compile(
    r"convert|cumm|dummy|flatten|gamma|hamming|packed_weight|prepack|reorder|_thnn_fused|unpack|upsample"
)
"""What other names have in them that sound so. ``_thnn_fused`` is what is left of a cell without its products."""


def _operators() -> Iterator[tuple[str, Operator]]:
    for schema in torch._C._jit_get_all_schemas():
        namespace, _, name = schema.name.partition("::")
        if namespace not in NAMESPACES or schema.name.startswith(OF_TORCHS_TESTS):
            continue
        try:
            overload = getattr(getattr(getattr(torch.ops, namespace), name), schema.overload_name or "default")
            yield schema.name, Operator(overload, HANDLED)
        except (AttributeError, RuntimeError):
            continue  # of torch.jit alone: the dispatcher does not have it


def test_every_operator_is_counted_negligible_or_named_with_a_reason() -> None:
    operators = list(_operators())
    known = [
        name
        for name, operator in operators
        if operator.is_handled
        or operator.is_negligible
        or operator.is_bookkeeping
        or operator.is_composed
        or operator.kind in REASONS
    ]
    assert len(known) > 2_000
    assert sorted({name for name, _ in operators} - set(known)) == []


def test_no_product_is_negligible() -> None:
    negligible = {name for name, operator in _operators() if operator.is_negligible}
    assert sorted(name for name in negligible if PRODUCT.search(name) and not NO_PRODUCT.search(name)) == []
