"""Who has the last word: the workflow's inputs, the action's, the policy, the defaults, in this order (see docs/policy.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from model_complexity.common.shapes import Asked, parse_shapes
from model_complexity.discover import Patterns
from model_complexity.errors import ActionError
from model_complexity.policy import Policy
from model_complexity.report import Target
from model_complexity.revisions import Wanted
from model_complexity.settings.inputs import Inputs


@dataclass(frozen=True)
class Decision:
    """What a run goes by. ``shapes_of`` says at which shapes a config is measured."""

    inputs: Inputs
    wanted: Wanted
    shapes_of: Callable[[Target], tuple[Asked, ...]]

    def jobs(self, targets: Iterable[Target]) -> list[tuple[Target, Asked]]:
        """Each config at each of its shapes."""
        return [(target, shape) for target in targets for shape in self.shapes_of(target)]


def decide(inputs: Inputs, policy: Policy, *, configs: str | None = None, shapes: str | None = None) -> Decision:
    """Puts the four together.

    Args:
        inputs: the action's, or a command's options.
        policy: the one that stands.
        configs: those that the workflow was told by hand.
        shapes: likewise.

    Configs that a workflow's inputs name are measured whatever else is said; otherwise the input ``configs`` stands for the
    policy's ``include``, and its ``exclude`` holds all the same.

    Raises:
        ActionError: an input of the workflow is malformed.
    """
    inputs = inputs.under(policy)
    if configs is not None:
        patterns = Patterns.parse(configs)
    else:
        included = Patterns.parse(inputs.configs) if inputs.configs else Patterns.of(policy.include)
        patterns = included.without(policy.exclude)
    given = _by_hand(shapes) or (inputs.shapes if "shapes" in inputs.model_fields_set else None)

    def shapes_of(target: Target) -> tuple[Asked, ...]:
        return given or policy.shapes_of(target.name, inputs.shapes)

    return Decision(inputs, Wanted(patterns, configs, inputs.max_configs), shapes_of)


def _by_hand(shapes: str | None) -> tuple[Asked, ...] | None:
    try:
        return parse_shapes(shapes) if shapes else None
    except ValueError as error:
        raise ActionError(f"workflow input `shapes`: {error}.") from error
