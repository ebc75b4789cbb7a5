"""The policy file, ``.github/model-complexity.yml``, as data. Its JSON Schema is made from these classes: their texts are its."""

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
MOST_RULES = 200
MOST_GLOBS = 100
MOST_SHAPES = 16


def _hyphens(name: str) -> str:
    return name.replace("_", "-")


def _listed(value: object) -> object:
    """One, or a list of them."""
    return [value] if isinstance(value, str) else value


def _glob(text: str) -> str:
    if "," in text:  # the input `configs` separates by it, and one text must mean the same in both places
        raise ValueError(f"the pattern {text[:100]!r} has a comma; write a list: one glob each")
    Pattern.parse(text)
    return text


def _positive(text: str) -> str:
    if text.startswith("!"):
        raise ValueError(f"the pattern {text[:100]!r} starts with !; what is excluded stands below `exclude`")
    return text


def _shape(text: object) -> InputSpec:
    if not isinstance(text, str):
        raise ValueError(
            "is not a shape: write height and width as 384x512, in a list of their own they are two shapes"
        )
    if re.search(r"(?<!\d)0\d", text):
        raise ValueError(f"{text[:40]!r} has a number with a leading zero")
    return parse_shape(text)


def _one_or_more(one: dict[str, Any], most: int) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "maxItems": most}]})


_GLOB = {"type": "string", "minLength": 1, "maxLength": 1_000, "pattern": r"^[^,{}\\]+$"}
_PLAIN_GLOB = {**_GLOB, "pattern": r"^[^!,{}\\][^,{}\\]*$"}
_NAMED = r"[A-Za-z_]\w*=[0-9]+([x×][0-9]+)*(:(float|int|bool))?"
_SHAPE = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": rf"^(auto|[1-9][0-9]*([ x×]+[1-9][0-9]*)?|{_NAMED}( +{_NAMED})*)$"},
    ]
}
_Glob = Annotated[str, AfterValidator(_glob)]
_Some = Field(min_length=1, max_length=MOST_GLOBS)
Globs = Annotated[tuple[_Glob, ...], BeforeValidator(_listed), _Some, _one_or_more(_GLOB, MOST_GLOBS)]
PlainGlobs = Annotated[
    tuple[Annotated[_Glob, AfterValidator(_positive)], ...],
    BeforeValidator(_listed),
    _Some,
    _one_or_more(_PLAIN_GLOB, MOST_GLOBS),
]
Shapes = Annotated[
    tuple[Annotated[InputSpec, BeforeValidator(_shape)], ...],
    BeforeValidator(_listed),
    AfterValidator(lambda shapes: tuple(dict.fromkeys(shapes))),
    Field(min_length=1, max_length=MOST_SHAPES),
    _one_or_more(_SHAPE, MOST_SHAPES),
]
Level = Literal["warn", "fail"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=_hyphens)


class _Rule(_Part):
    """Something for the configs that match."""

    configs: Annotated[
        Globs,
        Field(description="Configs, as one glob or a list; of those that match, the last decides, and `!` excludes."),
    ]

    def matches(self, path: str) -> bool:
        """Says whether a config is meant."""
        return self._patterns.matches(path)

    @cached_property
    def _patterns(self) -> Patterns:
        rules = tuple(map(Pattern.parse, self.configs))
        return Patterns(rules if any(rule.include for rule in rules) else (Pattern("**"), *rules))


class ShapesFor(_Rule):
    """Input shapes for some configs, in place of the default ones."""

    shapes: Annotated[Shapes, Field(description="Input shapes, as one or a list. Each config is measured at each.")]


