"""Replace the post-processing of mmdet's detectors by results of a fixed size.

Each head of mmdet 3 has its network in ``forward`` and its post-processing (decoding, thresholds, NMS, pasting of masks) in
``predict_by_feat``. The number of boxes that it keeps depends on the weights and on the image. Here it returns equal boxes, the
largest number that the config's ``test_cfg`` allows, so that what works on them (RoI heads, mask heads) has a repeatable size.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Callable, Dict, Iterator, Tuple

import torch
from torch import nn

from model_complexity.worker.config_reader import section
from model_complexity.worker.patch import patch_attribute

INSTANCES = 100
"""What a head keeps if its ``test_cfg`` does not set a number. Nothing that is counted works on those."""
_FIELDS: Dict[str, Dict[str, Any]] = {
    "CondInstBboxHead": {"param_preds": "num_params", "points": 2, "strides": None},
    "YOLACTHead": {"coeffs": "num_protos"},
}
"""Class of a head -> fields of a box other than its position -> their widths, or the head's attributes with them."""


def replace_post_processing(detector: nn.Module) -> None:
    """Replace post-processing in all modules of a detector."""
    numbers = _instances_by_head(detector)
    for module in detector.modules():
        if callable(getattr(module, "predict_by_feat", None)):
            module.predict_by_feat = _PostProcessing(module, numbers.get(id(module)) or max_instances(module))
        for kind in class_names(module):
            for name, replacement in _METHODS.get(kind, {}).items():
                setattr(module, name, replacement(module))
        for name, replacement in _PARTS.items():
            part = getattr(module, name, None)
            if isinstance(part, nn.Module) and callable(getattr(part, "predict", None)):
                part.predict = replacement(part)


def max_instances(head: nn.Module) -> int:
    """Return the largest number of boxes that a head keeps, by its ``test_cfg``."""
    number = section(getattr(head, "test_cfg", None)).get("max_per_img")
    return number if isinstance(number, int) and number > 0 else INSTANCES


def equal_boxes(number: int, like: torch.Tensor) -> Any:
    """Return boxes with a score and a label, each 64 x 64 pixels in the upper left corner, on the device of a tensor."""
    from mmengine.structures import InstanceData

    box = torch.tensor([[0.0, 0.0, 64.0, 64.0]], device=like.device)
    return InstanceData(
        bboxes=box.repeat(number, 1),
        scores=torch.ones(number, device=like.device),
        labels=torch.zeros(number, dtype=torch.long, device=like.device),
    )


def class_names(module: nn.Module) -> Tuple[str, ...]:
    """Return the names of a module's class and its base classes."""
    return tuple(kind.__name__ for kind in type(module).__mro__)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in nested lists, tuples and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from tensors_in(part)


def _instances_by_head(detector: nn.Module) -> Dict[int, int]:
    """Map the identity of each head of a two-stage detector to ``max_instances``, which an outer head sets for inner ones."""
    numbers: Dict[int, int] = {}
    for owner in detector.modules():
        for name in ("rpn_head", "roi_head"):
            head = getattr(owner, name, None)
            if isinstance(head, nn.Module):
                numbers.update((id(module), max_instances(head)) for module in head.modules())
    return numbers


