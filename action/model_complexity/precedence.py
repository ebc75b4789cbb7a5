"""Who has the last word: the workflow's inputs, the action's, the policy, the defaults, in this order (see docs/policy.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from model_complexity.discover import Patterns
from model_complexity.errors import ActionError
from model_complexity.github import Event
from model_complexity.history import Wanted
from model_complexity.measure.shapes import Asked, parse_shapes
from model_complexity.policy import Policy
from model_complexity.report import Target
from model_complexity.settings import Settings


@dataclass(frozen=True)
class Decision:
    """What a run goes by. ``shapes_of`` says at which shapes a config is measured."""

    settings: Settings
    wanted: Wanted
    shapes_of: Callable[[Target], tuple[Asked, ...]]


def decide(settings: Settings, event: Event, policy: Policy) -> Decision:
    """Puts the four together.

    Configs that a workflow's inputs name are measured whatever else is said; otherwise the input ``configs`` stands for the
    policy's ``include``, and its ``exclude`` holds all the same.

    Raises:
        ActionError: an input of the workflow is malformed.
    """
    settings = settings.under(policy)
    inputs = settings.inputs
    if event.configs is not None:
        patterns = Patterns.parse(event.configs)
    else:
        included = Patterns.parse(inputs.configs) if inputs.configs else Patterns.of(policy.include)
        patterns = included.without(policy.exclude)
    shapes = _by_hand(event) or (inputs.shapes if "shapes" in inputs.model_fields_set else None)

    def shapes_of(target: Target) -> tuple[Asked, ...]:
        return shapes or policy.shapes_of(target.name, inputs.shapes)

    return Decision(settings, Wanted(patterns, event.configs, inputs.max_configs), shapes_of)


def _by_hand(event: Event) -> tuple[Asked, ...] | None:
    try:
        return parse_shapes(event.shapes) if event.shapes else None
    except ValueError as error:
        raise ActionError(f"workflow input `shapes`: {error}.") from error
