"""How models are measured: what the host sends to the worker as the first line."""

from __future__ import annotations

from typing import Any, Dict, Mapping, NamedTuple

WORKER_VARIABLES: Dict[str, str] = {
    "PYTHONHASHSEED": "0",  # sets iterate in one order, on every run and on both sides
    "TORCHDYNAMO_DISABLE": "1",  # what torch.compile wraps runs, and is counted, as what it wraps
}
"""Environment variables without which figures may differ between runs. They count only when the worker's Python starts."""


class MeasureOptions(NamedTuple):
    """How models are measured.

    Args:
        timeout: seconds for one job (`Inputs.timeout` has the default that users get).
        device: ``auto``, ``cpu`` or ``cuda``.
        mode: ``auto``, ``dry`` or ``real``.
        jobs: how many run in parallel; 0 for one per core.
        deploy: whether the deployed forms of models are counted too.
        memory_bytes: resident memory of all jobs; 0 for all that the machine has.
    """

    timeout: float = 300
    device: str = "auto"
    mode: str = "auto"
    jobs: int = 0
    deploy: bool = False
    memory_bytes: int = 0

    def to_json(self) -> Dict[str, Any]:
        """Return the options as a JSON object."""
        return self._asdict()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MeasureOptions:
        """Read the options from a JSON object, with defaults for missing ones.

        Raises:
            TypeError: there is no option of that name.
        """
        return cls(**data)
