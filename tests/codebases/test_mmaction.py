"""mmaction2: videos, skeletons, sounds, features; against hand counts and published metrics."""

from __future__ import annotations

import gc
import socket
from pathlib import Path
from typing import Any

import pytest

from model_complexity.worker.codebases.base import UnsupportedInputError
from model_complexity.worker.codebases.support import video_inputs
from model_complexity.worker.job import run_job
from tests.codebases.conftest import Measure, assert_dry_is_real, shipped

TSM = "recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_kinetics400-rgb.py"
STGCN = "skeleton/stgcnpp/stgcnpp_8xb16-joint-u100-80e_ntu60-xsub-keypoint-3d.py"


def bottlenecks(inputs: int, width: int, blocks: int, frames: int, side: int, taps: int, stride: int) -> int:
    """One stage of ResNet-50 over time: blocks of ``taps`` x 1 x 1, 1 x 3 x 3 with the stride, 1 x 1 x 1 to four times as wide.

    The first block also has a 1 x 1 x 1 convolution in parallel. ``side`` is that of the stage's output.
    """
    before, after, wide = frames * (side * stride) ** 2, frames * side**2, 4 * width
    first = before * inputs * width * taps + after * (width * width * 9 + width * wide + inputs * wide)
    others = after * (wide * width * taps + width * width * 9 + width * wide)
    return first + (blocks - 1) * others


def normed(width: int, blocks: int, frames: int, side: int, stride: int) -> int:
    """Values that such a stage normalises: the output of each of its convolutions."""
    before, after, wide = frames * (side * stride) ** 2, frames * side**2, 4 * width
    return before * width + after * (width + 2 * wide) + (blocks - 1) * after * (2 * width + wide)


def test_slowfast_equals_hand_count(measure: Measure) -> None:
    """SlowFast R50 4x16 over 32 frames of 256 x 256: the slow path sees 4 frames, the fast one all, an eighth as wide."""
    found = measure("mmaction", "recognition/slowfast/slowfast_r50_8xb8-4x16x1-256e_kinetics400-rgb.py")
    slow = {
        "conv1": 4 * 128**2 * 3 * 64 * 7 * 7,
        "conv1_lateral": 4 * 64**2 * 8 * 16 * 5,
        "layer1": bottlenecks(64 + 16, 64, 3, 4, 64, 1, 1),
        "layer1_lateral": 4 * 64**2 * 32 * 64 * 5,
        "layer2": bottlenecks(256 + 64, 128, 4, 4, 32, 1, 2),
        "layer2_lateral": 4 * 32**2 * 64 * 128 * 5,
        "layer3": bottlenecks(512 + 128, 256, 6, 4, 16, 3, 2),
        "layer3_lateral": 4 * 16**2 * 128 * 256 * 5,
        "layer4": bottlenecks(1024 + 256, 512, 3, 4, 8, 3, 2),
    }
    fast = {
        "conv1": 32 * 128**2 * 3 * 8 * 5 * 7 * 7,
        "layer1": bottlenecks(8, 8, 3, 32, 64, 3, 1),
        "layer2": bottlenecks(32, 16, 4, 32, 32, 3, 2),
        "layer3": bottlenecks(64, 32, 6, 32, 16, 3, 2),
        "layer4": bottlenecks(128, 64, 3, 32, 8, 3, 2),
    }
    head = (2048 + 256) * 400
    norms = 4 * 128**2 * 64 + normed(64, 3, 4, 64, 1) + normed(128, 4, 4, 32, 2) + normed(256, 6, 4, 16, 2)
    norms += normed(512, 3, 4, 8, 2) + 32 * 128**2 * 8 + normed(8, 3, 32, 64, 1) + normed(16, 4, 32, 32, 2)
    norms += normed(32, 6, 32, 16, 2) + normed(64, 3, 32, 8, 2)  # none parallel to the paths
    sampled = (4 + 32) * 256**2 * 3  # the frames that each path takes
    assert found["flops"] == sum(slow.values()) + sum(fast.values()) + 2 * norms + sampled + head
    assert found["flops"] == pytest.approx(36.3e9, rel=0.002), "as published"
    modules = found["by_module"]
    assert modules["backbone.fast_path.conv1.conv"]["flops"] == fast["conv1"]
    assert modules["backbone.slow_path.conv1_lateral.conv"]["flops"] == slow["conv1_lateral"]
    assert modules["backbone.slow_path.layer4.0.conv2.conv"]["flops"] == 4 * 8**2 * 512 * 512 * 9
    assert modules["cls_head"]["flops"] == head
    assert found["input_shape"] == [1, 1, 3, 32, 256, 256]
    assert found["conditions"] == ["1 view of 32 frames"]


