"""Models that are registered with mmengine itself, as mmcv's are, and those of libraries without a row."""

from __future__ import annotations

from model_complexity.worker.codebases.base import Codebase
from model_complexity.worker.codebases.support.mmcv_ext import EXTENSION
from model_complexity.worker.config_sizes import Transforms

CODEBASE = Codebase(
    "plain modules",
    ("mmengine",),
    transforms=Transforms(
        crops=("CenterCrop",),
        resizes=("Resize", "Pad"),
        wrappers=("RandomChoice", "TestTimeAug", "MultiScaleFlipAug", "TransformBroadcaster"),
    ),
    extensions=(EXTENSION,),
)
