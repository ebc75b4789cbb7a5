"""mmpretrain: ``extract_feat``, as its own ``get_flops.py`` traces. The head's params are counted, its FLOPs are not."""

from __future__ import annotations

import inspect
from typing import Any, Callable

from torch import nn

from model_complexity.worker.codebases.base import Codebase, ModelInputs, extract_feat_or_forward
from model_complexity.worker.codebases.support.tokenizers import stub_tokenizers
from model_complexity.worker.config_sizes import Transforms

EXTRACT_IMAGE = "extract_image_feat"


def choose_entry_point(model: nn.Module) -> str:
    """Return ``extract_feat``, or ``extract_image_feat`` if that needs a text too (CLIP's)."""
    name = extract_feat_or_forward(model)
    has_image_half = callable(getattr(model, EXTRACT_IMAGE, None))
    return EXTRACT_IMAGE if has_image_half and not _takes_one_argument(getattr(model, name)) else name


def _takes_one_argument(entry_point: Callable[..., Any]) -> bool:
    try:
        inspect.signature(entry_point).bind(None)
    except TypeError:
        return False
    return True


def draw_mask(model: nn.Module, inputs: ModelInputs) -> None:
    """Draw SparK's mask, as its loop does: of a fixed size, its encoder works on the patches that it keeps.

    Source: Tian et al., "Designing BERT for Convolutional Networks: Sparse and Hierarchical Masked Modeling"; mmpretrain's
    ``SparK.loss``.
    """
    if type(model).__name__ == "SparK":
        from mmpretrain.models.utils.sparse_modules import SparseHelper

        image = inputs.tensors[0]
        SparseHelper._cur_active = model.mask(image.shape, image.device)


CODEBASE = Codebase(
    "mmpretrain",
    ("mmpretrain",),
    entry_point=choose_entry_point,
    before_forward=draw_mask,
    build_context=stub_tokenizers,
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
