"""Operator handles that fvcore lacks, or has and gets wrong.

One file a kind of operator. A new operator is one decorated function in one of them, see ``registry``.
"""

from __future__ import annotations

import importlib
import pkgutil

from model_complexity.worker.count.registry import ACTIVATION_HANDLES, FLOP_HANDLES

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["ACTIVATION_HANDLES", "FLOP_HANDLES"]
