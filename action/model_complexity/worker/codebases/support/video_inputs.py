"""The input of an mmaction2 config: one view of a video, by its test pipeline; or a skeleton, a spectrogram, features.

Library scripts average a video over many views (clips × crops). One view is counted, as in published metrics: all frames that
a 2D model makes one prediction of, one clip of a 3D model, both at one crop.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, Mapping, NamedTuple, Optional, Tuple

from model_complexity.common.shapes import AUTO, CHANNELS, InputSpec, Shape
from model_complexity.worker.codebases.base import UnsupportedInputError
from model_complexity.worker.config_reader import (
    Size,
    channels_of,
    class_name,
    pipeline_of,
    section,
    size_of,
    transforms_of,
)
from model_complexity.worker.config_sizes import DEFAULT

MEL_BANDS = 80
"""The bands of a spectrogram, which no config sets. Source: mmaction2's ``tools/data/build_audio_features.py``."""
CLIP_TOKENS = 77
"""The length of CLIP's texts."""
INPUT = "inputs"
"""The name of the only input of most models."""
_JOINTS = {"coco": 17, "nturgb+d": 25, "openpose": 18}
_CROPS = ("CenterCrop", "ThreeCrop", "TenCrop", "RandomCrop")


class View(NamedTuple):
    """One view, as a pipeline makes it."""

    frames: int = 0
    """The frames of a clip, 0 if the pipeline does not set them."""
    clips: int = 1
    size: Optional[Size] = None
    layout: str = ""
    """The ``input_format`` of FormatShape."""
    collapsed: bool = False
    """Whether the dimension of views is missing, as for detectors."""
    pose_frames: int = 0
    pose_scale: float = 1
    persons: int = 0
    spectra: int = 0
    proposals: int = 0
    keys: Tuple[str, ...] = ()
    """The names of the modalities, if there are several."""


def resolve(config: Mapping[str, Any], requested: InputSpec) -> InputSpec:
    """Return the model's input for ``auto``, or for the (C, H, W) of each frame.

    Args:
        config: the resolved config.
        requested: see ``Codebase.resolve``; named inputs are returned unchanged.

    Returns:
        The shape without the batch, or named inputs if there are several; ``auto`` if the config does not set it.

    Raises:
        UnsupportedInputError: the model takes no images.
    """
    if isinstance(requested, str) and requested != AUTO:
        return requested
    model = section(config, "model")
    size = None if isinstance(requested, str) else (requested[-2], requested[-1])
    view = view_of(config)
    make_spec = next((make for applies, make in _SPECS.items() if applies(model, view)), _video)
    if size and make_spec not in (_video, _modalities):
        raise UnsupportedInputError(
            f"The model does not take images. Use `auto`, or name its {INPUT!r} with all dimensions."
        )
    frames = view.frames or _model_frames(model)
    try:
        return make_spec(model, view._replace(frames=frames, size=size or view.size or _model_size(model) or DEFAULT))
    except UnsupportedInputError:
        if size:
            raise
        return requested  # the model may fail to build, which matters more


def view_of(config: Mapping[str, Any]) -> View:
    """Read the test pipeline, else that of validation, else that of training, as in pretraining."""
    pipelines = (list(transforms_of(pipeline_of(config, split))) for split in ("test", "val", "train"))
    fields: Dict[str, Any] = {}
    for transform in next((pipeline for pipeline in pipelines if pipeline), []):
        fields.update(_fields_of(class_name(transform), transform))
    return View(**fields)


