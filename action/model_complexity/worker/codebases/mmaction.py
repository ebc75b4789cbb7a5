"""mmaction2: ``predict`` of one view of a video, head included.

The library's own ``get_flops.py`` traces ``extract_feat``, which leaves the head out; published metrics include it.
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
    ModelInputs,
    UnsupportedInputError,
    make_inputs,
)
from model_complexity.worker.codebases.support.detectors import PREDICT
from model_complexity.worker.codebases.support.video_inputs import resolve
from model_complexity.worker.config_reader import section
from model_complexity.worker.patch import patch_attribute

PROPOSALS = 32
"""People in a clip, whom another detector finds, unless the config samples a number for training."""
_FEATURE_BANK = "mmaction.models.roi_heads.shared_heads.fbo_head"
_BANK_HEAD = "mmaction.models.roi_heads.shared_heads.lfb_infer_head"
_MVIT = "mmaction.models.backbones.mvit"
_VIDEO = "none"
_DRN = "mmaction.models.localizers.drn"


def choose_entry_point(model: nn.Module) -> str:
    """Return ``predict``, which ``make_view_inputs`` replaces."""
    return PREDICT


def make_view_inputs(model: nn.Module, entry_point: str, requested: InputSpec, device: str) -> ModelInputs:
    """Make inputs, and ``predict`` do what the library's does up to its last post-processing."""
    if requested == AUTO:
        raise UnsupportedInputError(
            "The config does not set the model's input. Name its inputs with all dimensions, "
            "such as `inputs=8x3x224x224` for 8 frames."
        )
    model.predict = _predict_of(model)
    inputs = make_inputs(model, entry_point, requested, device)
    return inputs._replace(conditions=_conditions(model, inputs))


def _predict_of(model: nn.Module) -> Callable[..., Any]:
    if _is_detector(model):
        return lambda inputs: _detect(model, inputs)
    kind = type(model).__name__
    if kind in _PREDICT:
        return lambda inputs: _PREDICT[kind](model, inputs)
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
    """Take the whole frame for each proposal of another detector: their positions do not change the cost."""
    height, width = (int(side) for side in inputs.shape[-2:])
    rois = torch.tensor([[0, 0, 0, width, height]] * _proposals(model), dtype=inputs.dtype, device=inputs.device)
    return model.roi_head._bbox_forward(model.extract_feat(inputs), rois, _AnyVideo())["cls_score"]


class _AnyVideo(List[Dict[str, str]]):
    """The metainfo of each proposal's video, at any index."""

    def __getitem__(self, index: Any) -> Any:
        return {"img_key": f"{_VIDEO},0"}


def _proposals(model: nn.Module) -> int:
    return int(section(getattr(model.roi_head, "train_cfg", None), "sampler").get("num") or PROPOSALS)


def _rate(model: nn.Module, inputs: torch.Tensor) -> Any:
    """Run PEM: one row of features for each proposal."""
    return model._forward(inputs[0])


def _locate(model: nn.Module, inputs: torch.Tensor) -> Any:
    return model._forward(inputs)


def _refine(model: nn.Module, inputs: torch.Tensor) -> Any:
    """Run TCANet: it refines proposals of another model in three stages; here each is the whole video."""
    whole_video = [0, 1, 0]
    proposals = torch.tensor([whole_video] * model.post_process_top_k, dtype=inputs.dtype, device=inputs.device)
    features = model._forward(inputs)[proposals[:, 2].long()]
    outputs = []
    for stage, overlap in ((model.tbr1, 0.5), (model.tbr2, 0.6), (model.tbr3, 0.7)):
        scores, proposals = stage(proposals, features, None, overlap, False)[:2]
        outputs += [scores, proposals]
        proposals = torch.cat([proposals, proposals.new_zeros(len(proposals), 1)], 1)
    return outputs


_PREDICT: Dict[str, Callable[[nn.Module, torch.Tensor], Any]] = {
    "RecognizerOmni": _recognise_any,
    "BMN": _locate,
    "TEM": _locate,
    "PEM": _rate,
    "TCANet": _refine,
}
_LOCALIZERS = ("BMN", "TEM", "PEM", "TCANet")


