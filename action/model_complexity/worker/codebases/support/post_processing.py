"""What is no network in mmdet's detectors, replaced by something of a fixed size.

Each head of mmdet 3 has its network in ``forward`` and its post-processing (decoding, thresholds, NMS, pasting of masks) in
``predict_by_feat``. How many boxes that leaves hangs on the weights and on the image. Here it gives as many equal boxes as
the config's ``test_cfg`` lets it leave at most, so what works on them (RoI heads, mask heads) has a size that is repeatable.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Callable, Dict, Iterator, List, Tuple

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook

from model_complexity.worker.patch import patch_attribute

INSTANCES = 100
"""What a head leaves whose ``test_cfg`` does not say it; nothing that is counted works on those."""
_FIELDS: Dict[str, Dict[str, Any]] = {
    "CondInstBboxHead": {"param_preds": "num_params", "points": 2, "strides": None},
    "YOLACTHead": {"coeffs": "num_protos"},
}
"""What heads say of each box beside its place, by class: sizes, or the head's attributes that hold them."""


class Outputs:
    """Collects tensors. What a trace's outputs do not hang on would be cut from it, though a model computes it.

    So goes what post-processing would have been given, and what a model drops itself: HTC the map of its semantic head.
    """

    def __init__(self) -> None:
        self._found: List[torch.Tensor] = []

    def add(self, *values: Any) -> None:
        """Adds the tensors in some values."""
        self._found += tensors_in(values)

    @contextlib.contextmanager
    def of_layers(self) -> Iterator[None]:
        """Within it, adds what every layer gives."""

        def keep(module: nn.Module, inputs: Any, output: Any) -> None:
            if not module._modules:
                self.add(output)

        hook = register_module_forward_hook(keep)
        try:
            yield
        finally:
            hook.remove()

    def take(self) -> Tuple[torch.Tensor, ...]:
        """All of them, which are forgotten."""
        found, self._found = tuple(self._found), []
        return found


def replace_post_processing(detector: nn.Module, outputs: Outputs) -> None:
    """Replaces it in all modules of a detector.

    Args:
        detector: its modules are changed.
        outputs: is given what post-processing would have been given.
    """
    numbers = _numbers(detector)
    for module in detector.modules():
        if callable(getattr(module, "predict_by_feat", None)):
            module.predict_by_feat = _PostProcessing(module, numbers.get(id(module)) or max_instances(module), outputs)
        for kind in class_names(module):
            for name, replacement in _METHODS.get(kind, {}).items():
                setattr(module, name, replacement(module, outputs))
        for name, replacement in _PARTS.items():
            part = getattr(module, name, None)
            if isinstance(part, nn.Module) and callable(getattr(part, "predict", None)):
                part.predict = replacement(part, outputs)


def max_instances(head: nn.Module) -> int:
    """How many boxes a head keeps at most, by its ``test_cfg``."""
    settings = getattr(head, "test_cfg", None)
    number = settings.get("max_per_img") if isinstance(settings, dict) else None
    return number if isinstance(number, int) and number > 0 else INSTANCES


def boxes_of(number: int, like: torch.Tensor) -> Any:
    """So many boxes with a score and a label, each 64 x 64 pixels in the upper left corner, on the device of a tensor."""
    from mmengine.structures import InstanceData

    box = torch.tensor([[0.0, 0.0, 64.0, 64.0]], device=like.device)
    return InstanceData(
        bboxes=box.repeat(number, 1),
        scores=torch.ones(number, device=like.device),
        labels=torch.zeros(number, dtype=torch.long, device=like.device),
    )


def class_names(module: nn.Module) -> Tuple[str, ...]:
    """The names of a module's class and of those that it is derived from."""
    return tuple(kind.__name__ for kind in type(module).__mro__)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in lists, tuples and mappings."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(part)


def _numbers(detector: nn.Module) -> Dict[int, int]:
    """What the heads of two-stage detectors leave, by identity of the head. A setting holds for all heads below it."""
    found: Dict[int, int] = {}
    for owner in detector.modules():
        for name in ("rpn_head", "roi_head"):
            head = getattr(owner, name, None)
            if isinstance(head, nn.Module):
                found.update((id(module), max_instances(head)) for module in head.modules())
    return found


