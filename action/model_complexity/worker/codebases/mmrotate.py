"""mmrotate: mmdet's detectors with boxes that are turned; traced as those are (see ``detectors``)."""

from __future__ import annotations

from model_complexity.worker.codebases.base import Codebase
from model_complexity.worker.codebases.mmdet import entry_point, feed_image, padded, stub_optional_dependencies

CODEBASE = Codebase(
    "mmrotate",
    ("mmrotate",),
    entry_point=entry_point,
    resolve=padded,
    make_inputs=feed_image,
    build_context=stub_optional_dependencies,
    install="""
        pip install --no-deps mmrotate==1.0.0rc1 e2cnn==0.2.3 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 requests
    """,
    probe_configs=("rotated_rtmdet/rotated_rtmdet_tiny-3x-dota.py",),
)
