"""What an mmaction2 config feeds its model with: one view of a video, by its test pipeline; a skeleton, a spectrogram, features.

Library scripts average a video over many views (clips × crops). One view is what is counted, as in the published figures:
of a 2D model all frames that the test pipeline makes a prediction of, of a 3D model one clip, both at one crop.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from model_complexity.common.shapes import AUTO, CHANNELS, LARGEST_SIDE, InputSpec, Shape
from model_complexity.worker.codebases.base import UnsupportedInputError
from model_complexity.worker.config_reader import class_name, pipeline_of

Size = Tuple[int, int]
"""Height and width."""
DEFAULT_SIZE: Size = (224, 224)
MOST_CHANNELS = 64
"""More than any frame or heatmap has: such an ``in_channels`` is that of features."""
MEL_BANDS = 80
"""Of a spectrogram, as ``tools/data/build_audio_features.py`` makes them; no config says it."""
CLIP_TOKENS = 77
"""Length of CLIP's texts."""
SINGLE = "inputs"
"""Name of the only input of most models."""
_JOINTS = {"coco": 17, "nturgb+d": 25, "openpose": 18}
_STRAIGHT = ("CenterCrop", "ThreeCrop", "TenCrop", "RandomCrop")


class View(NamedTuple):
    """One view, as a pipeline makes it."""

    frames: int = 0
    """Of a clip; 0 where the pipeline does not say."""
    clips: int = 1
    size: Optional[Size] = None
    layout: str = ""
    """FormatShape's ``input_format``."""
    collapsed: bool = False
    """Without the dimension of views, as detectors take it."""
    pose_frames: int = 0
    pose_scale: float = 1
    persons: int = 0
    spectra: int = 0
    proposals: int = 0
    keys: Tuple[str, ...] = ()
    """Of the modalities, where there are several."""


def resolve(config: Mapping[str, Any], asked: InputSpec) -> InputSpec:
    """Makes the input's own shape of what was asked for: ``auto``, or the (C, H, W) of each frame.

    Args:
        config: as read.
        asked: see ``Codebase.resolve``; inputs by name are left as they are.

    Returns:
        The shape without the batch, or inputs by name where there are several; ``auto`` where the config does not say it.

    Raises:
        UnsupportedInputError: the model takes no images.
    """
    if isinstance(asked, str) and asked != AUTO:
        return asked
    model = config.get("model")
    model = model if isinstance(model, Mapping) else {}
    size = None if isinstance(asked, str) else (asked[-2], asked[-1])
    view = view_of(config)
    kind = next((made for name, made in _KINDS.items() if name(model, view)), _video)
    if size and kind not in (_video, _modalities):
        raise UnsupportedInputError(
            f"the model does not take images; ask for `auto`, or name its {SINGLE!r} with all their dimensions"
        )
    frames = view.frames or _frames_built_for(model)
    try:
        return kind(model, view._replace(frames=frames, size=size or view.size or _built_for(model) or DEFAULT_SIZE))
    except UnsupportedInputError:
        if size:
            raise
        return asked  # whether the model can be built is of more interest


def view_of(config: Mapping[str, Any]) -> View:
    """Reads the pipeline: that of tests, else of validation, else of training, as in pretraining."""
    pipelines = (_transforms(config, part) for part in ("test", "val", "train"))
    found: Dict[str, Any] = {}
    for transform in next((pipeline for pipeline in pipelines if pipeline), []):
        found.update(_said_by(class_name(transform), transform))
    return View(**found)


def _transforms(config: Mapping[str, Any], kind: str) -> List[Mapping[str, Any]]:
    return [transform for transform in pipeline_of(config, kind) if isinstance(transform, Mapping)]


