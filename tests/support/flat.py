"""Measurements as the tests of the worker read them: figures next to the other fields."""

from __future__ import annotations

from typing import Any


def flat(measurement: dict[str, Any]) -> dict[str, Any]:
    """Replace ``figures`` by its items, also in the modules and in the deployed form."""
    found = _flat(measurement)
    if "deployed" in found:
        found["deployed"] = _flat(found["deployed"])
    return {**found, "modules": [_flat(module) for module in found["modules"]]}


def _flat(counted: dict[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in counted.items() if name != "figures"}, **counted["figures"]}
