"""mmagic, which is not installed here: what is read from its configs."""

from __future__ import annotations

import pytest
from torch import nn

from model_complexity.worker.codebases import mmagic
from model_complexity.worker.codebases.base import UnsupportedInputError


def test_a_patch_before_it_is_enlarged() -> None:
    steps = [
        {"type": "SetValues", "dictionary": {"scale": 2}},
        {"type": "PairedRandomCrop", "gt_patch_size": 96},
    ]
    assert mmagic.resolve({"train_pipeline": steps}, "auto") == (3, 48, 48)
    assert mmagic.resolve({"train_pipeline": steps[1:]}, "auto") == (3, 96, 96)
    assert mmagic.resolve({"train_pipeline": steps}, (3, 64, 80)) == (3, 64, 80)
    assert mmagic.resolve({"train_pipeline": []}, "auto") == "auto"


def test_what_is_no_editor_is_fed_by_name() -> None:
    class BaseEditModel(nn.Module):
        pass

    model = nn.Identity()
    assert mmagic.entry_point(BaseEditModel()) == "forward_tensor"
    with pytest.raises(UnsupportedInputError, match="name its inputs"):
        mmagic.feed_patch(model, mmagic.entry_point(model), (3, 8, 8), "cpu")
    assert mmagic.feed_patch(model, "forward", "input=3x8x8", "cpu").named == {"input": [1, 3, 8, 8]}
