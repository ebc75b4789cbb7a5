"""Count recurrent layers. Recurrent cells run as linear layers."""

from __future__ import annotations

from math import prod
from typing import Any, List

from model_complexity.worker.count.node import is_tensor_list, shape_of, shapes_in
from model_complexity.worker.count.registry import activations, flops

_RECURRENT = ("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu", "aten::_cudnn_rnn", "aten::miopen_rnn")


@flops(*_RECURRENT)
def recurrent_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count tokens × elements of all weight matrices, packed or not.

    Every weight matrix (G·H, I), (G·H, H), (proj, H) of the gates. Tokens are T·B of an input (T, B, I) or (B, T, I), or the
    rows of packed data (T', I). All layers and both directions are in the list of weights.

    Source: the equations of torch.nn.LSTM, torch.nn.GRU and torch.nn.RNN.
    """
    return _tokens(inputs) * sum(rows * columns for rows, columns in _matrices(inputs))


@activations(*_RECURRENT)
def recurrent_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the same matmuls: tokens × rows of all weight matrices."""
    return _tokens(inputs) * sum(rows for rows, _ in _matrices(inputs))


def _tokens(inputs: List[Any]) -> int:
    return prod(shape_of(inputs[0])[:-1])


def _matrices(inputs: List[Any]) -> List[List[int]]:
    # The weights are the last list of tensors in either overload (packed or not). Vectors are biases.
    weights = [value for value in inputs if is_tensor_list(value)][-1]
    return [shape for shape in shapes_in(weights) if len(shape) == 2]
