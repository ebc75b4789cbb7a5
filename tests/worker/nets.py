"""Small models whose counts can be done by hand."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Attention(nn.Module):
    """Query (B, H, L, E), key (B, Hkv, S, E), value (B, Hkv, S, Ev), cut from one image."""

    def __init__(self, query: tuple[int, ...], key: tuple[int, ...], value: tuple[int, ...], **options: Any) -> None:
        super().__init__()
        self.shapes, self.options = (query, key, value), options

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        query, key, value = (image.flatten()[: torch.Size(shape).numel()].reshape(shape) for shape in self.shapes)
        return functional.scaled_dot_product_attention(query, key, value, **self.options)


class Encoder(nn.Module):
    """nn.TransformerEncoderLayer, which has a fused path for evaluation without gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(16, 4, dim_feedforward=32, batch_first=True)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layer(image.flatten(1).reshape(1, -1, 16))


class Extractor(nn.Module):
    """Has a method to run, and a head that it does not reach."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.head = nn.Linear(8, 10)

    def extract_feat(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.backbone(image),)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.head(self.extract_feat(image)[0].mean((2, 3)))


class Inverting(nn.Module):
    """Counted and uncounted operators."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return torch.linalg.inv(self.conv(image)).abs() + 1


class Elementwise(nn.Module):
    """A model without counted operators."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * 2 + 1
