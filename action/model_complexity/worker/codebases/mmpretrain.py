"""mmpretrain: ``extract_feat``, as its own ``get_flops.py`` traces; the head's params are counted and its flops are not."""

from __future__ import annotations

import inspect
from typing import Any, Callable

from torch import nn

from model_complexity.worker.codebases.base import Codebase, TraceInputs, extract_feat_or_forward
from model_complexity.worker.codebases.support.tokenizers import tokenizers_unread
from model_complexity.worker.config_sizes import Transforms

EXTRACT_IMAGE = "extract_image_feat"


def extract_feat(model: nn.Module) -> str:
    """``extract_feat``; where that wants a text beside the image (CLIP's), ``extract_image_feat``, its own half for images."""
    name = extract_feat_or_forward(model)
    image_half = callable(getattr(model, EXTRACT_IMAGE, None))
    return EXTRACT_IMAGE if image_half and not _takes_one(getattr(model, name)) else name


def _takes_one(entry_point: Callable[..., Any]) -> bool:
    """Whether it can be called with one argument."""
    try:
        inspect.signature(entry_point).bind(None)
    except TypeError:
        return False
    return True


def draw_mask(model: nn.Module, fed: TraceInputs) -> None:
    """SparK's encoder works on the patches that a mask leaves; its loop draws one of a fixed size and sets it aside.

    Source: Tian et al., "Designing BERT for Convolutional Networks: Sparse and Hierarchical Masked Modeling"; mmpretrain's
    ``SparK.loss``.
    """
    if type(model).__name__ == "SparK":
        from mmpretrain.models.utils.sparse_modules import SparseHelper

        image = fed.tensors[0]
        SparseHelper._cur_active = model.mask(image.shape, image.device)


CODEBASE = Codebase(
    "mmpretrain",
    ("mmpretrain",),
    entry_point=extract_feat,
    before_forward=draw_mask,
    build_context=tokenizers_unread,
    transforms=Transforms(
        crops=(
            "RandomCrop",
            "RandomResizedCrop",
            "RandomResizedCropAndInterpolationWithTwoPic",  # BEiT's
            "EfficientNetCenterCrop",
            "EfficientNetRandomCrop",
        ),
        resizes=("ResizeEdge",),
        wrappers=("MultiView", "ApplyToList"),
    ),
    asserted_names=(("MMClassification", "mmcls"),),
    install="""
        pip install --no-deps mmpretrain==1.2.0 torchvision==0.15.2
        pip install mmcv-lite==2.2.0 einops importlib-metadata mat4py modelindex requests
    """,
    probe_configs=("vision_transformer/vit-base-p16_64xb64_in1k.py",),
)
