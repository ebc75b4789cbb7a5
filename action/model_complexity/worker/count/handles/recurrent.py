"""Count recurrent layers. Recurrent cells run as linear layers."""

from __future__ import annotations

from math import prod
from typing import Any, List

from model_complexity.worker.count.node import is_tensor_list, shape_of, shapes_in
from model_complexity.worker.count.registry import activations, flops

_RECURRENT = (
    *("aten::lstm", "aten::gru", "aten::rnn_tanh", "aten::rnn_relu"),
    *("aten::_cudnn_rnn", "aten::miopen_rnn", "aten::_lstm_mps"),
)


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


@flops("aten::quantized_lstm", "aten::quantized_gru")
def quantized_recurrent_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count tokens × elements of all weight matrices, which are packed into cells.

    Source: torch.ao.nn.quantized.dynamic.LSTM, torch.ao.nn.quantized.dynamic.GRU.
    """
    return _tokens(inputs) * sum(rows * columns for rows, columns in _packed_matrices(inputs))


@activations("aten::quantized_lstm", "aten::quantized_gru")
def quantized_recurrent_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the same matmuls: tokens × rows of all weight matrices."""
    return _tokens(inputs) * sum(rows for rows, _ in _packed_matrices(inputs))


@flops("aten::mkldnn_rnn_layer")
def recurrent_layer_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count tokens × elements of the two weight matrices, which are the second and third input.

    Source: as a layer of torch.nn.LSTM or torch.nn.GRU.
    """
    return _tokens(inputs) * sum(prod(shape_of(weight)) for weight in inputs[1:3])


@activations("aten::mkldnn_rnn_layer")
def recurrent_layer_activations(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the outputs of the same matmuls."""
    return _tokens(inputs) * sum(shape_of(weight)[0] for weight in inputs[1:3])


@flops("aten::_cudnn_rnn_backward", "aten::miopen_rnn_backward")
def recurrent_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the layers twice: once for the gradient of what goes in, and once for that of the weights.

    Source: the equations of torch.nn.LSTM, torch.nn.GRU and torch.nn.RNN.
    """
    return 2 * recurrent_flops(inputs[:2], outputs)


@flops("aten::lstm_mps_backward")
def recurrent_mps_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the layers twice, as other gradients of recurrent layers. The input is the sixth, the weights the last list.

    Source: the equations of torch.nn.LSTM.
    """
    return 2 * recurrent_flops(inputs[5:], outputs)


@flops("aten::mkldnn_rnn_layer_backward")
def recurrent_layer_backward_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the layer twice: once for the gradient of what goes in, and once for that of the weights.

    Source: as a layer of torch.nn.LSTM or torch.nn.GRU.
    """
    return 2 * recurrent_layer_flops(inputs, outputs)


def _tokens(inputs: List[Any]) -> int:
    return prod(shape_of(inputs[0])[:-1])


def _matrices(inputs: List[Any]) -> List[List[int]]:
    # The weights are the last list of tensors in either overload (packed or not). Vectors are biases.
    weights = [value for value in inputs if is_tensor_list(value)][-1]
    return [shape for shape in shapes_in(weights) if len(shape) == 2]


def _packed_matrices(inputs: List[Any]) -> List[List[int]]:
    cells = [cell for value in inputs for cell in value.inputs() if cell.inputs()]
    matrices = [shape for cell in cells for shape in shapes_in(cell) if len(shape) == 2]
    if not matrices:
        raise TypeError("no packed weights")
    return matrices