class _PostProcessing:
    """In the place of a head's ``predict_by_feat``: keeps what that would have been given, and gives boxes."""

    def __init__(self, head: nn.Module, number: int, outputs: Outputs) -> None:
        self._head, self._number, self._outputs = head, number, outputs
        self._masks = next((_MASKS[kind] for kind in class_names(head) if kind in _MASKS), None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._outputs.add(args, kwargs)
        if self._masks is not None:
            self._outputs.add(self._masks(self._head, self._number, *args))
        if kwargs.get("results_list") is not None:
            return kwargs["results_list"]  # a mask head's: those that it was given
        found = boxes_of(self._number, next(tensors_in([args, kwargs])))
        for kind in class_names(self._head):
            for name, size in _FIELDS.get(kind, {}).items():
                width = getattr(self._head, size) if isinstance(size, str) else size
                found.set_field(
                    found.scores.new_ones((self._number,) if width is None else (self._number, width)), name
                )
        return [found]


def _masks_of_rtmdet(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Of scores, boxes, kernels and mask features; masks are convolutions of the last with kernels of each instance."""
    features = outputs[3]
    drawn = features.new_ones((number, head.num_gen_params))
    masks: torch.Tensor = head._mask_predict_by_feat_single(features[0], drawn, drawn[:, :4])
    return masks


def _masks_of_solo(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Of kernels, scores and mask features."""
    kernels, _, features = outputs[:3]
    side = head.dynamic_conv_size
    drawn = features.new_ones((number, kernels[0].shape[1] // side**2, side, side))
    return torch.nn.functional.conv2d(features, drawn)


_MASKS: Dict[str, Callable[..., torch.Tensor]] = {"RTMDetInsHead": _masks_of_rtmdet, "SOLOV2Head": _masks_of_solo}
"""Heads whose post-processing holds a part of the network, by class: makes the masks of so many instances."""


def _only_forward(part: nn.Module, outputs: Outputs) -> Callable[..., Any]:
    """For a head that enlarges what its network gives to the size of the image."""

    def predict(features: Any, samples: Any, *_: Any, **__: Any) -> Any:
        takes_samples = "MaskFormerHead" in class_names(part)
        outputs.add(part(features, samples) if takes_samples else part(features))
        return None, None

    return predict


def _fused(part: nn.Module, outputs: Outputs) -> Callable[..., Any]:
    def predict(*args: Any, **kwargs: Any) -> Any:
        outputs.add(args, kwargs)
        return []

    return predict


_PARTS = {"panoptic_head": _only_forward, "semantic_head": _only_forward, "panoptic_fusion_head": _fused}
"""Parts whose whole ``predict`` is post-processing, or ends with some, by the name under which a detector holds them."""


def _levels_in_turn(module: nn.Module, outputs: Outputs) -> Callable[..., torch.Tensor]:
    """Box by box another level of the pyramid. On each, a box costs the same."""

    def levels(rois: torch.Tensor, num_levels: int) -> torch.Tensor:
        return torch.arange(rois.shape[0], device=rois.device) % num_levels

    return levels


def _at_all_places(module: nn.Module, outputs: Outputs) -> Callable[..., torch.Tensor]:
    """For a masked convolution. Which places it may leave out hangs on the image."""
    forward = type(module).forward

    def convolve(image: torch.Tensor, mask: Any = None) -> torch.Tensor:
        result: torch.Tensor = forward(module, image)
        return result

    return convolve


def _boxes_kept(module: nn.Module, outputs: Outputs) -> Callable[..., Any]:
    """For the boxes that a stage refines: as they were. How it sorts them by image hangs on values, and is no network."""
    from mmengine.structures import InstanceData

    def refine(sampling_results: Any, bbox_results: Any, batch_img_metas: Any) -> Any:
        outputs.add(bbox_results)
        return [InstanceData(bboxes=bbox_results["rois"][:, 1:])]

    return refine


def _context_of_one_image(module: nn.Module, outputs: Outputs) -> Callable[..., torch.Tensor]:
    """SCNet adds to each box the context of its image; here there is one."""

    def fuse(roi_features: torch.Tensor, context: torch.Tensor, rois: torch.Tensor) -> torch.Tensor:
        return roi_features + context[0]

    return fuse


def _all_queries(module: nn.Module, outputs: Outputs) -> Callable[..., torch.Tensor]:
    """DDQ's decoder hides queries from the next layer that are like others, by scores that it computes for that."""

    def select(places: torch.Tensor, query: torch.Tensor, mask: torch.Tensor, layer: int) -> torch.Tensor:
        outputs.add(places, module.cache_dict["cls_branches"][layer](query))
        return mask

    return select


def _first_branch(module: nn.Module, outputs: Outputs) -> Callable[[Any], Any]:
    """TridentNet merges what its branches found."""
    return lambda results: results[0]


def _not_torchvision(module: nn.Module, outputs: Outputs) -> bool:
    """The same operator, mmcv's own: torchvision's may lack its compiled part, and has another name."""
    return False


_METHODS: Dict[str, Dict[str, Callable[[nn.Module, Outputs], Any]]] = {
    "SingleRoIExtractor": {"map_roi_levels": _levels_in_turn},
    "RotatedSingleRoIExtractor": {"map_roi_levels": _levels_in_turn},
    "MaskedConv2d": {"forward": _at_all_places},
    "BBoxHead": {"refine_bboxes": _boxes_kept},
    "SABLHead": {"refine_bboxes": _boxes_kept},
    "SCNetRoIHead": {"_fuse_glbctx": _context_of_one_image},
    "DDQTransformerDecoder": {"select_distinct_queries": _all_queries},
    "TridentRoIHead": {"merge_trident_bboxes": _first_branch},
    "RoIAlign": {"use_torchvision": _not_torchvision},
}
"""What else of a module is replaced, by its class: it asks for values, and how much is computed hangs on them."""


@contextlib.contextmanager
def disable_nms(outputs: Outputs) -> Iterator[None]:
    """Within it, the NMS by which DDQ chooses its queries leaves all boxes, of which it takes as many as ever."""

    def all_of(boxes: torch.Tensor, scores: torch.Tensor, *_: Any, **__: Any) -> Tuple[torch.Tensor, torch.Tensor]:
        outputs.add(boxes, scores)
        return boxes, torch.arange(boxes.shape[0], device=boxes.device)

    module = sys.modules.get("mmdet.models.detectors.ddq_detr")
    with contextlib.nullcontext() if module is None else patch_attribute(module, "batched_nms", all_of):
        yield
