"""What a row of the table says, and how the inputs that it names are made."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from typing import Any, Callable, ContextManager, Dict, List, Mapping, NamedTuple, Tuple

import torch
from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec, NamedInput, named_inputs
from model_complexity.worker.config_sizes import pipeline_shape

EXTRACT = "extract_feat"
WITHOUT_POST_PROCESSING = "without post-processing"
"""A condition of many: see ``TraceInputs``."""
_KINDS = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}


class UnsupportedInputError(Exception):
    """The model asks for an input that cannot be made from what was asked for."""

    failure_kind = "unsupported_input"


class TraceInputs(NamedTuple):
    """What a model is traced with: tensors with the batch first, and their shapes by name where they were named."""

    tensors: Tuple[torch.Tensor, ...]
    named: Dict[str, List[int]]
    conditions: Tuple[str, ...] = ()
    """What the figures hold for, or leave out, in a few words each: ``1,000 proposals``, ``without post-processing``."""


def extract_feat_or_forward(model: nn.Module) -> str:
    """``extract_feat`` where a model has it, as OpenMMLab's own tools trace it, otherwise ``forward``."""
    return EXTRACT if callable(getattr(model, EXTRACT, None)) else "forward"


def no_setup(model: nn.Module, fed: TraceInputs) -> None:
    """For models that need nothing but their input."""


def resolve_auto(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """What was asked for, and for ``auto`` the size of the config's own pipeline."""
    return pipeline_shape(config) if asked == AUTO else asked


def make_inputs(model: nn.Module, entry_point: str, asked: InputSpec, device: str) -> TraceInputs:
    """Makes ``model(*tensors)`` run the method with inputs of the shapes asked for, and makes the inputs.

    Args:
        model: its ``forward`` is replaced where another method, or inputs by name, are asked for.
        entry_point: the name of the method that is traced.
        asked: (C, H, W) of one image, or the canonical text of named inputs.
        device: where the inputs are made.

    Raises:
        UnsupportedInputError: the method has no such input, or wants more of them.
    """
    called: Callable[..., Any] = getattr(model, entry_point)
    if not isinstance(asked, str):
        _check(called, entry_point, [], f"one image {(1, *asked)}")
        if entry_point != "forward":
            model.forward = called
        return TraceInputs((_tensor(NamedInput("", asked, "float"), device),), {})
    inputs = named_inputs(asked)
    names = [one.name for one in inputs]
    _check(called, entry_point, names, asked)

    def by_name(*tensors: torch.Tensor) -> Any:
        return called(**dict(zip(names, tensors)))

    model.forward = by_name
    return TraceInputs(tuple(_tensor(one, device) for one in inputs), {one.name: [1, *one.shape] for one in inputs})


def _check(called: Callable[..., Any], entry_point: str, names: List[str], tried: str) -> None:
    try:
        signature = inspect.signature(called)
        bound = signature.bind_partial(**dict.fromkeys(names)) if names else signature.bind_partial(None)
    except ValueError:
        return  # it does not say what it takes
    except TypeError:
        known = ", ".join(inspect.signature(called).parameters) or "no input"
        raise UnsupportedInputError(f"`{entry_point}` takes {known}; tried {tried}") from None
    missing = [
        name
        for name, parameter in signature.parameters.items()
        if name not in bound.arguments
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if missing:
        raise UnsupportedInputError(f"`{entry_point}` asks for {', '.join(missing)} as well; tried {tried}")


def _tensor(one: NamedInput, device: str) -> torch.Tensor:
    """A batch of one, the same in every run: numbers from 0 to 1, the integer 0 (a legal index anywhere), or all true."""
    shape = (1, *one.shape)
    if one.kind == "float":
        return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)
    return torch.full(shape, one.kind == "bool", dtype=_KINDS[one.kind], device=device)


Feeder = Callable[[nn.Module, str, InputSpec, str], TraceInputs]
"""``make_inputs``, or what a library has instead of it."""


class Codebase(NamedTuple):
    """One row.

    Args:
        name: of the library, for people.
        scopes: the registry scopes that it stands for, the first one importable under that name.
        entry_point: names the method of a model that is traced.
        resolve: what is fed for a resolved config and what was asked for: gives ``auto`` its meaning, an image of a video
            model its clip. Two configs with the same model and the same answer are the same work.
        feed: makes the input, and ``model(*tensors)`` run the method with it; see ``make_inputs``.
        ready: sets what the library's own loop sets on a model before it calls it with an input.
        unneeded: modules that the library imports and its models do not need; where one is not installed, an empty one does.
        while_building: holds while a model is built.
    """

    name: str
    scopes: Tuple[str, ...]
    entry_point: Callable[[nn.Module], str] = extract_feat_or_forward
    resolve: Callable[[Mapping[str, Any], InputSpec], InputSpec] = resolve_auto
    make_inputs: Feeder = make_inputs
    before_forward: Callable[[nn.Module, TraceInputs], None] = no_setup
    optional_imports: Tuple[str, ...] = ()
    build_context: Callable[[], ContextManager[None]] = nullcontext
