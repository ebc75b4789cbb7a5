"""The data model of the policy file, ``.github/model-complexity.yml``. Its JSON Schema takes its texts from here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from model_complexity.common.shapes import AUTO, InputSpec, parse_shape
from model_complexity.discover import Pattern, Patterns
from model_complexity.policy.quantities import Jobs, Max, MaxConfigs, MaxIncrease, Timeout, Whole, boolean
from model_complexity.report import Measurement, MetricName

PATH = ".github/model-complexity.yml"
MAX_RULES = 200
MAX_GLOBS = 100
MAX_SHAPES = 16


def _hyphens(name: str) -> str:
    return name.replace("_", "-")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _glob(text: str) -> str:
    if "," in text:  # the input `configs` splits at commas, and a text has one meaning in both
        raise ValueError(f"the pattern {text[:100]!r} has a comma. Write a list, one glob per item")
    Pattern.parse(text)
    return text


def _without_exclusion(text: str) -> str:
    if text.startswith("!"):
        raise ValueError(f"the pattern {text[:100]!r} starts with !. Move the glob to `exclude`")
    return text


def _shape(text: object) -> InputSpec:
    if not isinstance(text, str):
        raise ValueError("is not a shape. Write height and width as 384x512")
    if re.search(r"(?<!\d)0\d", text):
        raise ValueError(f"{text[:40]!r} has a number with a leading zero")
    return parse_shape(text)


def _one_or_more(item: dict[str, Any], max_items: int) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "minItems": 1, "maxItems": max_items}]})


_GLOB = {"type": "string", "minLength": 1, "maxLength": 1_000, "pattern": r"^[^,{}\\]+$"}
_PLAIN_GLOB = {**_GLOB, "pattern": r"^[^!,{}\\][^,{}\\]*$"}
_NAMED_INPUT = r"[A-Za-z_]\w*=[0-9]+([x×][0-9]+)*(:(float|int|bool))?"
_SHAPE = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": rf"^(auto|[1-9][0-9]*([ x×]+[1-9][0-9]*)?|{_NAMED_INPUT}( +{_NAMED_INPUT})*)$"},
    ]
}
_Glob = Annotated[str, AfterValidator(_glob)]
_GLOB_COUNT = Field(min_length=1, max_length=MAX_GLOBS)
Globs = Annotated[tuple[_Glob, ...], BeforeValidator(_as_list), _GLOB_COUNT, _one_or_more(_GLOB, MAX_GLOBS)]
PlainGlobs = Annotated[
    tuple[Annotated[_Glob, AfterValidator(_without_exclusion)], ...],
    BeforeValidator(_as_list),
    _GLOB_COUNT,
    _one_or_more(_PLAIN_GLOB, MAX_GLOBS),
]
Shapes = Annotated[
    tuple[Annotated[InputSpec, BeforeValidator(_shape)], ...],
    BeforeValidator(_as_list),
    AfterValidator(lambda shapes: tuple(dict.fromkeys(shapes))),
    Field(min_length=1, max_length=MAX_SHAPES),
    _one_or_more(_SHAPE, MAX_SHAPES),
]
Level = Literal["warn", "fail"]


class _PolicyModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_hyphens)


class _Rule(_PolicyModel):
    """A rule for the configs that match."""

    configs: Annotated[
        Globs,
        Field(description="Configs, as one glob or a list. The last glob that matches decides, and `!` excludes."),
    ]

    def matches(self, path: str) -> bool:
        """Return whether the rule is for a config."""
        return self._patterns.matches(path)

    @cached_property
    def _patterns(self) -> Patterns:
        rules = tuple(map(Pattern.parse, self.configs))
        return Patterns(rules if any(rule.include for rule in rules) else (Pattern("**"), *rules))


class ShapesFor(_Rule):
    """Input shapes of some configs, in place of `shapes`."""

    shapes: Annotated[Shapes, Field(description="Input shapes, as one or a list. Each config is measured at each.")]


class Budget(_Rule):
    """A limit on one metric of some configs. Every budget that matches a config is evaluated."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["max"]}, {"required": ["max-increase"]}]})

    configs: Annotated[
        Globs, Field(description="Configs, as one glob or a list. `!` excludes. Default: every config.")
    ] = ("**",)
    metric: Annotated[MetricName, Field(description="The metric that is limited.")]
    max: Annotated[
        Max, Field(description="The largest value allowed, with a suffix K, M, G, T or P (10³ to 10¹⁵), as in `5G`.")
    ] = None
    max_increase: Annotated[
        MaxIncrease, Field(description="The largest increase over the merge base, in percent, as in `3%`.")
    ] = None
    shapes: Annotated[
        Shapes, Field(description="Input shapes that the budget limits, as one or a list. Default: every shape.")
    ] = ()
    level: Annotated[
        Level, Field(description="Whether an exceeded budget fails the step (`fail`) or is a warning (`warn`).")
    ] = "fail"

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.max is None and self.max_increase is None:
            raise ValueError("has no limit. Set `max`, `max-increase` or both")
        return self

    def applies_to(self, path: str, requested: InputSpec, measured: Measurement) -> bool:
        """Return whether the budget limits a config at its requested shape, or at the shape that ``auto`` resolved to."""
        resolved = requested if requested != AUTO else measured.input_shape[1:]
        return (not self.shapes or requested in self.shapes or resolved in self.shapes) and self.matches(path)


