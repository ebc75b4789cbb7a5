"""Decoders with their cache, against hand counts of their products."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    PreTrainedModel,
    T5Config,
    T5ForConditionalGeneration,
)

from model_complexity.worker.count.dry_run import DataDependentError
from tests.transformers.products import HEAD, HEADS, HIDDEN, LAYERS, WIDTH, attention_layer, products, scores
from tests.worker.peers import MODES, measured, rows

both_modes = pytest.mark.parametrize("mode", MODES)

WORDS, TOKENS = 40, 80
KEY_HEADS = 2
"""Heads of keys and values, which two heads of queries share."""
EXPERTS, CHOSEN = 4, 2
STATE, KERNEL = 8, 4
"""Of Mamba's scan and convolution."""
INNER, RANK = 2 * WIDTH, WIDTH // 16
SIZES = {"vocab_size": WORDS, "hidden_size": WIDTH, "num_hidden_layers": LAYERS}
IDS = torch.arange(TOKENS).reshape(1, TOKENS) % WORDS


class Continued(nn.Module):
    """A decoder that reads a text, and then one token more by its cache."""

    def __init__(self, decoder: PreTrainedModel) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, ids: torch.Tensor) -> Any:
        first = self.decoder(ids)
        return self.decoder(first.logits[:, -1:].argmax(-1), past_key_values=first.past_key_values)


def _llama() -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(**SIZES, intermediate_size=HIDDEN, num_attention_heads=HEADS, num_key_value_heads=KEY_HEADS)
    )


def _gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=WORDS, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, n_positions=TOKENS + 1)
    )


def _mixtral() -> PreTrainedModel:
    return MixtralForCausalLM(
        MixtralConfig(
            **SIZES,
            intermediate_size=HIDDEN,
            num_attention_heads=HEADS,
            num_key_value_heads=KEY_HEADS,
            num_local_experts=EXPERTS,
            num_experts_per_tok=CHOSEN,
        )
    )


def _mamba() -> PreTrainedModel:
    return MambaForCausalLM(MambaConfig(**SIZES, state_size=STATE, conv_kernel=KERNEL, time_step_rank=RANK))


def _t5() -> PreTrainedModel:
    return T5ForConditionalGeneration(
        T5Config(vocab_size=WORDS, d_model=WIDTH, d_kv=HEAD, d_ff=HIDDEN, num_layers=LAYERS, num_heads=HEADS)
    )


QUERIES = WIDTH * HEADS * HEAD + HEADS * HEAD * WIDTH
"""Linear layers of grouped attention for one token: query and output."""
KEYS = 2 * WIDTH * KEY_HEADS * HEAD
GATED = 3 * WIDTH * HIDDEN
"""Gate, up and down of a gated MLP for one token."""
LOGITS = WIDTH * WORDS
ROTATION = HEAD // 2
"""Frequencies of rotary positions for one token: a product of a column and a row."""


@both_modes
def test_llama_counts_its_products(mode: str) -> None:
    counts = measured(mode, _llama, IDS)
    layer = TOKENS * (QUERIES + KEYS + GATED)
    assert products(counts) == {
        "linear": LAYERS * layer + TOKENS * LOGITS,
        "scaled_dot_product_attention": LAYERS * scores(TOKENS, TOKENS),
        "matmul": TOKENS * ROTATION,
    }
    found = rows(counts)
    assert found["model.layers.0"] == found["model.layers.1"] == layer + scores(TOKENS, TOKENS)
    assert found["model.layers.1.mlp"] == TOKENS * GATED
    assert found["lm_head"] == TOKENS * LOGITS
    assert counts["conditions"] == []


@both_modes
def test_llama_counts_one_token_more_by_its_cache(mode: str) -> None:
    counts = measured(mode, lambda: Continued(_llama()), IDS)
    assert products(counts) == {
        "linear": (TOKENS + 1) * (LAYERS * (QUERIES + KEYS + GATED) + LOGITS),
        "scaled_dot_product_attention": LAYERS * (scores(TOKENS, TOKENS) + scores(1, TOKENS + 1)),
        "matmul": (TOKENS + 1) * ROTATION,
    }


class Generating(nn.Module):
    """A decoder that writes three tokens."""

    def __init__(self, decoder: PreTrainedModel) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, ids: torch.Tensor) -> Any:
        return self.decoder.generate(ids, max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0)


def test_generation_counts_each_token_that_it_writes() -> None:
    counts = measured("real", lambda: Generating(_llama()), IDS)
    read = TOKENS + 2  # the last of the three is written, not read
    assert products(counts) == {
        "linear": read * LAYERS * (QUERIES + KEYS + GATED) + 3 * LOGITS,
        "scaled_dot_product_attention": LAYERS
        * (scores(TOKENS, TOKENS) + scores(1, TOKENS + 1) + scores(1, TOKENS + 2)),
        "matmul": read * ROTATION,
    }
    assert [condition.partition(":")[0] for condition in counts["conditions"]] == ["depends on values read at run time"]


