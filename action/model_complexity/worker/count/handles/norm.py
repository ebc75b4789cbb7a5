"""Count norms."""

from __future__ import annotations

from typing import Any, List

from fvcore.nn.jit_handles import batchnorm_flop_jit

from model_complexity.worker.count.node import elements
from model_complexity.worker.count.registry import flops


@flops("aten::layer_norm", "aten::native_layer_norm")
def layer_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 5 for each element, 4 without weight.

    Source: fvcore's, without its limit of five dimensions.
    """
    return elements(inputs[0]) * (5 if inputs[2].isCompleteTensor() else 4)


@flops("aten::native_group_norm")
def group_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 5 for each element, 4 without weight.

    Source: as fvcore's group_norm.
    """
    return elements(inputs[0]) * (5 if inputs[1].isCompleteTensor() else 4)


@flops("aten::native_batch_norm", "aten::cudnn_batch_norm", "aten::miopen_batch_norm", "aten::_native_batch_norm_legit")
def batch_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 2 for each element, 1 without weight; 5 and 4 where statistics are computed.

    Source: as fvcore's batch_norm.
    """
    count: int = batchnorm_flop_jit(inputs, outputs)
    return count


@flops("aten::_native_batch_norm_legit_no_training", "aten::_batch_norm_no_update")
@flops("quantized::batch_norm", "quantized::batch_norm1d", "quantized::batch_norm2d", "quantized::batch_norm3d")
@flops("aten::quantized_batch_norm")
def fixed_batch_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 2 for each element, 1 without weight.

    Source: as fvcore's batch_norm.
    """
    return elements(inputs[0]) * (2 if inputs[1].isCompleteTensor() else 1)


@flops("aten::_batch_norm_with_update", "aten::_batch_norm_with_update_functional")
def updating_batch_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 5 for each element, 4 without weight: it computes statistics.

    Source: as fvcore's batch_norm.
    """
    return elements(inputs[0]) * (5 if inputs[1].isCompleteTensor() else 4)


@flops("aten::rms_norm", "aten::_fused_rms_norm")
def rms_norm_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 3 for each element, 2 without weight.

    Source: layer_norm without the mean and its subtraction.
    """
    return elements(inputs[0]) * (3 if inputs[2].isCompleteTensor() else 2)