def _said_by(name: str, transform: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
    """The fields of a View that a transform says something about."""
    if "clip_len" in transform:
        frames = transform["clip_len"]
        by_modality = frames if isinstance(frames, Mapping) else {"RGB": frames}
        yield "frames", by_modality.get("RGB", by_modality.get("Pose", 0))
        yield "pose_frames", by_modality.get("Pose", 0)
        yield "clips", transform.get("num_clips", 1)
    elif name == "Resize" or name in _STRAIGHT:
        size = _size(transform.get("scale", transform.get("crop_size")), height_first=name != "Resize")
        if size:
            yield "size", size
    else:
        yield from _said_by_format(name, transform)


def _said_by_format(name: str, transform: Mapping[str, Any]) -> Iterator[Tuple[str, Any]]:
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


def _size(value: Any, *, height_first: bool) -> Optional[Size]:
    """Of a resize of the shorter edge, (-1, 256) or (inf, 256), a square of it."""
    sides = [value, value] if isinstance(value, (int, float)) else list(value or ())
    sides = [side for side in sides if isinstance(side, (int, float)) and 1 < side <= LARGEST_SIDE]
    if not sides:
        return None
    first, last = int(sides[0]), int(sides[-1])
    return (first, last) if height_first else (last, first)


def _built_for(model: Mapping[str, Any]) -> Optional[Size]:
    """The size that the backbone's positions are for."""
    backbone = _backbone(model)
    given = backbone.get("img_size", backbone.get("input_resolution", backbone.get("spatial_size")))
    return _size(given, height_first=True)


def _frames_built_for(model: Mapping[str, Any]) -> int:
    backbone = _backbone(model)
    given = next(
        (backbone[key] for key in ("t_size", "num_frames", "temporal_size", "num_segments") if key in backbone), 0
    )
    return given if isinstance(given, int) else 0


def _backbone(model: Mapping[str, Any]) -> Mapping[str, Any]:
    backbone = model.get("backbone")
    return backbone if isinstance(backbone, Mapping) else {}


def _channels(part: Mapping[str, Any], default: int = CHANNELS) -> int:
    given = part.get("in_channels")
    return given if isinstance(given, int) and 1 <= given <= MOST_CHANNELS else default


def _known(count: int, what: str, example: str) -> int:
    if count:
        return count
    raise UnsupportedInputError(f"the config's pipelines do not say {what}; name the input, such as `{example}`")


def _video(model: Mapping[str, Any], view: View) -> InputSpec:
    """(frames, C, H, W) for a 2D model, (1 view, C, T, H, W) for a 3D one, (C, T, H, W) for a detector.

    Where a clip has several frames, a 2D model takes them one by one; of optical flow, as channels.
    """
    channels = _channels(_backbone(model), _JOINTS["coco"] if view.layout.endswith("Heatmap") else CHANNELS)
    frames = _known(view.frames, "how many frames are fed", f"{SINGLE}=8x3x224x224")
    height, width = view.size or DEFAULT_SIZE
    if view.layout == "NCHW" or (not view.layout and class_name(model) == "Recognizer2D"):
        as_channels = frames > 1 and channels == 2 * frames
        return (view.clips if frames == 1 or as_channels else frames, channels, height, width)
    clip = (channels, frames, height, width)
    return clip if view.collapsed else (1, *clip)


def _modalities(model: Mapping[str, Any], view: View) -> InputSpec:
    """RGBPoseConv3D's frames and heatmaps, CLIP's frames and text."""
    frames = _known(view.frames, "how many frames are fed", "imgs=1x3x8x224x224 heatmap_imgs=1x17x32x56x56")
    height, width = view.size or DEFAULT_SIZE
    pathways = [_backbone(model).get(f"{name}_pathway") or {} for name in ("rgb", "pose")]
    rows, columns = int(height * view.pose_scale), int(width * view.pose_scale)
    pose = (1, _channels(pathways[1], _JOINTS["coco"]), view.pose_frames, rows, columns)
    rgb = (1, _channels(pathways[0]), frames, height, width)
    shapes: Dict[str, Shape] = {
        "imgs": (frames, CHANNELS, height, width) if view.layout == "NCHW" else rgb,
        "heatmap_imgs": pose,
        "text": (CLIP_TOKENS,),
    }
    unknown = [key for key in view.keys if key not in shapes]
    if unknown:
        raise UnsupportedInputError(
            f"name the model's inputs: {', '.join(view.keys)}; {unknown[0]} has no size of its own"
        )
    return " ".join(f"{key}={'x'.join(map(str, shapes[key]))}{':int' if key == 'text' else ''}" for key in view.keys)


def _skeleton(model: Mapping[str, Any], view: View) -> InputSpec:
    """(1 view, persons, T, joints, C) of key points."""
    backbone = _backbone(model)
    layout = (backbone.get("graph_cfg") or {}).get("layout", "coco")
    joints = layout.get("num_node") if isinstance(layout, Mapping) else _JOINTS.get(layout)
    example = f"{SINGLE}=1x2x100x17x3"
    frames = _known(view.frames, "how many frames are fed", example)
    return (
        1,
        view.persons or 2,
        frames,
        _known(joints or 0, "how many joints there are", example),
        _channels(backbone),
    )


def _spectrogram(model: Mapping[str, Any], view: View) -> InputSpec:
    """(1 view, 1 channel, T, bands)."""
    return (1, 1, view.spectra or 128, MEL_BANDS)


def _features(model: Mapping[str, Any], view: View) -> InputSpec:
    """(C, T) of features that another model made of a video."""
    channels = model.get("feat_dim", model.get("tem_feat_dim"))
    return (
        _known(channels or 0, "how many features there are", f"{SINGLE}=400x100"),
        _known(model.get("temporal_dim") or 0, "how long a video is", f"{SINGLE}=400x100"),
    )


def _proposals(model: Mapping[str, Any], view: View) -> InputSpec:
    """(proposals, C)."""
    example = f"{SINGLE}=1000x32"
    return (
        _known(view.proposals, "how many proposals there are", example),
        _known(model.get("pem_feat_dim") or 0, "how many features there are", example),
    )


_KINDS: Dict[Callable[[Mapping[str, Any], View], bool], Callable[[Mapping[str, Any], View], InputSpec]] = {
    lambda model, view: bool(view.persons) or class_name(model) == "RecognizerGCN": _skeleton,
    lambda model, view: bool(view.spectra) or class_name(model) == "RecognizerAudio": _spectrogram,
    lambda model, view: "pem_feat_dim" in model: _proposals,
    lambda model, view: class_name(model) in ("BMN", "TEM", "TCANet"): _features,
    lambda model, view: bool(view.keys): _modalities,
}
"""Which of the above it is; a video if none."""
