"""The log of measuring."""

from __future__ import annotations

import pytest
from tests.support.factories import failed, measured

from model_complexity.common.shapes import InputSpec
from model_complexity.sandbox.protocol import Job
from model_complexity.sandbox.runner import _format_result


@pytest.mark.parametrize(("shape", "text"), [((3, 8, 16), "3, 8, 16"), ("auto", "auto"), ("points=4x4", "points=4x4")])
def test_format_result_names_the_requested_shape(shape: InputSpec, text: str) -> None:
    assert _format_result(Job("a.py", shape), failed()) == f"a.py ({text}): build: KeyError: no such net"
    assert _format_result(Job("a.py", shape), measured(20_000, 7, 5)).startswith(
        f"a.py ({text}): 20K flops, 7 params, "
    )
