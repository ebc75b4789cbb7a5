"""A row of the table of codebases, and how a model's inputs are made."""

from __future__ import annotations

import inspect
from contextlib import nullcontext
from typing import Any, Callable, ContextManager, Dict, List, Mapping, NamedTuple, Tuple

import torch
from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec, NamedInput, named_inputs
from model_complexity.worker.build.stub_extension import Extension
from model_complexity.worker.config_sizes import Transforms, pipeline_shape

EXTRACT = "extract_feat"
WITHOUT_POST_PROCESSING = "without post-processing"
"""A condition: see ``ModelInputs``."""
_DTYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}


class UnsupportedInputError(Exception):
    """No input of the requested shape can be made for the model."""

    failure_kind = "unsupported_input"


class ModelInputs(NamedTuple):
    """What a model is run with: tensors with the batch first, and the shapes of named inputs."""

    tensors: Tuple[torch.Tensor, ...]
    named: Dict[str, List[int]]
    conditions: Tuple[str, ...] = ()
    """What the metrics depend on or leave out, in a few words each: ``1,000 proposals``, ``without post-processing``."""


def extract_feat_or_forward(model: nn.Module) -> str:
    """Return ``extract_feat`` if the model has it, as OpenMMLab's own tools do, else ``forward``."""
    return EXTRACT if callable(getattr(model, EXTRACT, None)) else "forward"


def no_setup(model: nn.Module, inputs: ModelInputs) -> None:
    """Do nothing: the model needs only its inputs."""


def resolve_auto(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return the requested shape, for ``auto`` that of the config's pipeline."""
    return pipeline_shape(config) if requested == AUTO else requested


def make_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make inputs of the requested shape, and ``model(*tensors)`` call the entry point with them.

    Args:
        model: its ``forward`` is replaced for another entry point and for named inputs.
        entry_point: the name of the method that is run.
        requested: (C, H, W) of one image, or the canonical text of named inputs.
        device: where the inputs are made.

    Raises:
        UnsupportedInputError: the entry point has no such input, or requires others.
    """
    method: Callable[..., Any] = getattr(model, entry_point)
    if not isinstance(requested, str):
        _check_signature(method, entry_point, [], f"one image {(1, *requested)}")
        if entry_point != "forward":
            model.forward = method
        return ModelInputs((_tensor(NamedInput("", requested, "float"), device),), {})
    inputs = named_inputs(requested)
    names = [named.name for named in inputs]
    _check_signature(method, entry_point, names, requested)

    def call_by_name(*tensors: torch.Tensor) -> Any:
        return method(**dict(zip(names, tensors)))

    model.forward = call_by_name
    return ModelInputs(
        tuple(_tensor(named, device) for named in inputs), {named.name: [1, *named.shape] for named in inputs}
    )


def _check_signature(method: Callable[..., Any], entry_point: str, names: List[str], tried: str) -> None:
    try:
        signature = inspect.signature(method)
        bound = signature.bind_partial(**dict.fromkeys(names)) if names else signature.bind_partial(None)
    except ValueError:
        return  # a built-in without a signature
    except TypeError:
        known = ", ".join(inspect.signature(method).parameters) or "no input"
        raise UnsupportedInputError(f"`{entry_point}` takes {known}, not {tried}.") from None
    missing = [
        name
        for name, parameter in signature.parameters.items()
        if name not in bound.arguments
        and parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if missing:
        raise UnsupportedInputError(f"`{entry_point}` requires {', '.join(missing)} in addition to {tried}.")


def _tensor(named: NamedInput, device: str) -> torch.Tensor:
    """Make a batch of one, equal in every run: numbers from 0 to 1, the integer 0 (a valid index anywhere), or all true."""
    shape = (1, *named.shape)
    if named.kind == "float":
        return torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(device)
    return torch.full(shape, named.kind == "bool", dtype=_DTYPES[named.kind], device=device)


InputMaker = Callable[[nn.Module, str, InputSpec, str], ModelInputs]
"""The signature of ``make_inputs``."""


class Codebase(NamedTuple):
    """A library: how its models are measured, and how it is installed.

    Args:
        name: of the library, for people.
        scopes: its registry scopes; the first one is the library's package.
        entry_point: name the method of a model that is run.
        resolve: return the input for a resolved config and the requested shape: ``auto`` gets its meaning, and an image of a
            video model its clip. Configs with equal models and equal results are measured once.
        make_inputs: make the inputs, and ``model(*tensors)`` call the entry point with them; see ``make_inputs``.
        before_forward: set what the library's own loop sets on a model before it calls it.
        build_context: entered while a model is built.
        transforms: those that decide the size of an image.
        optional_imports: modules that the library imports and no model needs: stubs if not installed.
        optional_decorators: of those modules, decorators that may leave a function unchanged: ``module.name``.
        asserted_names: (name, module) of libraries whose names in version assertions differ from their modules.
        extensions: compiled modules that have stubs.
        install: the tested ``install`` input, for docs/codebases.md.
        probe_configs: some configs that the library ships, to test ``install`` with: one of many, and those that need
            another library.
    """

    name: str
    scopes: Tuple[str, ...]
    entry_point: Callable[[nn.Module], str] = extract_feat_or_forward
    resolve: Callable[[Mapping[str, Any], InputSpec], InputSpec] = resolve_auto
    make_inputs: InputMaker = make_inputs
    before_forward: Callable[[nn.Module, ModelInputs], None] = no_setup
    build_context: Callable[[], ContextManager[None]] = nullcontext
    transforms: Transforms = Transforms()
    optional_imports: Tuple[str, ...] = ()
    optional_decorators: Tuple[str, ...] = ()
    asserted_names: Tuple[Tuple[str, str], ...] = ()
    extensions: Tuple[Extension, ...] = ()
    install: str = ""
    probe_configs: Tuple[str, ...] = ()