class _PostProcessing:
    """Replaces a head's ``predict_by_feat``: returns boxes."""

    def __init__(self, head: nn.Module, number: int) -> None:
        self._head, self._number = head, number
        self._masks = next((_MASKS[kind] for kind in class_names(head) if kind in _MASKS), None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._masks is not None:
            self._masks(self._head, self._number, *args)
        if kwargs.get("results_list") is not None:
            return kwargs["results_list"]  # a mask head returns the boxes of its input
        boxes = equal_boxes(self._number, next(tensors_in([args, kwargs])))
        for kind in class_names(self._head):
            for name, size in _FIELDS.get(kind, {}).items():
                width = getattr(self._head, size) if isinstance(size, str) else size
                shape = (self._number,) if width is None else (self._number, width)
                boxes.set_field(boxes.scores.new_ones(shape), name)
        return [boxes]


def _masks_of_rtmdet(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Outputs: scores, boxes, kernels and mask features, which are convolved with the kernels of each instance."""
    features = outputs[3]
    kernels = features.new_ones((number, head.num_gen_params))
    masks: torch.Tensor = head._mask_predict_by_feat_single(features[0], kernels, kernels[:, :4])
    return masks


def _masks_of_solo(head: nn.Module, number: int, *outputs: Any) -> torch.Tensor:
    """Outputs: kernels, scores and mask features."""
    kernels, _, features = outputs[:3]
    side = head.dynamic_conv_size
    weight = features.new_ones((number, kernels[0].shape[1] // side**2, side, side))
    return torch.nn.functional.conv2d(features, weight)


_MASKS: Dict[str, Callable[..., torch.Tensor]] = {"RTMDetInsHead": _masks_of_rtmdet, "SOLOV2Head": _masks_of_solo}
"""Class of a head whose post-processing has a part of the network -> computes the masks of a number of instances."""


def _only_forward(part: nn.Module) -> Callable[..., Any]:
    """For a head that resizes its output to the size of the image."""

    def predict(features: Any, samples: Any, *_: Any, **__: Any) -> Any:
        if "MaskFormerHead" in class_names(part):
            part(features, samples)
        else:
            part(features)
        return None, None

    return predict


def _skip_fusion(part: nn.Module) -> Callable[..., Any]:
    return lambda *_, **__: []


_PARTS = {"panoptic_head": _only_forward, "semantic_head": _only_forward, "panoptic_fusion_head": _skip_fusion}
"""Attribute of a detector -> replaces the ``predict`` of a part that is or includes post-processing."""


def _levels_in_turn(module: nn.Module) -> Callable[..., torch.Tensor]:
    """Distribute boxes over the levels of the pyramid. A box costs the same on each."""

    def levels(rois: torch.Tensor, num_levels: int) -> torch.Tensor:
        return torch.arange(rois.shape[0], device=rois.device) % num_levels

    return levels


def _at_all_places(module: nn.Module) -> Callable[..., torch.Tensor]:
    """For a masked convolution: the places that it skips depend on the image."""
    forward = type(module).forward

    def convolve(image: torch.Tensor, mask: Any = None) -> torch.Tensor:
        result: torch.Tensor = forward(module, image)
        return result

    return convolve


def _boxes_kept(module: nn.Module) -> Callable[..., Any]:
    """Keep the boxes of a stage unrefined: refining depends on values and is no network."""
    from mmengine.structures import InstanceData

    def refine(sampling_results: Any, bbox_results: Any, batch_img_metas: Any) -> Any:
        return [InstanceData(bboxes=bbox_results["rois"][:, 1:])]

    return refine


def _context_of_one_image(module: nn.Module) -> Callable[..., torch.Tensor]:
    """Add the context of the only image to each box, for SCNet."""

    def fuse(roi_features: torch.Tensor, context: torch.Tensor, rois: torch.Tensor) -> torch.Tensor:
        return roi_features + context[0]

    return fuse


def _all_queries(module: nn.Module) -> Callable[..., torch.Tensor]:
    """Keep all queries: DDQ's decoder drops similar ones, by scores that it computes for that."""

    def select(places: torch.Tensor, query: torch.Tensor, mask: torch.Tensor, layer: int) -> torch.Tensor:
        module.cache_dict["cls_branches"][layer](query)
        return mask

    return select


def _first_branch(module: nn.Module) -> Callable[[Any], Any]:
    """Keep the boxes of TridentNet's first branch: it merges those of all."""
    return lambda results: results[0]


def _not_torchvision(module: nn.Module) -> bool:
    """Use mmcv's operator: torchvision's may lack its compiled part, and has another name."""
    return False


_METHODS: Dict[str, Dict[str, Callable[[nn.Module], Any]]] = {
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
"""Class of a module -> its methods and attributes that depend on values -> their replacements."""


@contextlib.contextmanager
def disable_nms() -> Iterator[None]:
    """Make the NMS by which DDQ chooses its queries keep all boxes, of which it takes the same number."""

    def keep_all(boxes: torch.Tensor, scores: torch.Tensor, *_: Any, **__: Any) -> Tuple[torch.Tensor, torch.Tensor]:
        return boxes, torch.arange(boxes.shape[0], device=boxes.device)

    module = sys.modules.get("mmdet.models.detectors.ddq_detr")
    with contextlib.nullcontext() if module is None else patch_attribute(module, "batched_nms", keep_all):
        yield
