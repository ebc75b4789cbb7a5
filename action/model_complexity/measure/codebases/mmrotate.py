"""mmrotate: mmdet's detectors with boxes that are turned; traced as those are (see ``detectors``)."""

from __future__ import annotations

from .codebase import Codebase
from .mmdet import feed_image, method, padded, without_extras

CODEBASE = Codebase(
    "mmrotate",
    ("mmrotate",),
    method=method,
    resolve=padded,
    feed=feed_image,
    while_building=without_extras,
)