class IgnoreRule(_Rule):
    """A known exception: exceeded budgets are reported with the reason, and neither warn nor fail."""

    metric: Annotated[
        MetricName | None, Field(description="Metric of the budgets to ignore. Default: every metric.")
    ] = None
    reason: Annotated[
        str, Field(min_length=1, max_length=500, description="Why the budgets are ignored. Reviewers see it.")
    ]


class Policy(_PolicyModel):
    """What Model Complexity measures in this repository, and its budgets."""

    model_config = ConfigDict(title="Model Complexity policy")

    include: Annotated[
        PlainGlobs,
        Field(description="Configs, as one glob or a list. Default: `configs/**` and any `**/configs/**`."),
    ] = ()
    exclude: Annotated[
        PlainGlobs, Field(description="Configs that are not measured, as one glob or a list. Overrides `include`.")
    ] = ()
    shapes: Annotated[
        Shapes,
        Field(description="Input shapes of every config, as one or a list, such as `auto`, `224`, `384x512`."),
    ] = ()
    shapes_for: Annotated[
        tuple[ShapesFor, ...],
        Field(max_length=MAX_RULES, description="Input shapes of some configs. The last rule that matches decides."),
    ] = ()
    budgets: Annotated[tuple[Budget, ...], Field(max_length=MAX_RULES, description="Limits on metrics.")] = ()
    ignore: Annotated[
        tuple[IgnoreRule, ...],
        Field(max_length=MAX_RULES, description="Known exceptions to the budgets, with reasons."),
    ] = ()
    max_configs: Annotated[
        MaxConfigs | None, Whole, Field(description="Maximum number of measured configs. Default: 20.")
    ] = None
    timeout: Annotated[
        Timeout | None, Whole, Field(description="Time limit of one config at one shape, in seconds. Default: 300.")
    ] = None
    jobs: Annotated[
        Jobs | None,
        Whole,
        Field(description="Number of configs measured in parallel. 0 is one per core. Default: 0."),
    ] = None

    deploy: Annotated[
        bool | None,
        BeforeValidator(boolean),
        WithJsonSchema({"type": "boolean"}),
        Field(description="Whether to measure the deployed form of models too. Default: false."),
    ] = None

    def shapes_of(self, path: str, default: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
        """Return the shapes at which a config is measured; ``default`` if the policy sets none."""
        matching = [rule.shapes for rule in self.shapes_for if rule.matches(path)]
        return matching[-1] if matching else self.shapes or tuple(default)

    def reason_to_ignore(self, path: str, metric: MetricName) -> str | None:
        """Return the reason to ignore an exceeded budget of a config, or None."""
        for rule in self.ignore:
            if rule.metric in {None, metric} and rule.matches(path):
                return rule.reason
        return None
