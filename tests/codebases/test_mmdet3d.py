"""mmdet3d: voxels, points and images, against hand counts."""

from __future__ import annotations

from typing import Any

import pytest

from model_complexity.worker.codebases import mmdet3d
from model_complexity.worker.job import run_job
from tests.codebases.conftest import Measure, shipped


def test_pointpillars_equals_hand_count(measure: Measure) -> None:
    """PointPillars on KITTI: 40,000 pillars of 32 points become a map of 496 x 432."""
    found = measure("mmdet3d", "pointpillars/pointpillars_hv_secfpn_8xb6-160e_kitti-3d-car.py")
    pillars = 40_000 * 32 * (4 + 3 + 3) * 64  # a point's own channels, its offsets from the mean and from the middle
    stages = [
        248 * 216 * 9 * (64 * 64 + 3 * 64 * 64),
        124 * 108 * 9 * (64 * 128 + 5 * 128 * 128),
        62 * 54 * 9 * (128 * 256 + 5 * 256 * 256),
    ]
    # each place of a stage's map becomes 1, 2 x 2 or 4 x 4 of the head's
    neck = [248 * 216 * 64 * 128, 124 * 108 * 128 * 128 * 2 * 2, 62 * 54 * 256 * 128 * 4 * 4]
    head = 248 * 216 * (3 * 128) * (2 * 1 + 2 * 7 + 2 * 2)  # two anchors: a class, a box, a direction
    assert found["operators"]["linear"] == pillars
    assert found["operators"]["conv"] == sum(stages) + sum(neck) + head
    assert found["flops"] == sum(found["operators"].values())
    modules = found["by_module"]
    assert modules["voxel_encoder.pfn_layers.0.linear"]["flops"] == pillars
    assert modules["neck.deblocks.2.0"]["flops"] == neck[2]
    assert modules["bbox_head"]["flops"] == head
    assert found["inputs"] == {"voxels": [1, 40_000, 32, 4]}
    assert found["conditions"] == ["40,000 voxels, all full", "without post-processing"]


def test_pointnet2_equals_hand_count(measure: Measure) -> None:
    """PointNet++ on a patch of 8,192 points: 1,024 of them with 32 neighbours each, …; the search is named, not counted."""
    found = measure("mmdet3d", "pointnet2/pointnet2_ssg_2xb16-cosine-200e_scannet-seg-xyz-only.py")
    modules = found["by_module"]
    assert found["inputs"] == {"points": [1, 8192, 3]}
    assert modules["backbone.SA_modules.0.mlps.0.layer0.conv"]["flops"] == 1024 * 32 * 3 * 32
    assert modules["backbone.SA_modules.3.mlps.0.layer2.conv"]["flops"] == 16 * 32 * 256 * 512
    assert modules["decode_head.conv_seg"]["flops"] == 8192 * 128 * 20
    assert set(found["unsupported_ops"]["uncounted"]) == {"BallQuery", "FurthestPointSampling", "ThreeNN"}
    assert found["conditions"] == ["1 patch"]


@pytest.mark.parametrize(
    ("config", "inputs", "shape"),
    [
        ("votenet/votenet_8xb8_scannet-3d.py", {"points": [1, 40_000, 4]}, None),
        ("smoke/smoke_dla34_dlaneck_gn-all_4xb8-6x_kitti-mono3d.py", {}, [1, 3, 384, 1280]),
        ("dgcnn/dgcnn_4xb32-cosine-100e_s3dis-seg_test-area1.py", {"points": [1, 4096, 9]}, None),
    ],
)
def test_auto_input_is_the_configs(measure: Measure, config: str, inputs: dict[str, Any], shape: Any) -> None:
    found = measure("mmdet3d", config)
    assert found["inputs"] == inputs
    assert shape is None or found["input_shape"] == shape


@pytest.mark.parametrize(
    ("config", "kind", "message"),
    [
        ("second/second_hv_secfpn_8xb6-80e_kitti-3d-car.py", "missing_dependency", "the number of non-empty places"),
        ("minkunet/minkunet18_w16_torchsparse_8xb2-amp-15e_semantickitti.py", "missing_dependency", "Torchsparse"),
        ("dynamic_voxelization/pointpillars_dv_secfpn_8xb6-160e_kitti-3d-car.py", "unsupported_input", "on the scene"),
    ],
)
def test_unsupported_model_fails_with_reason(config: str, kind: str, message: str) -> None:
    answer = run_job(shipped("mmdet3d", config), "auto")
    assert answer
    assert answer["failure"]["kind"] == kind, answer["failure"]
    assert message in answer["failure"]["message"]


def test_resolve_reads_voxels_and_points_of_the_config() -> None:
    hard = {"voxel": True, "voxel_layer": {"max_voxels": (16_000, 30_000), "max_num_points": 20}}
    model = {"data_preprocessor": hard, "voxel_encoder": {"in_channels": 5}}
    assert mmdet3d.resolve({"model": model}, "auto") == "voxels=30000x20x5"
    assert mmdet3d.resolve({"model": model}, "voxels=9x2x5") == "voxels=9x2x5"
    model["data_preprocessor"] = {**hard, "voxel_type": "dynamic"}
    assert mmdet3d.resolve({"model": model}, "auto") == "auto"
    steps = [{"type": "Wrapped", "transforms": [{"type": "PointSample", "num_points": 500}]}]
    steps += [{"type": "Pack3DDetInputs", "keys": ["points"]}]
    config = {"test_dataloader": {"dataset": {"pipeline": steps}}, "model": {"backbone": {"in_channels": 6}}}
    assert mmdet3d.resolve(config, "auto") == "points=500x6"
