"""mmpose's models against hand counts and published metrics. One multiply-accumulate is one flop."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_complexity.worker.job import run_job
from tests.codebases.conftest import Measure, assert_dry_is_real, shipped
from tests.support.flat import flat

COCO = "body_2d_keypoint/topdown_heatmap/coco"
RTMPOSE_TINY = "body_2d_keypoint/rtmpose/body8/rtmpose-t_8xb256-420e_body8-256x192.py"
RTMO_TINY = "body_2d_keypoint/rtmo/body7/rtmo-t_8xb32-600e_body7-416x416.py"
LIFTER = "body_3d_keypoint/video_pose_lift/h36m/video-pose-lift_tcn-27frm-supv_8xb128-160e_h36m.py"
LEFT_OUT = "without post-processing"
KEYPOINTS = 17


def conv(channels: int, filters: int, kernel: int, places: int, groups: int = 1) -> int:
    """A convolution without bias, and the batch norm behind it: a scale and a shift for each value."""
    return places * filters * (channels // groups * kernel * kernel + 2)


def csp_next(channels: int, places: int) -> int:
    """A CSPNeXt stage's layer with one block: two halves, one of them through the block, joined under channel attention."""
    half = channels // 2
    halves = 2 * conv(channels, half, 1, places)
    block = conv(half, half, 3, places) + conv(half, half, 5, places, groups=half) + conv(half, half, 1, places)
    attention = places * channels + channels * channels  # the mean of each channel, a linear layer on those
    return halves + block + attention + conv(channels, channels, 1, places)


