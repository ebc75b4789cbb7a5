"""Precedence of options: workflow inputs, action inputs, policy, defaults (see docs/policy.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from model_complexity.common.shapes import InputSpec, parse_shapes
from model_complexity.discover import Patterns
from model_complexity.discover.select import SelectionRequest
from model_complexity.errors import ActionError
from model_complexity.policy import Policy
from model_complexity.report import Target
from model_complexity.settings.inputs import Inputs


class WorkflowInputs(NamedTuple):
    """The inputs of a manually started workflow, which override everything."""

    configs: str | None = None
    shapes: str | None = None


NO_WORKFLOW_INPUTS: Final = WorkflowInputs()


@dataclass(frozen=True)
class ResolvedOptions:
    """The options of a run. ``shapes_of`` returns the shapes at which a config is measured."""

    inputs: Inputs
    selection: SelectionRequest
    shapes_of: Callable[[Target], tuple[InputSpec, ...]]

    def requests(self, targets: Iterable[Target]) -> list[tuple[Target, InputSpec]]:
        """Pair each target with each of its shapes."""
        return [(target, shape) for target in targets for shape in self.shapes_of(target)]


def resolve_options(inputs: Inputs, policy: Policy, workflow: WorkflowInputs = NO_WORKFLOW_INPUTS) -> ResolvedOptions:
    """Resolve the options of a run by precedence.

    Configs that the workflow's inputs name are always measured. Otherwise the input ``configs`` overrides the policy's
    ``include``, and the policy's ``exclude`` still applies.

    Raises:
        ActionError: an input of the workflow is malformed.
    """
    inputs = inputs.with_policy_defaults(policy)
    if workflow.configs is not None:
        patterns = Patterns.parse(workflow.configs)
    else:
        included = Patterns.parse(inputs.configs) if inputs.configs else Patterns.of(policy.include)
        patterns = included.without(policy.exclude)
    given = _parse_workflow_shapes(workflow.shapes) or (inputs.shapes if "shapes" in inputs.model_fields_set else None)

    def shapes_of(target: Target) -> tuple[InputSpec, ...]:
        return given or policy.shapes_of(target.name, inputs.shapes)

    return ResolvedOptions(inputs, SelectionRequest(patterns, workflow.configs, inputs.max_configs), shapes_of)


def _parse_workflow_shapes(shapes: str | None) -> tuple[InputSpec, ...] | None:
    try:
        return parse_shapes(shapes) if shapes else None
    except ValueError as error:
        raise ActionError(f"workflow input `shapes`: {error}.") from error
