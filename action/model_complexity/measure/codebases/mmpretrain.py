"""mmpretrain: ``extract_feat``, as its own ``get_flops.py`` traces; the head's params are counted and its flops are not."""

from __future__ import annotations

from torch import nn

from .codebase import Codebase, Fed


def hide_patches(model: nn.Module, fed: Fed) -> None:
    """SparK's encoder works on the patches that a mask leaves; its loop draws one of a fixed size and sets it aside.

    Source: Tian et al., "Designing BERT for Convolutional Networks: Sparse and Hierarchical Masked Modeling"; mmpretrain's
    ``SparK.loss``.
    """
    if type(model).__name__ == "SparK":
        from mmpretrain.models.utils.sparse_modules import SparseHelper

        image = fed.tensors[0]
        SparseHelper._cur_active = model.mask(image.shape, image.device)


CODEBASE = Codebase("mmpretrain", ("mmpretrain",), ready=hide_patches)
