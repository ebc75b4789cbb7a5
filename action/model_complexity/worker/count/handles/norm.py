"""Count norms."""

from __future__ import annotations

from typing import Any, List

from model_complexity.worker.count.node import elements
from model_complexity.worker.count.registry import flops


@flops("aten::layer_norm")
def layer_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 5 for each element, 4 without weight.

    Source: fvcore's, without its limit of five dimensions.
    """
    return elements(inputs[0]) * (5 if inputs[2].isCompleteTensor() else 4)


@flops("aten::rms_norm")
def rms_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 3 for each element, 2 without weight.

    Source: layer_norm without the mean and its subtraction.
    """
    return elements(inputs[0]) * (3 if inputs[2].isCompleteTensor() else 2)
