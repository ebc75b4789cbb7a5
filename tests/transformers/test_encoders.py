"""Encoders of images and sounds, against hand counts of their products."""

from __future__ import annotations

import pytest
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    SwinConfig,
    SwinModel,
    ViTConfig,
    ViTForImageClassification,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WhisperConfig,
)
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from tests.transformers.products import HEADS, HIDDEN, LAYERS, WIDTH, attention_layer, products, scores
from tests.worker.peers import MODES, measured, rows

pytestmark = pytest.mark.parametrize("mode", MODES)

SIDE, PATCH = 32, 8
PATCHES = (SIDE // PATCH) ** 2
TOKENS = PATCHES + 1
"""Patches and the class token."""
EMBEDDING = PATCHES * WIDTH * 3 * PATCH * PATCH
IMAGE = torch.rand(1, 3, SIDE, SIDE)
SIZES = {"hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
PIXELS = {"image_size": SIDE, "patch_size": PATCH}


def test_vit_counts_its_products(mode: str) -> None:
    config = ViTConfig(**SIZES, **PIXELS, intermediate_size=HIDDEN, num_labels=10)
    counts = measured(mode, lambda: ViTForImageClassification(config), IMAGE)
    assert products(counts) == {
        "conv": EMBEDDING,
        "linear": LAYERS * attention_layer(TOKENS, TOKENS) + WIDTH * 10,
        "scaled_dot_product_attention": LAYERS * scores(TOKENS, TOKENS),
    }
    found = rows(counts)
    assert found["vit.encoder.layer.0.attention"] == TOKENS * 4 * WIDTH * WIDTH + scores(TOKENS, TOKENS)
    assert (found["vit.embeddings"], found["classifier"]) == (EMBEDDING, WIDTH * 10)
    assert counts["conditions"] == []


def test_dinov2_counts_its_products(mode: str) -> None:
    counts = measured(mode, lambda: Dinov2Model(Dinov2Config(**SIZES, **PIXELS, mlp_ratio=2)), IMAGE)
    assert products(counts) == {
        "conv": EMBEDDING,
        "linear": LAYERS * attention_layer(TOKENS, TOKENS, WIDTH, 2 * WIDTH),
        "scaled_dot_product_attention": LAYERS * scores(TOKENS, TOKENS),
    }
    assert counts["conditions"] == []


def test_swin_counts_its_windows(mode: str) -> None:
    config = SwinConfig(
        image_size=SIDE, patch_size=4, embed_dim=16, depths=[2, 1], num_heads=[2, 4], window_size=4, mlp_ratio=2.0
    )
    counts = measured(mode, lambda: SwinModel(config), IMAGE)
    first, second, window = 8 * 8, 4 * 4, 4 * 4
    assert products(counts) == {
        "conv": first * 16 * 3 * 4 * 4,
        # two layers, four patches merged into one of twice the channels, one layer
        "linear": 2 * attention_layer(first, first, 16, 32)
        + second * (4 * 16) * 32
        + attention_layer(second, second, 32, 64),
        # four windows in each layer of the first stage, one of which is shifted; one in the second
        "matmul": 2 * 4 * scores(window, window, 2, 8) + scores(window, window, 4, 8),
    }
    assert counts["conditions"] == []


def test_wav2vec2_counts_its_products(mode: str) -> None:
    config = Wav2Vec2Config(
        **SIZES,
        intermediate_size=HIDDEN,
        conv_dim=(16, 16),
        conv_stride=(5, 2),
        conv_kernel=(10, 3),
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
    )
    counts = measured(mode, lambda: Wav2Vec2Model(config), torch.rand(1, 400))
    first, second = (400 - 10) // 5 + 1, (79 - 3) // 2 + 1
    assert products(counts) == {
        # features, features, and positions: an even kernel, padded at both ends, has one output too many
        "conv": first * 16 * 10 + second * 16 * 16 * 3 + (second + 1) * WIDTH * (WIDTH // 2) * 8,
        "linear": second * 16 * WIDTH + LAYERS * attention_layer(second, second),
        "scaled_dot_product_attention": LAYERS * scores(second, second),
    }
    assert counts["conditions"] == []


def test_whisper_encoder_counts_its_products(mode: str) -> None:
    config = WhisperConfig(
        d_model=WIDTH,
        encoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        encoder_ffn_dim=HIDDEN,
        num_mel_bins=8,
        max_source_positions=20,
    )
    counts = measured(mode, lambda: WhisperEncoder(config), torch.rand(1, 8, 40))
    assert products(counts) == {
        "conv": 40 * WIDTH * 8 * 3 + 20 * WIDTH * WIDTH * 3,
        "linear": LAYERS * attention_layer(20, 20),
        "scaled_dot_product_attention": LAYERS * scores(20, 20),
    }
    assert counts["conditions"] == []


def test_clip_counts_both_encoders(mode: str) -> None:
    text = {**SIZES, "intermediate_size": HIDDEN, "vocab_size": 40, "max_position_embeddings": 80}
    config = CLIPConfig(
        text_config=text, vision_config={**SIZES, **PIXELS, "intermediate_size": HIDDEN}, projection_dim=24
    )
    counts = measured(mode, lambda: CLIPModel(config), torch.arange(80).reshape(1, 80) % 40, IMAGE)
    assert products(counts) == {
        "conv": EMBEDDING,
        "linear": LAYERS * (attention_layer(80, 80) + attention_layer(TOKENS, TOKENS)) + 2 * WIDTH * 24,
        "scaled_dot_product_attention": LAYERS * (scores(80, 80) + scores(TOKENS, TOKENS)),
        "matmul": 24,  # one text with one image
    }
    assert counts["conditions"] == []