def test_tsm_equals_hand_count(measure: Measure) -> None:
    """TSM is ResNet-50 on each of 8 frames, and shifts channels between them, which costs nothing."""
    found = measure("mmaction", TSM)
    stages = ((64, 64, 3, 56, 1), (256, 128, 4, 28, 2), (512, 256, 6, 14, 2), (1024, 512, 3, 7, 2))
    convolutions = 8 * 112**2 * 3 * 64 * 7 * 7
    convolutions += sum(bottlenecks(inputs, width, n, 8, side, 1, stride) for inputs, width, n, side, stride in stages)
    head = 8 * 2048 * 400
    assert found["operators"]["conv"] == convolutions
    assert found["operators"]["linear"] == found["by_module"]["cls_head.fc_cls"]["flops"] == head
    assert found["by_module"]["backbone.conv1.conv"]["flops"] == 8 * 112**2 * 3 * 64 * 7 * 7
    assert found["by_module"]["backbone.layer4.0.conv2.conv"]["flops"] == 8 * 7**2 * 512 * 512 * 9
    assert found["flops"] == pytest.approx(32.88e9, rel=0.002), "as published"
    assert found["conditions"] == ["1 view of 8 frames"]


def test_number_of_frames_is_kept_when_another_side_is_requested(measure: Measure) -> None:
    assert measure("mmaction", TSM, (3, 64, 96))["input_shape"] == [1, 8, 3, 64, 96]


def test_stgcn_equals_published_flops_and_hand_count(measure: Measure) -> None:
    """ST-GCN++: of two persons, 100 frames, 25 joints, 3 coordinates."""
    found = measure("mmaction", STGCN)
    assert found["input_shape"] == [1, 1, 2, 100, 25, 3]
    assert found["flops"] == pytest.approx(2.96e9, rel=0.002), "as published"
    # 3 subsets of the graph, each with its own weights and 25 x 25 matrix; then the residual
    layer, joints = found["by_module"]["backbone.gcn.0.gcn"], 2 * 100 * 25
    assert layer["flops"] == joints * (3 * 64 * 3 + 64 * 3 * 25 + 3 * 64) + 2 * joints * (64 + 64)
    assert found["by_module"]["backbone.gcn.0.gcn.conv"]["flops"] == joints * 3 * 64 * 3
    assert found["by_module"]["cls_head.fc"]["flops"] == 256 * 60


def test_action_detector_counts_fixed_proposals_and_reports_roi_align(measure: Measure) -> None:
    """Another detector finds the people. RoIAlign is reported as uncounted."""
    config = "detection/slowfast/slowfast_kinetics400-pretrained-r50_8xb16-4x16x1-20e_ava21-rgb.py"
    found = measure("mmaction", config, (3, 64, 64))
    assert found["by_module"]["roi_head.bbox_head"]["flops"] == 32 * 2304 * 81
    assert found["unsupported_ops"]["uncounted"] == {"RoIAlignFunction": 1}
    assert found["conditions"] == ["32 proposals", "without post-processing"]
    assert found["input_shape"] == [1, 3, 32, 64, 64]


def test_feature_bank_is_neither_read_nor_written(
    measure: Measure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bank = measure(
        "mmaction",
        "detection/lfb/slowonly-lfb-nl_kinetics400-pretrained-r50_8xb12-4x16x1-20e_ava21-rgb.py",
        (3, 64, 64),
    )
    # 60 seconds x 5 people of 2,048 features each, for each of 32 proposals
    assert bank["by_module"]["roi_head.shared_head.fbo.lt_feat_conv"]["flops"] == 32 * 300 * 2048 * 512
    measure("mmaction", "detection/lfb/slowonly-lfb-infer_r50_ava21-rgb.py", (3, 64, 64))
    gc.collect()  # the head that fills a bank writes it when it goes
    assert list(tmp_path.iterdir()) == [], "none is written"


def test_tanet_equals_published_flops_when_network_is_off(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("the network is off")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = measure(
        "mmaction", "recognition/tanet/tanet_imagenet-pretrained-r50_8xb8-dense-1x1x8-100e_kinetics400-rgb.py"
    )
    assert found["flops"] == pytest.approx(43.0e9, rel=0.002), "as published"


def test_tpn_convolution_shares_the_classifiers_params(measure: Measure) -> None:
    found = measure(
        "mmaction",
        "recognition/tpn/tpn-slowonly_imagenet-pretrained-r50_8xb8-8x8x1-150e_kinetics400-rgb.py",
        (3, 64, 64),
    )
    assert found["by_module"]["cls_head"]["params"] == 2048 * 400 + 400
    assert found["by_module"]["cls_head"]["flops"] >= 2048 * 400


@pytest.mark.parametrize(
    ("config", "shape", "conditions"),
    [
        ("localization/bmn/bmn_2xb8-400x100-9e_activitynet-feature.py", [1, 400, 100], []),
        ("localization/bsn/bsn_tem_1xb16-400x100-20e_activitynet-feature.py", [1, 400, 100], []),
        ("localization/bsn/bsn_pem_1xb16-400x100-20e_activitynet-feature.py", [1, 1000, 32], ["1,000 proposals"]),
        ("localization/tcanet/tcanet_2xb8-700x100-9e_hacs-feature.py", [1, 700, 100], ["100 proposals"]),
    ],
)
def test_localizer_input_is_the_configs_features(
    measure: Measure, config: str, shape: list[int], conditions: list[str]
) -> None:
    found = measure("mmaction", config)
    assert found["input_shape"] == shape
    assert found["conditions"] == [*conditions, "without post-processing"]


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (STGCN, "auto"),
        ("recognition_audio/resnet/tsn_r18_8xb320-64x1x1-100e_kinetics400-audio-feature.py", "auto"),
        ("recognition/x3d/x3d_s_13x6x1_facebook-kinetics400-rgb.py", (3, 64, 64)),
    ],
)
def test_dry_run_equals_real_run(config: str, shape: Any) -> None:
    assert_dry_is_real("mmaction", config, shape)


