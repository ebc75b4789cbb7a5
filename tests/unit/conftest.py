"""Property tests are slow. `pytest tests/unit --hypothesis-profile=thorough` tries a thousand examples of each."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("thorough", max_examples=1_000, deadline=None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the property tests as slow, so that `scripts/test fast` leaves them out."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.slow)
