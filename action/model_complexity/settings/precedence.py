"""Who has the last word: the workflow's inputs, the action's, the policy, the defaults, in this order (see docs/policy.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from model_complexity.common.shapes import InputSpec, parse_shapes
from model_complexity.discover import Patterns
from model_complexity.errors import ActionError
from model_complexity.policy import Policy
from model_complexity.report import Target
from model_complexity.revisions import SelectionRequest
from model_complexity.settings.inputs import Inputs


@dataclass(frozen=True)
class ResolvedOptions:
    """What a run goes by. ``shapes_of`` says at which shapes a config is measured."""

    inputs: Inputs
    wanted: SelectionRequest
    shapes_of: Callable[[Target], tuple[InputSpec, ...]]

    def jobs(self, targets: Iterable[Target]) -> list[tuple[Target, InputSpec]]:
        """Each config at each of its shapes."""
        return [(target, shape) for target in targets for shape in self.shapes_of(target)]


def resolve_options(
    inputs: Inputs, policy: Policy, *, configs: str | None = None, shapes: str | None = None
) -> ResolvedOptions:
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
    inputs = inputs.with_policy_defaults(policy)
    if configs is not None:
        patterns = Patterns.parse(configs)
    else:
        included = Patterns.parse(inputs.configs) if inputs.configs else Patterns.of(policy.include)
        patterns = included.without(policy.exclude)
    given = _workflow_shapes(shapes) or (inputs.shapes if "shapes" in inputs.model_fields_set else None)

    def shapes_of(target: Target) -> tuple[InputSpec, ...]:
        return given or policy.shapes_of(target.name, inputs.shapes)

    return ResolvedOptions(inputs, SelectionRequest(patterns, configs, inputs.max_configs), shapes_of)


def _workflow_shapes(shapes: str | None) -> tuple[InputSpec, ...] | None:
    try:
        return parse_shapes(shapes) if shapes else None
    except ValueError as error:
        raise ActionError(f"workflow input `shapes`: {error}.") from error
