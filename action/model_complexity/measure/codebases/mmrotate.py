"""mmrotate 1: mmdet's detectors with rotated boxes, traced as those are (see ``detectors``)."""

from __future__ import annotations

from .codebase import Codebase
from .mmdet import CODEBASE as MMDET
from .mmdet import feed_image, method, padded

CODEBASE = Codebase(
    "mmrotate",
    ("mmrotate",),
    method=method,
    resolve=padded,
    feed=feed_image,
    unneeded=("e2cnn",),
    needing={"mmrotate.models.utils.enn": "e2cnn"},
    while_building=MMDET.while_building,
)
