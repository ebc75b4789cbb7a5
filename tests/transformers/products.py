"""What the tests of whole models share: sizes, and the multiply-accumulates of a layer's products by hand."""

from __future__ import annotations

from typing import Any

NORMS = frozenset(("adaptive_avg_pool2d", "group_norm", "layer_norm"))
"""Counted operators that are no products."""

LAYERS, HEADS, WIDTH, HIDDEN = 2, 4, 64, 96
HEAD = WIDTH // HEADS
"""Features of one head."""


def products(counts: dict[str, Any]) -> dict[str, int]:
    """Return the flops of matrix products, convolutions and attention, by operator."""
    return {name: flops for name, flops in counts["operators"].items() if name not in NORMS}


def attention_layer(queries: int, keys: int, width: int = WIDTH, hidden: int = HIDDEN) -> int:
    """Return the linear layers of a plain encoder layer: query and output, key and value, and two of the MLP."""
    return queries * 2 * width * width + keys * 2 * width * width + queries * 2 * width * hidden


def scores(queries: int, keys: int, heads: int = HEADS, head: int = HEAD) -> int:
    """Return the two products of attention: queries with keys, and their scores with values."""
    return heads * queries * keys * (head + head)
