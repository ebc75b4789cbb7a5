"""mmrotate: mmdet's detectors with rotated boxes; run like those (see ``support/detectors``)."""

from __future__ import annotations

from model_complexity.worker.codebases.base import Codebase
from model_complexity.worker.codebases.mmdet import (
    choose_entry_point,
    make_image_inputs,
    resolve_padded,
    stub_optional_dependencies,
)

CODEBASE = Codebase(
    "mmrotate",
    ("mmrotate",),
    entry_point=choose_entry_point,
    resolve=resolve_padded,
    make_inputs=make_image_inputs,
    build_context=stub_optional_dependencies,
    install="""
        pip install --no-deps mmrotate==1.0.0rc1 e2cnn==0.2.3 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 requests
    """,
    probe_configs=("rotated_rtmdet/rotated_rtmdet_tiny-3x-dota.py",),
)