def test_rtmpose_equals_hand_count(measure: Measure) -> None:
    found = measure("mmpose", RTMPOSE_TINY)
    assert found["input_shape"] == [1, 3, 256, 192]
    half, quarter, eighth, sixteenth, last = (256 * 192 // side**2 for side in (2, 4, 8, 16, 32))
    stem = conv(3, 12, 3, half) + conv(12, 12, 3, half) + conv(12, 24, 3, half)
    stage1 = conv(24, 48, 3, quarter) + csp_next(48, quarter)
    stage2 = conv(48, 96, 3, eighth) + csp_next(96, eighth)
    stage3 = conv(96, 192, 3, sixteenth) + csp_next(192, sixteenth)
    pooled = conv(384, 192, 1, last) + conv(4 * 192, 384, 1, last)  # three max poolings and their input
    stage4 = conv(192, 384, 3, last) + pooled + csp_next(384, last)
    backbone = stem + stage1 + stage2 + stage3 + stage4

    # a 7 x 7 convolution gives each keypoint a map of 8 x 6, which is its token of 48, then of 256
    maps = last * 384 * KEYPOINTS * 7 * 7
    tokens = KEYPOINTS * 48 * 256
    expanded, shared = 512, 128  # gated attention: u and v of 512, and what query and key are made of
    projections = KEYPOINTS * 256 * (2 * expanded + shared) + KEYPOINTS * expanded * 256
    attention = KEYPOINTS * KEYPOINTS * (shared + expanded)
    coordinates = KEYPOINTS * 256 * (2 * 192 + 2 * 256)  # two bins for each pixel
    head = maps + tokens + projections + attention + coordinates

    rows = found["by_module"]
    assert rows["backbone.stage1"]["flops"] == stage1
    assert rows["backbone"]["flops"] == backbone
    assert rows["head.gau"]["flops"] == projections + attention
    assert rows["head"]["flops"] == head
    assert found["flops"] == backbone + head
    assert round(found["flops"] / 1e9, 2) == 0.36  # as published
    assert round(found["params"] / 1e6, 2) == 3.34
    assert found["conditions"] == ["without the flip test", LEFT_OUT]


@pytest.mark.parametrize(
    ("config", "flops", "params"),
    [
        (f"{COCO}/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py", 7.7, 28.5),
        ("body_2d_keypoint/rtmpose/body8/rtmpose-s_8xb256-420e_body8-256x192.py", 0.68, 5.47),
        ("body_2d_keypoint/rtmpose/body8/rtmpose-m_8xb256-420e_body8-256x192.py", 1.93, 13.59),
    ],
)
def test_metrics_equal_published_ones(measure: Measure, config: str, flops: float, params: float) -> None:
    found = measure("mmpose", config)
    assert found["flops"] / 1e9 == pytest.approx(flops, rel=0.01)
    assert found["params"] / 1e6 == pytest.approx(params, rel=0.01)


def test_lifter_takes_keypoints_and_equals_hand_count(measure: Measure) -> None:
    found = measure("mmpose", LIFTER)
    assert found["input_shape"] == [1, 2 * KEYPOINTS, 27]
    width = 1024

    def block(frames: int) -> int:
        """Three frames become one, then a linear layer on each; a batch norm behind both."""
        return frames * width * (3 * width + 2) + frames * width * (width + 2)

    stem = 9 * width * (3 * 2 * KEYPOINTS + 2)
    head = width * 3 * KEYPOINTS
    rows = found["by_module"]
    assert rows["backbone.expand_conv"]["flops"] == stem
    assert rows["backbone.tcn_blocks.0"]["flops"] == block(3)
    assert rows["head"]["flops"] == head
    assert found["flops"] == stem + block(3) + block(1) + head


def test_lifter_with_trajectory_runs_both_heads(measure: Measure) -> None:
    one = measure("mmpose", LIFTER)["flops"]
    both = measure("mmpose", LIFTER.replace("-supv_8xb128-160e", "-semi-supv_8xb64-200e"))
    assert both["flops"] == 2 * one - 1024 * 3 * (KEYPOINTS - 1)  # the trajectory is that of one point
    assert both["by_module"]["traj_head"]["flops"] == 1024 * 3


def test_motionbert_takes_the_sequence_that_it_embeds(measure: Measure) -> None:
    found = measure("mmpose", "body_3d_keypoint/motionbert/h36m/motionbert_dstformer-243frm_8xb32-240e_h36m.py")
    assert found["input_shape"] == [1, 243, KEYPOINTS, 3]
    assert found["by_module"]["backbone.joints_embed"]["flops"] == 243 * KEYPOINTS * 3 * 512


def test_lifter_fails_when_an_image_is_requested() -> None:
    answer = run_job(shipped("mmpose", LIFTER), (3, 256, 192))
    assert answer
    assert answer["failure"]["kind"] == "unsupported_input"
    assert "inputs=34x27" in answer["failure"]["message"]


def test_rtmo_classifies_the_coordinates_of_fixed_poses(measure: Measure) -> None:
    found = measure("mmpose", RTMO_TINY)
    assert found["input_shape"] == [1, 3, 416, 416]
    assert found["conditions"] == ["20 poses", LEFT_OUT]
    width, bins = 128, 192 + 256
    features = 192 * KEYPOINTS * width + 2 * KEYPOINTS * width  # a linear layer and its batch norm
    expanded, shared = 256, 128
    attention = KEYPOINTS * width * (2 * expanded + shared + expanded) + KEYPOINTS**2 * (shared + expanded)
    encoding = bins * 128 * width
    heatmaps = KEYPOINTS * width * bins
    assert found["by_module"]["head.dcc.gau"]["flops"] == 20 * attention
    assert found["by_module"]["head.dcc"]["flops"] == 20 * (features + attention + encoding + heatmaps)


def test_cid_decouples_a_fixed_number_of_instances(measure: Measure) -> None:
    found = measure("mmpose", "body_2d_keypoint/cid/coco/cid_hrnet-w32_8xb20-140e_coco-512x512.py")
    assert found["input_shape"] == [1, 3, 512, 512]
    assert found["conditions"][0] == "30 instances"
    places = 128 * 128
    fused = places * (2 * 32 * 32 + 32 * KEYPOINTS)  # two attended maps of 32 become one, and that the heatmaps
    spatial = places * 3 * 5 * 5
    linear = 2 * 480 * 32
    assert found["by_module"]["head.gfd_module"]["flops"] == places * 480 * 32 + 30 * (fused + spatial + linear)


def test_distiller_equals_its_student(measure: Measure, monkeypatch: pytest.MonkeyPatch) -> None:
    wholebody = "wholebody_2d_keypoint"
    monkeypatch.chdir(shipped("mmpose", ".").parent)  # the teacher's config is named from the root of the repository
    found = measure("mmpose", f"{wholebody}/dwpose/ubody/s2_dis/dwpose_s-ss_coco-ubody-256x192.py")
    student = measure("mmpose", f"{wholebody}/rtmpose/ubody/rtmpose-s_8xb64-270e_coco-ubody-wholebody-256x192.py")
    assert found["conditions"] == ["the student alone", *student["conditions"]]
    assert {name: found[name] for name in ("flops", "params", "activations")} == {
        name: student[name] for name in ("flops", "params", "activations")
    }


EDPOSE = """
_base_ = 'mmpose::_base_/default_runtime.py'
attention = dict(embed_dims=256, num_heads=4, num_levels=2, num_points=4, batch_first=True)
codec = dict(type='EDPoseLabel', num_select=5, num_keypoints=17)
model = dict(
    type='BottomupPoseEstimator',
    data_preprocessor=dict(type='PoseDataPreprocessor'),
    backbone=dict(type='ResNet', depth=18, out_indices=(2, 3)),
    neck=dict(type='ChannelMapper', in_channels=[256, 512], out_channels=256, num_outs=2),
    head=dict(
        type='EDPoseHead', num_queries=30, num_feature_levels=2, num_keypoints=17, as_two_stage=True,
        encoder=dict(num_layers=1, layer_cfg=dict(
            self_attn_cfg=attention, ffn_cfg=dict(embed_dims=256, feedforward_channels=128, num_fcs=2))),
        decoder=dict(
            num_layers=3, embed_dims=256, query_dim=4, num_feature_levels=2, num_group=10, num_dn=10,
            num_box_decoder_layers=2, return_intermediate=True, layer_cfg=dict(
                self_attn_cfg=dict(embed_dims=256, num_heads=4, batch_first=True), cross_attn_cfg=attention,
                ffn_cfg=dict(embed_dims=256, feedforward_channels=128))),
        out_head=dict(num_classes=2, num_queries=30),
        positional_encoding=dict(num_pos_feats=128, normalize=True),
        denosing_cfg=dict(dn_labelbook_size=10), data_decoder=codec))
val_dataloader = dict(dataset=dict(pipeline=[
    dict(type='BottomupRandomChoiceResize', scales=[(160, 256)], keep_ratio=True)]))
"""


def test_edpose_head_gets_data_samples(tmp_path: Path) -> None:
    file = tmp_path / "edpose.py"
    file.write_text(EDPOSE)
    answer = run_job(file, "auto")
    assert answer
    assert "measurement" in answer, answer
    found = flat(answer["measurement"])
    assert found["input_shape"] == [1, 3, 160, 256]
    rows = {row["name"]: row for row in found["modules"]}
    memory = 10 * 16 + 5 * 8  # places of both levels
    assert rows["head.encoder.layers.0.ffn"]["flops"] == 2 * memory * 256 * 128
    assert rows["head.decoder.layers.0.ffn"]["flops"] == 2 * 30 * 256 * 128
    assert rows["head.decoder.layers.2.ffn"]["flops"] == 2 * 10 * (1 + KEYPOINTS) * 256 * 128


@pytest.mark.parametrize("config", [RTMPOSE_TINY, RTMO_TINY, LIFTER])
def test_dry_run_equals_real_run(config: str) -> None:
    assert_dry_is_real("mmpose", config)