class Budget(_Rule):
    """A limit on one figure of some configs. Every budget that matches a config is judged."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["max"]}, {"required": ["max-increase"]}]})

    configs: Annotated[
        Globs, Field(description="Configs, as one glob or a list; `!` excludes. Without it, every config.")
    ] = ("**",)
    metric: Annotated[MetricName, Field(description="What is limited.")]
    most: Annotated[
        Max,
        Field(alias="max", description="The largest value allowed, with K, M, G, T or P for thousands, as in `5G`."),
    ] = None
    max_increase: Annotated[
        MaxIncrease, Field(description="The largest increase over the merge base allowed, in percent, as in `3%`.")
    ] = None
    shapes: Annotated[
        Shapes, Field(description="Only at these input shapes, as one or a list. Without it, at every shape.")
    ] = ()
    level: Annotated[
        Level, Field(description="What a broken budget does: `fail` fails the step, `warn` only says so.")
    ] = "fail"

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.most is None and self.max_increase is None:
            raise ValueError("has no limit: give it `max`, `max-increase` or both")
        return self

    def applies_to(self, path: str, asked: InputSpec, measured: Measurement) -> bool:
        """Says whether the budget limits a config at a shape: the one asked for, or the one that ``auto`` came to."""
        fed = asked if asked != AUTO else measured.input_shape[1:]
        return (not self.shapes or asked in self.shapes or fed in self.shapes) and self.matches(path)


class IgnoreRule(_Rule):
    """A known exception: budgets that it breaks are reported, with the reason, and neither warn nor fail."""

    metric: Annotated[MetricName | None, Field(description="Only budgets on this. Without it, on all three.")] = None
    reason: Annotated[str, Field(min_length=1, max_length=500, description="Why. It is shown to reviewers.")]


class Policy(_Part):
    """What Model Complexity measures in this repository, and what it allows."""

    model_config = ConfigDict(title="Policy of Model Complexity")

    include: Annotated[
        PlainGlobs,
        Field(description="Where configs are, as one glob or a list. Default: `configs/**` and any `**/configs/**`."),
    ] = ()
    exclude: Annotated[
        PlainGlobs, Field(description="Configs that are not measured, as one glob or a list. Goes before `include`.")
    ] = ()
    shapes: Annotated[
        Shapes,
        Field(description="Input shapes of every config, as one or a list, such as `auto`, `224`, `384x512`."),
    ] = ()
    shapes_for: Annotated[
        tuple[ShapesFor, ...],
        Field(
            max_length=MOST_RULES, description="Input shapes of some configs; of several that match, the last decides."
        ),
    ] = ()
    budgets: Annotated[tuple[Budget, ...], Field(max_length=MOST_RULES, description="Limits on figures.")] = ()
    ignore: Annotated[
        tuple[IgnoreRule, ...],
        Field(max_length=MOST_RULES, description="Known exceptions to the budgets, with reasons."),
    ] = ()
    max_configs: Annotated[
        MaxConfigs | None, Whole, Field(description="How many configs are measured at most. Default: 20.")
    ] = None
    timeout: Annotated[
        Timeout | None, Whole, Field(description="Seconds that one config may take at one shape. Default: 300.")
    ] = None
    jobs: Annotated[
        Jobs | None,
        Whole,
        Field(description="How many configs are measured side by side; 0 for as many as there are cores. Default: 0."),
    ] = None

    deploy: Annotated[
        bool | None,
        BeforeValidator(boolean),
        WithJsonSchema({"type": "boolean"}),
        Field(description="Whether models are counted in the form that they are deployed in too. Default: false."),
    ] = None

    def shapes_of(self, path: str, default: Sequence[InputSpec]) -> tuple[InputSpec, ...]:
        """The shapes at which a config is measured; ``default`` where the policy names none."""
        found = [rule.shapes for rule in self.shapes_for if rule.matches(path)]
        return found[-1] if found else self.shapes or tuple(default)

    def reason_to_ignore(self, path: str, metric: MetricName) -> str | None:
        """Why a broken budget of a config is a known exception; None where it is none."""
        for known in self.ignore:
            if known.metric in {None, metric} and known.matches(path):
                return known.reason
        return None
