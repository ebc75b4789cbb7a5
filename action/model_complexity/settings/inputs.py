"""The inputs, with their types, defaults and help: action.yml, README and the commands' options are made from these."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, field_validator

from model_complexity.common.options import MeasureOptions
from model_complexity.common.shapes import AUTO, InputSpec, parse_shapes
from model_complexity.discover import Patterns
from model_complexity.errors import ActionError
from model_complexity.github import marker
from model_complexity.policy import Policy
from model_complexity.policy.quantities import Jobs, MaxConfigs, Timeout, boolean

_LONGEST_INPUT: Final = 65_536


@dataclass(frozen=True)
class Option:
    """The commands' option for an input.

    Args:
        flag: its name, such as ``--jobs``.
        metavar: the value's name in the help; None for a flag without a value, or with choices.
        help: overrides the input's description, for an option that takes another form.
        repeatable: whether it may be given several times, once per value.
    """

    flag: str
    metavar: str | None = None
    help: str = ""
    repeatable: bool = False


@dataclass(frozen=True)
class InputInfo:
    """What users read about an input.

    Args:
        description: Markdown without links.
        default: the default as documented; blank to show the value.
        action_default: the default in action.yml where that is not the value; only of inputs that no policy sets.
        policy: how the policy's fields relate to the input; blank if there are none.
        policy_default: whether the policy's field of the same name replaces the default.
        option: the commands' option; None if they have none.
    """

    description: str
    default: str = ""
    action_default: str = ""
    policy: str = ""
    policy_default: bool = False
    option: Option | None = None


_OVERRIDES_POLICY: Final = "Overrides the policy."


def _whole(value: object) -> object:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError(f"{value[:80]!r} is not a whole number")
    return value


_AS_WHOLE = BeforeValidator(_whole)
_AS_BOOLEAN = BeforeValidator(boolean)


def input_name(field: str) -> str:
    """Return the name in action.yml of a field of `Inputs`."""
    return field.replace("_", "-")


class Inputs(BaseModel):
    """The inputs of ``action.yml``. A blank input is one that was not given.

    ``model_fields_set`` has those that were given. The runner passes a default of ``action.yml`` as if a user had written it, so
    an input that the policy can set has none there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=input_name)

    github_token: Annotated[
        SecretStr,
        InputInfo(
            "Token that reads the pull request and writes the comment. The job needs `contents: read` and "
            "`pull-requests: write`.",
            default="the workflow's token",
            action_default="${{ github.token }}",
        ),
    ] = SecretStr("")
    configs: Annotated[
        str,
        Field(max_length=_LONGEST_INPUT),
        InputInfo(
            "Config globs, one per line or separated by commas. A leading `!` excludes, and the last matching glob decides. "
            "Files below a `_base_` folder are never measured themselves.",
            default="`configs/**`, `**/configs/**`",
            policy="Overrides the policy's `include`. The policy's `exclude` still applies.",
            option=Option("--configs", "GLOBS"),
        ),
    ] = ""
    shapes: Annotated[
        tuple[InputSpec, ...],
        InputInfo(
            "Input shapes, one per line or separated by commas: `auto` (the size from the config's test pipeline, else 224), "
            "a side (`224`), height and width (`224 384`, `224x384`), or named inputs with their dimensions without the batch "
            "(`points=40000x4`, `img=3x224x224 tokens=77:int`). Each config is measured at each shape.",
            policy="Overrides the policy's `shapes` and `shapes-for`.",
            option=Option(
                "--shape",
                "SHAPE",
                "Input shape: `auto` (the size from the config's test pipeline), 224, 224x384 (height first), or named inputs "
                "such as `points=40000x4`. Repeatable.",
                repeatable=True,
            ),
        ),
    ] = (AUTO,)
    install: Annotated[
        str,
        Field(max_length=_LONGEST_INPUT),
        InputInfo(
            "Command that installs the configs' dependencies, e.g. `pip install -r requirements.txt`. It runs once with bash in "
            "the worker environment (Python 3.11 with torch, fvcore and mmengine), in the pull request's checkout, as an "
            "unprivileged user without a token."
        ),
    ] = ""
    max_configs: Annotated[
        MaxConfigs,
        _AS_WHOLE,
        InputInfo(
            "Maximum number of configs to measure, 1 to 1000. Directly changed configs come first. The others are listed by "
            "name.",
            policy=_OVERRIDES_POLICY,
            policy_default=True,
            option=Option("--max-configs", "N"),
        ),
    ] = 20
    timeout: Annotated[
        Timeout,
        _AS_WHOLE,
        InputInfo(
            "Seconds that a config may take at one shape, 1 to 86400.",
            policy=_OVERRIDES_POLICY,
            policy_default=True,
            option=Option("--timeout", "SECONDS"),
        ),
    ] = 300
    key: Annotated[
        str,
        InputInfo(
            "Distinguishes several comments on one pull request, e.g. `cpu` and `cuda`. 1 to 64 letters, digits, dots, "
            "underscores and hyphens."
        ),
    ] = "default"
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        InputInfo(
            "Where models run when they are computed (see `mode`): `auto` (CUDA if available), `cpu` or `cuda`. The counts do "
            "not depend on it.",
            option=Option("--device"),
        ),
    ] = "auto"
    mode: Annotated[
        Literal["auto", "dry", "real"],
        InputInfo(
            "How models are run: `dry` (without arithmetic, with the same counts in a fraction of the time and memory), "
            "`real`, or `auto` (dry, and real where a dry run fails or `device` is `cuda`).",
            option=Option("--mode"),
        ),
    ] = "auto"
    jobs: Annotated[
        Jobs,
        _AS_WHOLE,
        InputInfo(
            "Number of configs measured in parallel, up to 256. `0` is one per core.",
            policy=_OVERRIDES_POLICY,
            policy_default=True,
            option=Option("--jobs", "N"),
        ),
    ] = 0
    deploy: Annotated[
        bool,
        _AS_BOOLEAN,
        InputInfo(
            "Whether to also count models in their deployed form, where a library can switch to one (RepVGG, MobileOne and "
            "others, with fused branches). `true` or `false`.",
            policy=_OVERRIDES_POLICY,
            policy_default=True,
            option=Option(
                "--deploy", help="Also count models in their deployed form (RepVGG with its branches fused)."
            ),
        ),
    ] = False
    comment_template: Annotated[
        str,
        Field(max_length=4_096),
        InputInfo(
            "Path of a Jinja2 template in the repository that replaces the built-in comment. It is read from the base branch. "
            "See docs/comment-templates.md."
        ),
    ] = ""
    fail_on_error: Annotated[
        bool,
        _AS_BOOLEAN,
        InputInfo(
            "Whether a config that cannot be measured at head fails the step (exit code 1). `true` or `false`.",
            option=Option("--fail-on-error", help="Exit with status 1 if a config cannot be measured at head."),
        ),
    ] = False

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
        """Parse inputs by their names in ``action.yml``.

        Raises:
            ActionError: an input is unknown or malformed; the message names it.
        """
        try:
            return cls.model_validate({name: value for name, value in given.items() if value.strip()})
        except ValidationError as error:
            raise _input_error(error) from None  # pydantic's own text would show the input, which may be a secret

    def with_policy_defaults(self, policy: Policy) -> Self:
        """Return a copy in which the policy's values replace the defaults."""
        fields = [name for name in type(self).model_fields if input_info(name).policy_default]
        values = {name: getattr(policy, name) for name in fields if name not in self.model_fields_set}
        return self.model_copy(update={name: value for name, value in values.items() if value is not None})

    def measure_options(self) -> MeasureOptions:
        """Return the inputs that the worker needs."""
        shared = [name for name in MeasureOptions._fields if name in type(self).model_fields]
        return MeasureOptions(**{name: getattr(self, name) for name in shared})


def input_info(field: str) -> InputInfo:
    """Return what users read about a field of `Inputs`."""
    (info,) = (item for item in Inputs.model_fields[field].metadata if isinstance(item, InputInfo))
    return info


def default_text(field: str) -> str:
    """Return the default of a field of `Inputs` as documented, in Markdown; blank if it is blank."""
    value = Inputs.model_fields[field].default
    shown = value[0] if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else str(value)
    return input_info(field).default or (f"`{shown}`" if shown else "")


def _input_error(error: ValidationError) -> ActionError:
    first: Any = error.errors()[0]
    name = str(first["loc"][0])
    known = [input_name(field) for field in Inputs.model_fields]
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, known, 1)
        advice = f"Did you mean `{near[0]}`?" if near else f"The inputs are: {', '.join(known)}."
        return ActionError(f"input `{name[:80]}`: there is no such input.", advice)
    cause = first.get("ctx", {}).get("error")
    message = str(cause) if cause is not None else str(first["msg"])
    if name == "github-token":
        message = "the value is malformed"
    return ActionError(f"input `{name}`: {message}.", "See the input's description in action.yml.")
