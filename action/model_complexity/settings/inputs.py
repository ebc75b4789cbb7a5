"""Inputs, environment and the policy's caps -> one frozen Settings. The one list of inputs: action.yml and README mirror it."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator

from model_complexity.common.shapes import AUTO, InputSpec, parse_shapes
from model_complexity.discover import Patterns
from model_complexity.errors import ActionError
from model_complexity.github import marker
from model_complexity.policy import Policy
from model_complexity.policy.quantities import Jobs, MaxConfigs, Timeout, boolean

_OF_THE_RUNNER = {"INPUT_ARGS", "INPUT_ENTRYPOINT"}
"""`with:` keys of every container action; they are the runner's, not ours."""
_LONGEST_INPUT = 65_536
_CAPS = ("max_configs", "timeout", "jobs", "deploy")
"""What a policy can set by the same name."""


def _whole(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError(f"{value[:80]!r} is not a whole number")
    return value


_AS_WHOLE = BeforeValidator(_whole)


def _input_name(field: str) -> str:
    return field.replace("_", "-")


class Inputs(BaseModel):
    """The inputs of ``action.yml``, each with its default. A blank input is one that was not given.

    ``model_fields_set`` tells which were given: the runner passes a default of ``action.yml`` as if somebody had written it, so
    an input that the policy can stand in for has none there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_input_name)

    github_token: SecretStr = SecretStr("")
    configs: Annotated[str, Field(max_length=_LONGEST_INPUT)] = ""
    shapes: tuple[InputSpec, ...] = (AUTO,)
    install: Annotated[str, Field(max_length=_LONGEST_INPUT)] = ""
    max_configs: Annotated[MaxConfigs, _AS_WHOLE] = 20
    timeout: Annotated[Timeout, _AS_WHOLE] = 300
    key: str = "default"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    mode: Literal["auto", "dry", "real"] = "auto"
    jobs: Annotated[Jobs, _AS_WHOLE] = 0
    deploy: Annotated[bool, BeforeValidator(boolean)] = False
    comment_template: Annotated[str, Field(max_length=4_096)] = ""
    fail_on_error: Annotated[bool, BeforeValidator(boolean)] = False

    @field_validator("configs")
    @classmethod
    def _globs(cls, value: str) -> str:
        Patterns.parse(value)  # its ActionError names the input
        return value

    @field_validator("shapes", mode="before")
    @classmethod
    def _sizes(cls, value: object) -> object:
        return parse_shapes(value) if isinstance(value, str) else value

    @field_validator("key")
    @classmethod
    def _usable(cls, value: str) -> str:
        try:
            marker(value)
        except ActionError as error:
            raise ValueError(error.message) from error
        return value

    @classmethod
    def parse(cls, given: Mapping[str, str]) -> Self:
        """Reads inputs by their names in ``action.yml``.

        Raises:
            ActionError: an input is unknown or malformed; the message names it.
        """
        try:
            return cls.model_validate({name: value for name, value in given.items() if value.strip()})
        except ValidationError as error:
            raise _named(error) from None  # pydantic's own text would show the input, which may be a secret

    def with_policy_defaults(self, policy: Policy) -> Self:
        """With the policy's caps in place of the defaults of inputs that were not given."""
        told = {name: getattr(policy, name) for name in _CAPS if name not in self.model_fields_set}
        return self.model_copy(update={name: value for name, value in told.items() if value is not None})


class RunnerEnvironment(BaseModel):
    """What the runner says of this run, and where things are. Source: GitHub docs, "Default environment variables"."""

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
        """Where this run is shown."""
        if self.github_run_id is None:
            return None
        return f"{self.github_server_url}/{self.github_repository}/actions/runs/{self.github_run_id}"

    @property
    def remote_url(self) -> str:
        """Where the repository can be fetched from."""
        return f"{self.github_server_url}/{self.github_repository}.git"


class Settings(BaseModel):
    """All that a run is told from outside, checked once."""

    model_config = ConfigDict(frozen=True)

    inputs: Inputs
    env: RunnerEnvironment

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Reads the environment of a container action: inputs are ``INPUT_<NAME>``, upper case, hyphens kept.

        Raises:
            ActionError: an input is unknown or malformed, or a variable of the runner is missing.
        """
        prefix = "INPUT_"
        given = {
            name.removeprefix(prefix).lower(): value
            for name, value in environment.items()
            if name.startswith(prefix) and name not in _OF_THE_RUNNER
        }
        try:
            env = RunnerEnvironment.model_validate({name: value for name, value in environment.items() if value})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise ActionError(
                f"the environment variable {name} is missing or malformed.",
                "Without a command this is the GitHub Action. On a desk: model-complexity --help, or scripts/demo.",
            ) from None
        return cls(inputs=Inputs.parse(given), env=env)


def _named(error: ValidationError) -> ActionError:
    first: Any = error.errors()[0]
    name = str(first["loc"][0])
    known = [_input_name(field) for field in Inputs.model_fields]
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, 1)
        advice = f"Did you mean `{near[0]}`?" if near else f"The inputs are: {', '.join(known)}."
        return ActionError(f"input `{name[:80]}`: there is no such input.", advice)
    cause = first.get("ctx", {}).get("error")
    message = str(cause) if cause is not None else str(first["msg"])
    if name == "github-token":
        message = "the value is malformed"
    return ActionError(f"input `{name}`: {message}.", "action.yml and the README say what it takes.")
