"""mmaction2: what a model does in ``predict`` with one view of a video, head and all.

The library's own ``get_flops.py`` traces ``extract_feat``, which leaves the head out; published figures have it in.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any, Callable, Dict, Iterator, List, NoReturn, Tuple

import torch
from torch import nn

from model_complexity.common.shapes import AUTO, InputSpec
from model_complexity.worker.codebases.base import (
    WITHOUT_POST_PROCESSING,
    Codebase,
    TraceInputs,
    UnsupportedInputError,
    make_inputs,
)
from model_complexity.worker.codebases.support.detectors import PREDICT
from model_complexity.worker.codebases.support.video_inputs import resolve
from model_complexity.worker.patch import patch_attribute

PROPOSALS = 32
"""People in a clip, which another detector finds; where a config samples a number of its own for training, that one."""
_BANK = "mmaction.models.roi_heads.shared_heads.fbo_head"
_FILLER = "mmaction.models.roi_heads.shared_heads.lfb_infer_head"
_MVIT = "mmaction.models.backbones.mvit"
_VIDEO = "none"
_DRN = "mmaction.models.localizers.drn"


def predict(model: nn.Module) -> str:
    """``predict``, as far as tensors go."""
    return PREDICT


def feed_view(model: nn.Module, entry_point: str, asked: InputSpec, device: str) -> TraceInputs:
    """Like ``make_inputs``; ``predict`` is what the library's does between the input and its last post-processing."""
    if asked == AUTO:
        raise UnsupportedInputError(
            "the config does not say what is fed to the model; name its inputs with all dimensions, "
            "such as `inputs=8x3x224x224` for 8 frames"
        )
    model.predict = _runner(model)
    fed = make_inputs(model, entry_point, asked, device)
    return fed._replace(conditions=_conditions(model, fed))


def _runner(model: nn.Module) -> Callable[..., Any]:
    if _is_detector(model):
        return lambda inputs: _detect(model, inputs)
    kind = type(model).__name__
    if kind in _RUNNERS:
        return lambda inputs: _RUNNERS[kind](model, inputs)
    if kind == "CLIPSimilarity":
        return lambda imgs, text: model.extract_feat({"imgs": imgs, "text": text})
    if kind == "MMRecognizer3D":
        return lambda imgs, heatmap_imgs: _recognise(model, {"imgs": imgs, "heatmap_imgs": heatmap_imgs})
    return lambda inputs: _recognise(model, inputs)


def _is_detector(model: nn.Module) -> bool:
    return hasattr(model, "roi_head")


def _recognise(model: nn.Module, inputs: Any) -> Any:
    features, known = model.extract_feat(inputs, test_mode=True)
    return model.cls_head(features, **known) if getattr(model, "with_cls_head", False) else features


def _recognise_any(model: nn.Module, inputs: torch.Tensor) -> Any:
    return model.cls_head(model.extract_feat(inputs, test_mode=True))


def _detect(model: nn.Module, inputs: torch.Tensor) -> Any:
    """Proposals come from another detector: here each is the whole frame, for the work does not hang on where they lie."""
    height, width = (int(side) for side in inputs.shape[-2:])
    rois = torch.tensor([[0, 0, 0, width, height]] * _proposals(model), dtype=inputs.dtype, device=inputs.device)
    return model.roi_head._bbox_forward(model.extract_feat(inputs), rois, _OfNoVideo())["cls_score"]


class _OfNoVideo(List[Dict[str, str]]):
    """What is known of the video that each proposal is of: nothing, whatever index is asked for."""

    def __getitem__(self, index: Any) -> Any:
        return {"img_key": f"{_VIDEO},0"}


def _proposals(model: nn.Module) -> int:
    sampler = (getattr(model.roi_head, "train_cfg", None) or {}).get("sampler") or {}
    return int(sampler.get("num") or PROPOSALS)


def _rate(model: nn.Module, inputs: torch.Tensor) -> Any:
    """PEM: one row of features for each proposal."""
    return model._forward(inputs[0])


def _locate(model: nn.Module, inputs: torch.Tensor) -> Any:
    return model._forward(inputs)


def _refine(model: nn.Module, inputs: torch.Tensor) -> Any:
    """TCANet: three times over, boundaries of proposals from another model; here they are the whole video."""
    whole = [0, 1, 0]
    proposals = torch.tensor([whole] * model.post_process_top_k, dtype=inputs.dtype, device=inputs.device)
    features = model._forward(inputs)[proposals[:, 2].long()]
    found = []
    for stage, overlap in ((model.tbr1, 0.5), (model.tbr2, 0.6), (model.tbr3, 0.7)):
        rating, proposals = stage(proposals, features, None, overlap, False)[:2]
        found += [rating, proposals]
        proposals = torch.cat([proposals, proposals.new_zeros(len(proposals), 1)], 1)
    return found