def _conditions(model: nn.Module, inputs: ModelInputs) -> Tuple[str, ...]:
    kind, shape = type(model).__name__, inputs.tensors[0].shape
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
def skip_files() -> Iterator[None]:
    """Build models without a feature bank, which is a data set, without creating its folder, and without weights."""
    import mmengine

    _register_missing_modules()
    bank_head = getattr(sys.modules.get(_BANK_HEAD), "LFBInferHead", None)
    if bank_head is not None:
        bank_head.__del__ = _save_nothing  # not undone: the object may be collected later
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch_attribute(mmengine, "mkdir_or_exist", _create_nothing))
        for module, name, replacement in ((_FEATURE_BANK, "LFB", _empty_bank), (_MVIT, "MViT", _without_weights)):
            owner = getattr(sys.modules.get(module), name, None)  # missing without mmdet, or in another version
            if owner is not None:
                stack.enter_context(patch_attribute(owner, "__init__", replacement(owner.__init__)))
        yield


def _save_nothing(self: Any) -> None:
    """Replace the destructor of the head that fills a feature bank, which saves the bank."""


def _create_nothing(folder: Any, mode: int = 0) -> None:
    """Replace ``mmengine.mkdir_or_exist``."""


def _empty_bank(read: Callable[..., None]) -> Callable[..., None]:
    """Replace ``LFB.__init__``: a bank without a second's features returns zeros of the same size."""

    def init(
        self: Any,
        lfb_prefix_path: str,
        max_num_sampled_feat: int = 5,
        window_size: int = 60,
        lfb_channels: int = 2048,
        **_: Any,
    ) -> None:
        self.max_num_sampled_feat, self.window_size, self.lfb_channels = max_num_sampled_feat, window_size, lfb_channels
        self.device, self.lfb = "cpu", {_VIDEO: {}}

    return init


def _without_weights(build: Callable[..., None]) -> Callable[..., None]:
    """Replace ``MViT.__init__``, which copies its ``init_cfg``: that is None instead of weights to load."""

    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        if "init_cfg" in kwargs and kwargs["init_cfg"] is None:
            kwargs["init_cfg"] = []
        build(self, *args, **kwargs)

    return init


def _register_missing_modules() -> None:
    """Name what the wheel lacks: it has DRN's configs but not its modules, whose folder has no ``__init__.py``."""
    registry = importlib.import_module("mmaction.registry").MODELS
    if registry.module_dict.get("DRN") is None:
        registry.register_module(name="DRN", module=_missing_drn)


def _missing_drn(**_: Any) -> NoReturn:
    raise ModuleNotFoundError(
        f"No module named {_DRN!r}: mmaction2's wheel lacks it. Install a checkout of mmaction2 with `pip install -e`.",
        name=_DRN,
    )


def share_classifier(model: nn.Module, inputs: ModelInputs) -> None:
    """Give TPN's head its convolution, which it otherwise creates with a copy of the classifier's weights."""
    head: Any = getattr(model, "cls_head", None)
    if hasattr(head, "_init_new_cls") and section(getattr(model, "test_cfg", None)).get("fcn_test"):
        head.new_cls = _PointwiseConvolution(head.fc_cls)


class _PointwiseConvolution(nn.Module):  # type: ignore[misc] # torch is absent where types are checked
    """A linear layer over the channels of (N, C, T, H, W)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return torch.conv3d(values, self.linear.weight[..., None, None, None], self.linear.bias)


CODEBASE = Codebase(
    "mmaction2",
    ("mmaction",),
    entry_point=choose_entry_point,
    resolve=resolve,
    make_inputs=make_view_inputs,
    before_forward=share_classifier,
    build_context=skip_files,
    optional_imports=(_DRN, "decord"),
    install="""
        pip install --no-deps mmaction2==1.2.0 torchvision==0.15.2
        pip install mmcv-lite==2.1.0 mmdet==3.3.0 mmpretrain==1.2.0 requests
    """,
    probe_configs=("recognition/slowfast/slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb.py",),
)