def _fields_of(name: str, transform: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
    """Yield the fields of a View that a transform sets."""
    if "clip_len" in transform:
        frames = transform["clip_len"]
        by_modality = frames if isinstance(frames, Mapping) else {"RGB": frames}
        yield "frames", by_modality.get("RGB", by_modality.get("Pose", 0))
        yield "pose_frames", by_modality.get("Pose", 0)
        yield "clips", transform.get("num_clips", 1)
    elif name == "Resize" or name in _CROPS:
        value = transform.get("scale", transform.get("crop_size"))
        size = size_of(value, height_first=name != "Resize", shorter_edge=True)
        if size:
            yield "size", size
    else:
        yield from _formatted_fields(name, transform)


def _formatted_fields(name: str, transform: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
    if name == "FormatShape":
        yield "layout", transform.get("input_format", "")
        yield "collapsed", bool(transform.get("collapse"))
    elif name == "GeneratePoseTarget":
        yield "pose_scale", transform.get("scaling", 1)
    elif name == "FormatGCNInput":
        yield "persons", transform.get("num_person", 2)
    elif name == "AudioFeatureSelector":
        yield "spectra", transform.get("fixed_length", 128)
    elif name == "LoadProposals":
        yield "proposals", transform.get("top_k", 0)
    elif name == "PackActionInputs":
        keys = transform.get("collect_keys") or ()
        yield "keys", tuple(keys) if isinstance(keys, (list, tuple)) and len(keys) > 1 else ()


def _model_size(model: Mapping[str, Any]) -> Optional[Size]:
    """Return the size that the backbone has position embeddings for."""
    backbone = section(model, "backbone")
    value = backbone.get("img_size", backbone.get("input_resolution", backbone.get("spatial_size")))
    return size_of(value, height_first=True, shorter_edge=True)


def _model_frames(model: Mapping[str, Any]) -> int:
    backbone = section(model, "backbone")
    keys = ("t_size", "num_frames", "temporal_size", "num_segments")
    frames = next((backbone[key] for key in keys if key in backbone), 0)
    return frames if isinstance(frames, int) else 0


def _require(count: int, what: str, example: str) -> int:
    if count:
        return count
    raise UnsupportedInputError(f"The config's pipelines do not set {what}. Name the input, such as `{example}`.")


def _video(model: Mapping[str, Any], view: View) -> InputSpec:
    """Return (frames, C, H, W) for a 2D model, (1 view, C, T, H, W) for a 3D one, (C, T, H, W) for a detector.

    A 2D model takes the frames of a clip one by one, those of optical flow as channels.
    """
    default = _JOINTS["coco"] if view.layout.endswith("Heatmap") else CHANNELS
    channels = channels_of(section(model, "backbone"), default)
    frames = _require(view.frames, "the number of frames", f"{INPUT}=8x3x224x224")
    height, width = view.size or DEFAULT
    if view.layout == "NCHW" or (not view.layout and class_name(model) == "Recognizer2D"):
        as_channels = frames > 1 and channels == 2 * frames
        return (view.clips if frames == 1 or as_channels else frames, channels, height, width)
    clip = (channels, frames, height, width)
    return clip if view.collapsed else (1, *clip)


def _modalities(model: Mapping[str, Any], view: View) -> InputSpec:
    """Return RGBPoseConv3D's frames and heatmaps, CLIP's frames and text."""
    frames = _require(view.frames, "the number of frames", "imgs=1x3x8x224x224 heatmap_imgs=1x17x32x56x56")
    height, width = view.size or DEFAULT
    rgb_channels = channels_of(section(model, "backbone", "rgb_pathway"))
    pose_channels = channels_of(section(model, "backbone", "pose_pathway"), _JOINTS["coco"])
    pose = (1, pose_channels, view.pose_frames, int(height * view.pose_scale), int(width * view.pose_scale))
    rgb = (1, rgb_channels, frames, height, width)
    shapes: Dict[str, Shape] = {
        "imgs": (frames, CHANNELS, height, width) if view.layout == "NCHW" else rgb,
        "heatmap_imgs": pose,
        "text": (CLIP_TOKENS,),
    }
    unknown = [key for key in view.keys if key not in shapes]
    if unknown:
        raise UnsupportedInputError(
            f"The config does not set the size of {unknown[0]!r}. Name the model's inputs: {', '.join(view.keys)}."
        )
    return " ".join(f"{key}={'x'.join(map(str, shapes[key]))}{':int' if key == 'text' else ''}" for key in view.keys)


def _skeleton(model: Mapping[str, Any], view: View) -> InputSpec:
    """Return (1 view, persons, T, joints, C) of keypoints."""
    backbone = section(model, "backbone")
    layout = section(backbone, "graph_cfg").get("layout", "coco")
    example = f"{INPUT}=1x2x100x17x3"
    frames = _require(view.frames, "the number of frames", example)
    joints = layout.get("num_node") if isinstance(layout, Mapping) else _JOINTS.get(layout)
    joints = _require(joints or 0, "the number of joints", example)
    return (1, view.persons or 2, frames, joints, channels_of(backbone))


def _spectrogram(model: Mapping[str, Any], view: View) -> InputSpec:
    """Return (1 view, 1 channel, T, bands)."""
    return (1, 1, view.spectra or 128, MEL_BANDS)


def _features(model: Mapping[str, Any], view: View) -> InputSpec:
    """Return (C, T) of features that another model extracts from a video."""
    channels = model.get("feat_dim", model.get("tem_feat_dim"))
    return (
        _require(channels or 0, "the number of features", f"{INPUT}=400x100"),
        _require(model.get("temporal_dim") or 0, "the length of a video", f"{INPUT}=400x100"),
    )


def _proposals(model: Mapping[str, Any], view: View) -> InputSpec:
    """Return (proposals, C)."""
    example = f"{INPUT}=1000x32"
    return (
        _require(view.proposals, "the number of proposals", example),
        _require(model.get("pem_feat_dim") or 0, "the number of features", example),
    )


_SPECS: Dict[Callable[[Mapping[str, Any], View], bool], Callable[[Mapping[str, Any], View], InputSpec]] = {
    lambda model, view: bool(view.persons) or class_name(model) == "RecognizerGCN": _skeleton,
    lambda model, view: bool(view.spectra) or class_name(model) == "RecognizerAudio": _spectrogram,
    lambda model, view: "pem_feat_dim" in model: _proposals,
    lambda model, view: class_name(model) in ("BMN", "TEM", "TCANet"): _features,
    lambda model, view: bool(view.keys): _modalities,
}
"""Condition -> makes the input. A model that meets none takes a video."""