@both_modes
@pytest.mark.parametrize(
    ("build", "read", "attention"),
    [
        (_gpt2, TOKENS, scores(TOKENS, TOKENS)),
        (lambda: Continued(_gpt2()), TOKENS + 1, scores(TOKENS, TOKENS) + scores(1, TOKENS + 1)),
    ],
    ids=["a text", "one token more by its cache"],
)
def test_gpt2_counts_its_products(mode: str, build: Callable[[], nn.Module], read: int, attention: int) -> None:
    counts = measured(mode, build, IDS)
    # query, key and value in one; output; two layers of an MLP that is four times as wide
    assert products(counts) == {
        "addmm": LAYERS * read * (3 + 1 + 4 + 4) * WIDTH * WIDTH,
        "scaled_dot_product_attention": LAYERS * attention,
        "linear": read * LOGITS,
    }
    assert counts["conditions"] == []


def test_mixtral_counts_the_experts_that_ran() -> None:
    counts = measured("real", _mixtral, IDS)
    experts = TOKENS * CHOSEN * GATED
    assert products(counts) == {
        "linear": LAYERS * (TOKENS * (QUERIES + KEYS + WIDTH * EXPERTS) + experts) + TOKENS * LOGITS,
        "scaled_dot_product_attention": LAYERS * scores(TOKENS, TOKENS),
        "matmul": TOKENS * ROTATION,
    }
    found = rows(counts)
    for layer in range(LAYERS):
        each = [found.get(f"model.layers.{layer}.block_sparse_moe.experts.{place}", 0) for place in range(EXPERTS)]
        assert sum(each) == experts
        assert [flops % GATED for flops in each] == [0] * EXPERTS


def test_mixtral_says_that_its_figures_depend_on_values() -> None:
    (condition,) = measured("real", _mixtral, IDS)["conditions"]
    moe = "`model.layers.{}.block_sparse_moe`"
    assert condition == (
        f"depends on values read at run time: `nonzero` in {moe.format(0)}, `item` in {moe.format(0)}, "
        f"`nonzero` in {moe.format(1)} and 1 more"
    )


def test_mixtral_falls_to_a_real_run() -> None:
    with pytest.raises(DataDependentError):
        measured("dry", _mixtral, IDS)


class ContinuedScan(nn.Module):
    """Mamba, which reads a text, and then one token more by its state."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = _mamba()

    def forward(self, ids: torch.Tensor) -> Any:
        first = self.decoder(ids)
        token = first.logits[:, -1:].argmax(-1)
        return self.decoder(token, cache_params=first.cache_params, cache_position=torch.tensor([KERNEL]))


@both_modes
@pytest.mark.parametrize(
    ("build", "read"), [(_mamba, TOKENS), (ContinuedScan, TOKENS + 1)], ids=["a text", "one token more"]
)
def test_mamba_counts_its_scan(mode: str, build: Callable[[], nn.Module], read: int) -> None:
    counts = measured(mode, build, IDS)
    # input and gate; step, B and C; step; output
    layer = WIDTH * 2 * INNER + INNER * (RANK + 2 * STATE) + RANK * INNER + INNER * WIDTH
    assert products(counts) == {
        "linear": read * (LAYERS * layer + LOGITS),
        # depthwise, padded at both ends; a single token is multiplied elementwise
        "conv": LAYERS * (TOKENS + KERNEL - 1) * INNER * KERNEL,
        "matmul": LAYERS * read * INNER * STATE,
    }
    assert counts["conditions"] == []


WRITTEN = 5
"""Tokens that T5's decoder reads."""


@both_modes
def test_t5_counts_encoder_and_decoder(mode: str) -> None:
    counts = measured(mode, _t5, IDS, None, IDS[:, :WRITTEN])
    encoder = attention_layer(TOKENS, TOKENS)
    decoder = attention_layer(WRITTEN, WRITTEN) + _crossing(WRITTEN) + TOKENS * 2 * WIDTH * WIDTH
    attention = scores(TOKENS, TOKENS) + scores(WRITTEN, WRITTEN) + scores(WRITTEN, TOKENS)
    assert products(counts) == {
        "linear": LAYERS * (encoder + decoder) + WRITTEN * LOGITS,
        "matmul": LAYERS * attention,
    }
    assert counts["conditions"] == []


class ContinuedTranslation(nn.Module):
    """T5, whose decoder reads a text, and then one token more by its cache."""

    def __init__(self) -> None:
        super().__init__()
        self.model = _t5()

    def forward(self, ids: torch.Tensor) -> Any:
        first = self.model(ids, decoder_input_ids=ids[:, :WRITTEN])
        return self.model(
            encoder_outputs=(first.encoder_last_hidden_state,),
            past_key_values=first.past_key_values,
            decoder_input_ids=first.logits[:, -1:].argmax(-1),
        )


@both_modes
def test_t5_projects_the_encoders_keys_once(mode: str) -> None:
    counts = measured(mode, ContinuedTranslation, IDS)
    encoder = attention_layer(TOKENS, TOKENS)
    read = WRITTEN + 1
    decoder = attention_layer(read, read) + _crossing(read) + TOKENS * 2 * WIDTH * WIDTH
    attention = (
        scores(TOKENS, TOKENS)
        + scores(WRITTEN, WRITTEN)
        + scores(1, read)
        + scores(WRITTEN, TOKENS)
        + scores(1, TOKENS)
    )
    assert products(counts) == {
        "linear": LAYERS * (encoder + decoder) + read * LOGITS,
        "matmul": LAYERS * attention,
    }


def _crossing(read: int) -> int:
    """Query and output of the attention to the encoder."""
    return read * 2 * WIDTH * WIDTH
