"""mmrotate 1: mmdet's detectors with rotated boxes, and fed as they are."""

from __future__ import annotations

from .codebase import Codebase
from .mmdet import feed_image, method, padded

CODEBASE = Codebase("mmrotate", ("mmrotate",), method=method, resolve=padded, feed=feed_image)
