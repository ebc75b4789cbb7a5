"""Refuse gradients in inference mode where torch takes zeros for them, so that a second attempt takes them."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Iterator, NoReturn

import torch
from torch._functorch import eager_transforms

from model_complexity.worker.patch import patch_attribute

_TAKES_NONE_IN_INFERENCE_MODE = not hasattr(eager_transforms, "_disable_inference_mode")
"""Whether torch.func returns zeros in inference mode, as in torch 2.1. Later versions leave that mode first."""


@contextlib.contextmanager
def refusing_gradients() -> Iterator[None]:
    """Let torch.func, torch.autograd.functional and torch.autograd.forward_ad raise where they would return zeros or nothing.

    Raises:
        RuntimeError: from the transform, in words that ``analysis.takes_gradients`` knows.
    """
    with contextlib.ExitStack() as stack:
        for module, name in (
            (torch.autograd.functional, "_grad_preprocess"),
            (torch.autograd.forward_ad, "make_dual"),
        ):
            stack.enter_context(patch_attribute(module, name, _refusing_in_inference_mode(getattr(module, name))))
        for name in ("_grad_increment_nesting", "_jvp_increment_nesting"):
            if _TAKES_NONE_IN_INFERENCE_MODE and hasattr(eager_transforms, name):
                stack.enter_context(patch_attribute(eager_transforms, name, _refuse))
        yield


def _refusing_in_inference_mode(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        return _refuse() if torch.is_inference_mode_enabled() else function(*args, **kwargs)

    return run


def _refuse(*_: Any) -> NoReturn:
    raise RuntimeError("The transforms of torch require gradients, which inference mode does not take.")
