"""Replace an attribute of a module or class for the length of a ``with`` block."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator


@contextlib.contextmanager
def patch_attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Replace ``owner.name`` with ``value`` and restore it afterwards."""
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
