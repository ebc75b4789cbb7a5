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
)
