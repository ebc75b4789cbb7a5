"""What torchinfo's fixtures try, reused and odd layers, with models and hand counts of ours.

torchinfo's mult-adds come from the shape of each layer's parameters and output. Ours come from what ran: products without a
module count, additions of a bias do not, and norms cost what fvcore says. torchinfo counts the elements that pruning left;
here every element of a parameter counts. Both count a shared parameter once.
"""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import prune
from torch.nn.utils.rnn import pack_padded_sequence

from tests.worker.peers import MODES, Computation, figures, measured, rows

both_modes = pytest.mark.parametrize("mode", MODES)
ROW = torch.ones(2, 6)


def _siamese(trunk: nn.Module, head: nn.Module, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    return head((trunk(left).flatten(1) - trunk(right).flatten(1)).abs()).sigmoid()


@both_modes
def test_siamese_net_counts_its_trunk_twice(mode: str) -> None:
    counts = measured(
        mode,
        lambda: Computation(
            _siamese, trunk=nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2)), head=nn.Linear(36, 1)
        ),
        torch.rand(2, 1, 8, 8),
        torch.rand(2, 1, 8, 8),
    )
    trunk, head = 2 * (2 * 36 * 4 * 9), 2 * 36
    assert rows(counts) == {
        "": trunk + head,
        "trunk": trunk,
        "trunk.0": trunk,
        "trunk.1": 0,
        "trunk.2": 0,
        "head": head,
    }
    assert figures(counts) == (trunk + head, 40 + 37, 2 * 2 * 4 * 36 + 2)


@both_modes
@pytest.mark.parametrize(("scalar", "channels", "uncalled"), [(5, 8, "narrow"), (4, 2, "wide")])
def test_branch_by_a_number_counts_the_layer_that_ran(mode: str, scalar: int, channels: int, uncalled: str) -> None:
    def compute(wide: nn.Module, narrow: nn.Module, image: torch.Tensor, scalar: int) -> torch.Tensor:
        return wide(image) if scalar == 5 else narrow(image)

    counts = measured(
        mode,
        lambda: Computation(compute, wide=nn.Conv2d(3, 8, 3), narrow=nn.Conv2d(3, 2, 3)),
        torch.rand(1, 3, 6, 6),
        scalar,
    )
    assert (figures(counts), counts["uncalled_modules"]) == ((16 * channels * 27, 224 + 56, 16 * channels), [uncalled])


@both_modes
@pytest.mark.parametrize(("layer", "kernel", "uncalled"), [("conv", 3, "point"), ("point", 1, "conv")])
def test_module_dictionary_counts_the_layer_that_ran(mode: str, layer: str, kernel: int, uncalled: str) -> None:
    def compute(layers: nn.ModuleDict, image: torch.Tensor, name: str) -> torch.Tensor:
        return layers[name](image)

    counts = measured(
        mode,
        lambda: Computation(
            compute, layers=nn.ModuleDict({"conv": nn.Conv2d(4, 4, 3, padding=1), "point": nn.Conv2d(4, 4, 1)})
        ),
        torch.rand(1, 4, 5, 5),
        layer,
    )
    flops = 25 * 16 * kernel * kernel
    assert rows(counts) == {"": flops, "layers": flops, f"layers.{layer}": flops}
    assert counts["uncalled_modules"] == [f"layers.{uncalled}"]


@both_modes
def test_recurrent_layers_count_their_products(mode: str) -> None:
    def compute(embedding: nn.Module, lstm: nn.Module, decoder: nn.Module, tokens: torch.Tensor) -> Any:
        output, state = lstm(embedding(tokens))
        return decoder(output).flatten(0, 1), state

    counts = measured(
        mode,
        lambda: Computation(
            compute, embedding=nn.Embedding(11, 6), lstm=nn.LSTM(6, 5, num_layers=2), decoder=nn.Linear(5, 11)
        ),
        torch.ones(4, 3, dtype=torch.int64),
    )
    lstm = 12 * (20 * 6 + 20 * 5 + 20 * 5 + 20 * 5)  # four gates of input and state, in two layers, for twelve tokens
    assert rows(counts) == {"": lstm + 12 * 55, "embedding": 0, "lstm": lstm, "decoder": 12 * 55}


