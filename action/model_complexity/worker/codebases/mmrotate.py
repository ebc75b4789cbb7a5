"""mmrotate: mmdet's detectors with boxes that are turned; traced as those are (see ``detectors``)."""

from __future__ import annotations

from model_complexity.worker.codebases.base import Codebase
from model_complexity.worker.codebases.mmdet import feed_image, method, padded, without_extras

CODEBASE = Codebase(
    "mmrotate",
    ("mmrotate",),
    method=method,
    resolve=padded,
    feed=feed_image,
    while_building=without_extras,
)
