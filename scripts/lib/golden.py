"""Measure the models of the golden comments, each before and after a typical change."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action"))

from model_complexity.common.shapes import AUTO
from model_complexity.worker.build.model import disable_network
from model_complexity.worker.job import run_job

_VIT = "mmpretrain::vision_transformer/vit-base-p16_64xb64_in1k.py"
_RESNET = "mmpretrain::resnet/resnet18_8xb32_in1k.py"
_MOBILENET = "mmpretrain::mobilenet_v2/mobilenet-v2_8xb32_in1k.py"
_FASTER_RCNN = "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py"
_RETINANET = "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py"
_DEFORMABLE = {"dcn": {"type": "DCNv2", "deform_groups": 1}, "stage_with_dcn": (False, True, True, True)}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": (_VIT, {}),
    "vit, patches of 14": (_VIT, {"backbone": {"patch_size": 14}}),
    "resnet18": (_RESNET, {}),
    "resnet34": (_RESNET, {"backbone": {"depth": 34}}),
    "mobilenet": (_MOBILENET, {}),
    "mobilenet, wider head": (_MOBILENET, {"head": {"num_classes": 2000}}),
    "faster-rcnn": (_FASTER_RCNN, {}),
    "faster-rcnn, deformable": (_FASTER_RCNN, {"backbone": _DEFORMABLE}),
    "faster-rcnn, 2,000 proposals": (_FASTER_RCNN, {"test_cfg": {"rpn": {"nms_pre": 2000, "max_per_img": 2000}}}),
    "retinanet": (_RETINANET, {}),
    "retinanet, deeper head": (_RETINANET, {"bbox_head": {"stacked_convs": 5}}),
}
"""Name -> config that a library ships, and the change to its model."""


def main(file: Path) -> None:
    """Write one measurement for each model."""
    disable_network()
    measurements: dict[str, Any] = {}
    for name, (config, change) in MODELS.items():
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            changed = Path(folder, "config.py")
            changed.write_text(f"_base_ = {config!r}\nmodel = {change!r}\n", encoding="utf-8")
            answer = run_job(changed, AUTO)
        assert answer is not None
        assert "measurement" in answer, answer
        measurements[name] = {**answer["measurement"], "seconds": 1.0}
    lines = (
        f"{json.dumps(name)}: {json.dumps(measurement, separators=(',', ':'))}"
        for name, measurement in measurements.items()
    )
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
