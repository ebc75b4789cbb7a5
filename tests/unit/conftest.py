"""Property tests: `pytest tests/unit --hypothesis-profile=thorough` tries a thousand examples of each."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("thorough", max_examples=1_000, deadline=None)
