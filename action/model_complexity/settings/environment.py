"""The runner's environment variables -> Settings: the inputs and where the run takes place."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model_complexity.errors import ActionError
from model_complexity.settings.inputs import Inputs

_PREFIX: Final = "INPUT_"
_RUNNER_INPUTS: Final = {"INPUT_ARGS", "INPUT_ENTRYPOINT"}
"""`with:` keys of every container action, which the runner reads."""


class RunnerEnvironment(BaseModel):
    """GitHub's default environment variables, validated, and ours. Source: GitHub docs, "Default environment variables"."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=str.upper)

    github_event_name: str
    github_event_path: Path
    github_repository: str
    github_sha: str
    github_workspace: Path
    github_api_url: str = "https://api.github.com"
    github_graphql_url: str | None = None
    github_server_url: str = "https://github.com"
    github_run_id: Annotated[str | None, Field(pattern=r"^[0-9]{1,20}$")] = None
    github_output: Path | None = None
    github_step_summary: Path | None = None
    model_complexity_python: Path = Path(sys.executable)
    model_complexity_worker_user: str | None = None
    model_complexity_install_user: str | None = None

    @property
    def run_url(self) -> str | None:
        """Return the address of this run's page."""
        if self.github_run_id is None:
            return None
        return f"{self.github_server_url}/{self.github_repository}/actions/runs/{self.github_run_id}"

    @property
    def remote_url(self) -> str:
        """Return the address that the repository is fetched from."""
        return f"{self.github_server_url}/{self.github_repository}.git"


class Settings(BaseModel):
    """The inputs and the environment of a run."""

    model_config = ConfigDict(frozen=True)

    inputs: Inputs
    env: RunnerEnvironment

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read a container action's environment: inputs are ``INPUT_<NAME>``, upper case, hyphens kept.

        Raises:
            ActionError: an input is unknown or malformed, or a default variable is missing.
        """
        given = {
            name.removeprefix(_PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(_PREFIX) and name not in _RUNNER_INPUTS
        }
        try:
            env = RunnerEnvironment.model_validate({name: value for name, value in environment.items() if value})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise ActionError(
                f"the environment variable {name} is missing or malformed.",
                "Without a command this is the GitHub Action. For local usage, run model-complexity --help.",
            ) from None
        return cls(inputs=Inputs.parse(given), env=env)