@both_modes
def test_recurrent_cell_counts_each_of_its_steps(mode: str) -> None:
    def compute(cell: nn.Module, project: nn.Module, features: torch.Tensor) -> torch.Tensor:
        state = (torch.randn(2, 4), torch.randn(2, 4))
        for _ in range(3):
            state = cell(features, state)
        return project(state[0])

    cell, project = 3 * 2 * 16 * (6 + 4), 2 * 24
    assert rows(measured(mode, lambda: Computation(compute, cell=nn.LSTMCell(6, 4), project=nn.Linear(4, 6)), ROW)) == {
        "": cell + project,
        "cell": cell,
        "project": project,
    }


def test_packed_sequence_counts_its_tokens_in_a_real_run() -> None:
    def compute(lstm: nn.Module, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        _, (state, _) = lstm(pack_padded_sequence(features, lengths))
        return state[-1]

    counts = measured(
        "real", lambda: Computation(compute, lstm=nn.LSTM(6, 5)), torch.rand(4, 3, 6), torch.tensor([4, 2, 1])
    )
    assert counts["operators"] == {"lstm": (4 + 2 + 1) * (20 * 6 + 20 * 5)}


@both_modes
def test_layer_that_is_reused_counts_each_call(mode: str) -> None:
    def build() -> nn.Module:
        linear = nn.Linear(6, 6)
        return nn.Sequential(*[linear, nn.ReLU()] * 4)

    counts = measured(mode, build, ROW)
    assert (figures(counts), rows(counts)["0"]) == ((4 * 72, 42, 4 * 12), 4 * 72)


@both_modes
def test_activation_that_is_shared_across_blocks_costs_nothing(mode: str) -> None:
    activation = nn.ReLU()
    counts = measured(
        mode,
        lambda: nn.Sequential(
            *[nn.Sequential(nn.Linear(6, 6), activation, nn.Linear(6, 6), activation) for _ in range(3)]
        ),
        ROW,
    )
    assert figures(counts) == (6 * 72, 6 * 42, 6 * 12)


@both_modes
def test_sequential_that_is_called_and_iterated_counts_both(mode: str) -> None:
    def compute(layers: nn.Sequential, between: nn.Module, features: torch.Tensor) -> torch.Tensor:
        features = between(layers(features))
        for layer in layers:
            features = layer(features)
        return features

    assert rows(measured(mode, lambda: Computation(
        compute, layers=nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6)), between=nn.Linear(6, 6)
    ), ROW)) == {
        "": 5 * 72, "layers": 4 * 72, "layers.0": 2 * 72, "layers.1": 2 * 72, "between": 72
    }  # fmt: skip


@both_modes
def test_list_with_a_missing_layer_counts_the_others(mode: str) -> None:
    def compute(layers: nn.ModuleList, features: torch.Tensor) -> torch.Tensor:
        for layer in layers:
            features = features if layer is None else layer(features)
        return features

    counts = measured(
        mode, lambda: Computation(compute, layers=nn.ModuleList([nn.Linear(6, 6), None, nn.Linear(6, 5)])), ROW
    )
    assert rows(counts) == {"": 132, "layers": 132, "layers.0": 72, "layers.2": 60}


@both_modes
def test_convolutions_with_padding_by_name_count_in_nested_dictionaries(mode: str) -> None:
    def compute(block: nn.ModuleDict, image: torch.Tensor) -> torch.Tensor:
        for place in (1, 2):
            image = block[f"norm{place}"](block[f"conv{place}"](image)).relu()
        return image

    def build() -> nn.Module:
        block = nn.ModuleDict()
        for place in (1, 2):
            block[f"conv{place}"] = nn.Conv2d(4, 4, 3, padding="same", dilation=2**place)
            block[f"norm{place}"] = nn.BatchNorm2d(4)
        return Computation(compute, block=block)

    counts = measured(mode, build, torch.rand(1, 4, 6, 6))
    conv, norm = 36 * 16 * 9, 2 * 144
    assert rows(counts) == {
        "": 2 * (conv + norm), "block": 2 * (conv + norm),
        "block.conv1": conv, "block.norm1": norm, "block.conv2": conv, "block.norm2": norm,
    }  # fmt: skip
    assert counts["activations"] == 2 * 144


@both_modes
def test_unpooling_by_indices_counts_the_convolutions_around_it(mode: str) -> None:
    def compute(encoder: nn.Module, decoder: nn.Module, image: torch.Tensor) -> torch.Tensor:
        features = encoder(image)
        pooled, places = functional.max_pool2d(features, 2, return_indices=True)
        return decoder(functional.max_unpool2d(pooled, places, 2, output_size=features.shape))

    counts = measured(
        mode,
        lambda: Computation(compute, encoder=nn.Conv2d(3, 8, 3, padding=1), decoder=nn.Conv2d(8, 3, 3, padding=1)),
        torch.rand(1, 3, 16, 16),
    )
    assert rows(counts) == {"": 2 * 55_296, "encoder": 55_296, "decoder": 55_296}


