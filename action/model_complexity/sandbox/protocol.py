"""The worker's protocol: options and jobs out, a handshake, attempts and answers back, one JSON object per line.

What comes back is untrusted. The worker writes the beginning of an answer's line, and the config's process may write the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from model_complexity.common.failures import failure
from model_complexity.common.options import MeasureOptions
from model_complexity.common.shapes import InputSpec
from model_complexity.errors import ActionError
from model_complexity.report import Answer, Failure, Versions

_ATTEMPT = re.compile(rb'\{"(started|ended)": ([0-9]{1,9})\}')
_BEGINNING = re.compile(rb'\{"job": ([0-9]{1,9}), "(?:measurement|failure)": ')


@dataclass(frozen=True)
class Job:
    """One config, by its path inside the tree, at one shape."""

    config: str
    shape: InputSpec


@dataclass(frozen=True)
class WorkerInfo:
    """The worker's handshake: its device and the versions of its libraries."""

    device: str
    versions: Versions


@dataclass(frozen=True)
class AttemptStarted:
    """The worker is about to run a job's code."""

    job: int


@dataclass(frozen=True)
class AttemptEnded:
    """No code of the job runs any more. Its answer, or another attempt, comes later."""

    job: int


Reply = AttemptStarted | AttemptEnded | Answer


def format_request(options: MeasureOptions, jobs: Mapping[int, Job]) -> str:
    """Return the worker's whole input: the options, then one numbered job per line."""
    lines = [{"job": number, "config": job.config, "shape": job.shape} for number, job in jobs.items()]
    return "".join(json.dumps(line) + "\n" for line in [options.to_json(), *lines])


def parse_handshake(line: bytes) -> WorkerInfo:
    """Read the worker's first line.

    Raises:
        ActionError: the worker did not start.
    """
    try:
        data: Any = json.loads(line)
        if "ready" in data:
            device = str(data["ready"]["device"])
            return WorkerInfo(device if device in ("cpu", "cuda") else "?", Versions(**data["ready"]["versions"]))
        message = f"The worker could not start: {str(data['fatal']['message'])[:300]}."
    except (ValueError, KeyError, TypeError):
        message = "The worker exited or timed out during start-up."
    raise ActionError(
        message,
        "See its output above. Check what `install` changed (torch, fvcore, mmengine and tabulate must import) and `device`.",
    )


def parse_reply(line: bytes) -> Reply | None:
    """Read a line about a job; None if it is unclear which.

    An invalid answer is a failure of its job: whatever is wrong with it costs that job only.
    """
    attempt = _ATTEMPT.fullmatch(line)
    if attempt is not None:
        return (AttemptStarted if attempt[1] == b"started" else AttemptEnded)(int(attempt[2]))
    beginning = _BEGINNING.match(line)
    if beginning is None:
        return None
    try:
        return Answer.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        message = f"the result is not valid: {where}: {first['msg']}"
        return Answer(job=int(beginning[1]), failure=Failure(**failure("crash", message)))
