"""A pull request in a detection repository, with mmdet from the package index and mmcv without compiled operators."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.action_runs import comments, flops_by_config, on_pull_request, report, row_cells
from tests.e2e.codebases import CODEBASES
from tests.e2e.runner import Runner
from tests.support.github_server import GitHubServer
from tests.support.pull_request import PullRequestFixture

from model_complexity.report import Measurement

pytestmark = pytest.mark.e2e

BASE = "configs/_base_/detector.py"
FASTER = "configs/faster-rcnn.py"
DEFORMABLE = "configs/faster-rcnn_dconv.py"
RETINA = "configs/retinanet.py"
HEADS = """
from mmdet.models import Shared2FCBBoxHead
from mmdet.registry import MODELS


@MODELS.register_module()
class CustomHead(Shared2FCBBoxHead):
    pass
"""
DATA = "'mmdet::_base_/datasets/coco_detection.py', 'mmdet::_base_/default_runtime.py'"
PROPOSALS = 1_000
"""The number that mmdet's base file keeps of a region proposal network."""
LEVELS = (100 * 168, 50 * 84, 25 * 42, 13 * 21, 7 * 11)
"""Of the feature pyramid at 800 x 1344, at strides of 8 to 128."""


def detector(width: int) -> str:
    """A base file of the repository on one of mmdet's, whose box head is a class of the repository's own."""
    head = f"dict(type='CustomHead', fc_out_channels={width})"
    return (
        f"_base_ = ['mmdet::_base_/models/faster-rcnn_r50_fpn.py', {DATA}]\n"
        f"custom_imports = dict(imports=['detection.heads'])\nmodel = dict(roi_head=dict(bbox_head={head}))\n"
    )


def retinanet(convolutions: int) -> str:
    """mmdet's, with so many convolutions in each half of its head."""
    return (
        f"_base_ = ['mmdet::_base_/models/retinanet_r50_fpn.py', {DATA}]\n"
        f"model = dict(bbox_head=dict(stacked_convs={convolutions}))\n"
    )


def head_flops(width: int) -> int:
    """The box head's by hand, for each proposal: two shared layers on 256 channels of 7 x 7, then 81 classes and 80 boxes."""
    return PROPOSALS * (256 * 7 * 7 * width + width * width + width * 81 + width * 4 * 80)


@pytest.fixture
def pull_request(tmp_path: Path) -> Iterator[PullRequestFixture]:
    """A repository with a package and detectors, and a pull request that narrows one head, deepens another and adds a config."""
    with GitHubServer() as server:
        pull_request = PullRequestFixture(tmp_path, server)
        pull_request.main(
            "Detectors",
            {
                "detection/__init__.py": "",
                "detection/heads.py": HEADS,
                BASE: detector(1024),
                FASTER: "_base_ = './_base_/detector.py'\n",
                RETINA: retinanet(4),
            },
        )
        dcn = "dict(dcn=dict(type='DCNv2', deform_groups=1), stage_with_dcn=(False, True, True, True))"
        changed = {
            BASE: detector(512),
            DEFORMABLE: f"_base_ = './faster-rcnn.py'\nmodel = dict(backbone={dcn})\n",
            RETINA: retinanet(5),
        }
        pull_request.push("A narrower head, a deeper one, deformable convolutions", changed)
        yield pull_request


def test_detectors_are_compared_without_compiled_operators(runner: Runner, pull_request: PullRequestFixture) -> None:
    run = on_pull_request(runner, pull_request, inputs={"install": CODEBASES["mmdet"].install})

    assert run.exit_code == 0, run.log
    (comment,) = comments(pull_request)
    faster, deformable, retina = (row_cells(comment.body, config) for config in (FASTER, DEFORMABLE, RETINA))
    assert faster[0] == "`faster-rcnn.py`, through `_base_/detector.py`, 1,000 proposals"
    assert deformable[0] == "`faster-rcnn_dconv.py`, new, 1,000 proposals"
    assert retina[0] == "`retinanet.py`"
    assert "Input shape: (3,\N{NO-BREAK SPACE}800,\N{NO-BREAK SPACE}1344)." in comment.body
    assert "Conditions: without post-processing (3 configs)." in comment.body
    stubs = "Stubbed operators of mmcv (shapes only): `modulated_deform_conv_forward`, `roi_align_forward`."
    assert stubs in comment.body

    flops_of = flops_by_config(report(run))
    deltas = {
        name: head - base for name, (head, base) in flops_of.items() if isinstance(head, int) and isinstance(base, int)
    }
    assert deltas == {
        FASTER: head_flops(512) - head_flops(1024),
        RETINA: 2 * 256 * 256 * 9 * sum(LEVELS),
    }
    (added,) = (entry.head for entry in report(run).entries if entry.target.name == DEFORMABLE)
    assert isinstance(added, Measurement)
    assert added.mode == "dry"
    assert added.operators["ModulatedDeformConv2dFunction"] > 0