@both_modes
def test_scripted_layers_count_as_plain_ones(mode: str) -> None:
    image = torch.rand(1, 1, 6, 6)
    expected = measured(mode, lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(64, 5)), image)
    counts = measured(
        mode, lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), torch.jit.script(nn.Linear(64, 5))), image
    )
    assert (figures(counts), rows(counts)) == (figures(expected), rows(expected))
    assert rows(counts) == {"": 576 + 320, "0": 576, "1": 0, "2": 320}


@both_modes
def test_lazy_layers_count_the_params_that_the_pass_gives_them(mode: str) -> None:
    counts = measured(
        mode, lambda: nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5)), torch.rand(1, 3, 6, 6)
    )
    assert figures(counts) == (16 * 4 * 27 + 64 * 5, 112 + 325, 64 + 5)


class Parameters(nn.Module):
    """Parameters of its own, in every form, next to a product with one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.ones(6, 4))
        self.listed = nn.ParameterList([nn.Parameter(torch.ones(3, 5)), nn.Parameter(torch.ones(7))])
        self.named = nn.ParameterDict({"scale": nn.Parameter(torch.ones(4))})
        self.register_parameter("nothing", None)
        self.frozen = nn.Parameter(torch.ones(9), requires_grad=False)
        self.register_buffer("buffer", torch.ones(100))
        self.plain = torch.ones(1_000)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return torch.mm(features, self.matrix) * self.named["scale"]


@both_modes
def test_parameters_of_every_form_count_and_buffers_do_not(mode: str) -> None:
    counts = measured(mode, Parameters, ROW)
    assert figures(counts) == (48, 24 + 15 + 7 + 4 + 9, 8)


@both_modes
def test_tied_weight_counts_once(mode: str) -> None:
    def build() -> nn.Module:
        model = nn.Sequential(nn.Embedding(20, 6), nn.Linear(6, 20, bias=False))
        model[1].weight = model[0].weight
        return model

    counts = measured(mode, build, torch.ones(2, 3, dtype=torch.int64))
    assert (figures(counts), rows(counts)) == ((6 * 120, 120, 120), {"": 720, "0": 0, "1": 720})


def test_pruned_layer_counts_every_element_unlike_torchinfo() -> None:
    def build() -> nn.Module:
        layer = nn.Linear(6, 4)
        prune.random_unstructured(layer, "weight", 0.5)
        return layer

    assert figures(measured("real", build, ROW)) == (48, 28, 8)


def _convolves_halves() -> bool:
    with contextlib.suppress(RuntimeError):
        return bool(functional.conv2d(torch.ones(1, 1, 2, 2).half(), torch.ones(1, 1, 1, 1).half()).sum())
    return False


needs_halves = pytest.mark.skipif(not _convolves_halves(), reason="this torch has no convolution of halves on the CPU")


@both_modes
@pytest.mark.parametrize("dtype", [pytest.param(torch.float16, marks=needs_halves), torch.bfloat16, torch.float64])
def test_precision_changes_no_figure(mode: str, dtype: torch.dtype) -> None:
    counts = measured(
        mode,
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 5)).to(dtype),
        torch.rand(1, 3, 6, 6, dtype=dtype),
    )
    assert figures(counts) == (16 * 4 * 27 + 64 * 5, 112 + 325, 64 + 5)


@both_modes
def test_tensor_attribute_of_a_layer_changes_no_figure(mode: str) -> None:
    def build() -> nn.Module:
        layer = nn.Conv1d(2, 3, 3)
        layer.kernel_size = torch.tensor(3)
        return nn.Sequential(layer)

    assert figures(measured(mode, build, torch.rand(1, 2, 8))) == (6 * 3 * 6, 21, 18)


@both_modes
def test_hooks_of_the_model_count_for_their_module(mode: str) -> None:
    def build() -> nn.Module:
        model = nn.Sequential(nn.Linear(6, 4), nn.Linear(4, 4))
        model[0].register_forward_hook(lambda module, inputs, output: output @ output.T @ output)
        return model

    # the products of the hook: (2, 4) with (4, 2), then (2, 2) with (2, 4)
    assert rows(measured(mode, build, ROW)) == {"": 48 + 32 + 32, "0": 48 + 32, "1": 32}