def test_rgbpose_input_has_both_modalities(measure: Measure) -> None:
    found = measure("mmaction", "skeleton/posec3d/rgbpose_conv3d/rgbpose_conv3d.py", (3, 64, 64))
    assert found["inputs"] == {"imgs": [1, 1, 3, 8, 64, 64], "heatmap_imgs": [1, 1, 17, 32, 16, 16]}


def failed(config: str, shape: Any = "auto") -> dict[str, str]:
    answer = run_job(shipped("mmaction", config), shape)
    assert answer
    failure: dict[str, str] = answer["failure"]
    return failure


def test_missing_drn_module_is_named() -> None:
    failure = failed("localization/drn/drn_2xb16-4096-10e_c3d-feature_first.py")
    assert failure["kind"] == "missing_dependency"
    assert "mmaction2's wheel lacks it" in failure["message"]


def test_skeleton_model_fails_when_an_image_is_requested() -> None:
    failure = failed(STGCN, (3, 224, 224))
    assert failure["kind"] == "unsupported_input"
    assert "does not take images" in failure["message"]


def video(model: dict[str, Any], *pipeline: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "test_dataloader": {"dataset": {"dataset": {"pipeline": list(pipeline)}}}}


RECOGNIZER = {"type": "Recognizer3D", "backbone": {"type": "ResNet3d"}}


@pytest.mark.parametrize(
    ("model", "pipeline", "shape"),
    [
        # a 3D model: a clip
        (RECOGNIZER, [{"clip_len": 4, "num_clips": 10}, {"input_format": "NCTHW"}], (1, 3, 4, 256, 256)),
        # a 2D model: what a prediction is made of, frames of clips of one frame, or of one clip
        (RECOGNIZER, [{"clip_len": 1, "num_clips": 25}, {"input_format": "NCHW"}], (25, 3, 256, 256)),
        (RECOGNIZER, [{"clip_len": 8, "num_clips": 10}, {"input_format": "NCHW"}], (8, 3, 256, 256)),
        # optical flow: its frames are channels
        (
            {"type": "Recognizer2D", "backbone": {"in_channels": 10}},
            [{"clip_len": 5, "num_clips": 25}, {"input_format": "NCHW"}],
            (25, 10, 256, 256),
        ),
        # a detector: without views
        (RECOGNIZER, [{"clip_len": 32}, {"input_format": "NCTHW", "collapse": True}], (3, 32, 256, 256)),
        # heatmaps: one for each joint
        (RECOGNIZER, [{"clip_len": 48}, {"input_format": "NCTHW_Heatmap"}], (1, 17, 48, 256, 256)),
    ],
)
def test_resolve_returns_one_view(
    model: dict[str, Any], pipeline: list[dict[str, Any]], shape: tuple[int, ...]
) -> None:
    sample, layout = pipeline
    steps = [{"type": "SampleFrames", **sample}, {"type": "Resize", "scale": (-1, 320)}]
    steps += [{"type": "ThreeCrop", "crop_size": 256}, {"type": "FormatShape", **layout}]
    assert video_inputs.resolve(video(model, *steps), "auto") == shape


def test_resolve_uses_the_model_or_the_request_when_no_pipeline_is_set() -> None:
    own = {"type": "Recognizer3D", "backbone": {"type": "UniFormerV2", "t_size": 8, "input_resolution": 336}}
    assert video_inputs.resolve({"model": own}, "auto") == (1, 3, 8, 336, 336)
    assert video_inputs.resolve({"model": RECOGNIZER}, "auto") == "auto"
    assert video_inputs.resolve({"model": RECOGNIZER}, "inputs=1x3x4x32x32") == "inputs=1x3x4x32x32"
    with pytest.raises(UnsupportedInputError, match="Name the input, such as `inputs=8x3x224x224`"):
        video_inputs.resolve({"model": RECOGNIZER}, (3, 224, 224))


def test_resolve_reads_joints_of_a_custom_graph() -> None:
    model = {"type": "RecognizerGCN", "backbone": {"graph_cfg": {"layout": {"num_node": 21}}, "in_channels": 2}}
    steps = [{"type": "UniformSampleFrames", "clip_len": 64}, {"type": "FormatGCNInput", "num_person": 1}]
    assert video_inputs.resolve(video(model, *steps), "auto") == (1, 1, 64, 21, 2)
