"""mmagic, which is not installed here: what is read from its configs."""

from __future__ import annotations

import pytest
from torch import nn

from model_complexity.worker.codebases import mmagic
from model_complexity.worker.codebases.base import UnsupportedInputError


def test_resolve_returns_the_patch_before_upscaling() -> None:
    steps = [
        {"type": "SetValues", "dictionary": {"scale": 2}},
        {"type": "PairedRandomCrop", "gt_patch_size": 96},
    ]
    assert mmagic.resolve({"train_pipeline": steps}, "auto") == (3, 48, 48)
    assert mmagic.resolve({"train_pipeline": steps[1:]}, "auto") == (3, 96, 96)
    assert mmagic.resolve({"train_pipeline": steps}, (3, 64, 80)) == (3, 64, 80)
    assert mmagic.resolve({"train_pipeline": []}, "auto") == "auto"


def test_model_requires_named_inputs_when_it_is_no_editor() -> None:
    class BaseEditModel(nn.Module):
        pass

    model = nn.Identity()
    assert mmagic.choose_entry_point(BaseEditModel()) == "forward_tensor"
    with pytest.raises(UnsupportedInputError, match="Name its inputs"):
        mmagic.make_patch_inputs(model, mmagic.choose_entry_point(model), (3, 8, 8), "cpu")
    assert mmagic.make_patch_inputs(model, "forward", "input=3x8x8", "cpu").named == {"input": [1, 3, 8, 8]}