_RUNNERS: Dict[str, Callable[[nn.Module, torch.Tensor], Any]] = {
    "RecognizerOmni": _recognise_any,
    "BMN": _locate,
    "TEM": _locate,
    "PEM": _rate,
    "TCANet": _refine,
}
_LOCALIZERS = ("BMN", "TEM", "PEM", "TCANet")


def _conditions(model: nn.Module, fed: TraceInputs) -> Tuple[str, ...]:
    kind, shape = type(model).__name__, fed.tensors[0].shape
    if _is_detector(model):
        return (f"{_proposals(model):,} proposals", WITHOUT_POST_PROCESSING)
    if kind in _LOCALIZERS:
        counts = {"PEM": shape[1], "TCANet": getattr(model, "post_process_top_k", 0)}
        proposals = [f"{counts[kind]:,} proposals"] if kind in counts else []
        return (*proposals, WITHOUT_POST_PROCESSING)
    views, frames = (shape[1], shape[3]) if len(shape) == 6 else (1, shape[1])
    if kind == "RecognizerAudio" or len(shape) < 5:
        return ()
    return (f"{views} view{'s' if views > 1 else ''} of {frames} frame{'s' if frames > 1 else ''}",)


@contextlib.contextmanager
def without_files() -> Iterator[None]:
    """Models are built without a feature bank, which is a data set, without a folder made for one, and without weights."""
    import mmengine

    _name_what_is_missing()
    filler = getattr(sys.modules.get(_FILLER), "LFBInferHead", None)
    if filler is not None:
        filler.__del__ = _write_nothing  # for good: an object goes when it likes
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch_attribute(mmengine, "mkdir_or_exist", _make_nothing))
        for place, name, instead in ((_BANK, "LFB", _empty_bank), (_MVIT, "MViT", _without_weights)):
            found = getattr(sys.modules.get(place), name, None)  # not there without mmdet, or in another version
            if found is not None:
                stack.enter_context(patch_attribute(found, "__init__", instead(found.__init__)))
        yield


def _write_nothing(self: Any) -> None:
    """For the end of the head that fills a feature bank, which saves the bank."""


def _make_nothing(folder: Any, mode: int = 0) -> None:
    """For ``mmengine.mkdir_or_exist``."""


def _empty_bank(read: Callable[..., None]) -> Callable[..., None]:
    """For ``LFB.__init__``: a bank gives features of one size, zeros for a second that it does not know."""

    def make(
        self: Any,
        lfb_prefix_path: str,
        max_num_sampled_feat: int = 5,
        window_size: int = 60,
        lfb_channels: int = 2048,
        **_: Any,
    ) -> None:
        self.max_num_sampled_feat, self.window_size, self.lfb_channels = max_num_sampled_feat, window_size, lfb_channels
        self.device, self.lfb = "cpu", {_VIDEO: {}}

    return make


def _without_weights(build: Callable[..., None]) -> Callable[..., None]:
    """For ``MViT.__init__``, which copies its ``init_cfg``: that is None where it would load weights."""

    def make(self: Any, *arguments: Any, **keywords: Any) -> None:
        if "init_cfg" in keywords and keywords["init_cfg"] is None:
            keywords["init_cfg"] = []
        build(self, *arguments, **keywords)

    return make


def _name_what_is_missing() -> None:
    """mmaction2's wheel has DRN's configs and not its modules: without an ``__init__.py``, their folder is not packaged."""
    registry = importlib.import_module("mmaction.registry").MODELS
    if registry.module_dict.get("DRN") is None:
        registry.register_module(name="DRN", module=_no_drn)


def _no_drn(**_: Any) -> NoReturn:
    raise ModuleNotFoundError(
        f"No module named {_DRN!r}: mmaction2's wheel lacks it; install a checkout of mmaction2 with `pip install -e`",
        name=_DRN,
    )


def as_one_parameter(model: nn.Module, fed: TraceInputs) -> None:
    """TPN's head makes itself a convolution when it is first asked for one, with a copy of the classifier's weights."""
    head: Any = getattr(model, "cls_head", None)
    if hasattr(head, "_init_new_cls") and (getattr(model, "test_cfg", None) or {}).get("fcn_test"):
        head.new_cls = _AsConvolution(head.fc_cls)


class _AsConvolution(nn.Module):  # type: ignore[misc] # torch is absent where types are checked
    """A linear layer over the channels of (N, C, T, H, W)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.conv3d(values, self.linear.weight[..., None, None, None], self.linear.bias)


CODEBASE = Codebase(
    "mmaction2",
    ("mmaction",),
    entry_point=predict,
    resolve=resolve,
    make_inputs=feed_view,
    before_forward=as_one_parameter,
    build_context=without_files,
    optional_imports=(_DRN, "decord"),
    install="""
        pip install --no-deps mmaction2==1.2.0 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 requests
    """,
    probe_configs=("recognition/slowfast/slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb.py",),
)
