"""Measures the models that the golden comments are about: changes as people make them, at the same size before and after."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "action"))

from model_complexity.measure.building import cut_network
from model_complexity.measure.job import run_job

MODELS = {
    "vit": ("vision_transformer/vit-base-p16_64xb64_in1k.py", {}),
    "vit, patches of 14": ("vision_transformer/vit-base-p16_64xb64_in1k.py", {"backbone": {"patch_size": 14}}),
    "resnet18": ("resnet/resnet18_8xb32_in1k.py", {}),
    "resnet34": ("resnet/resnet18_8xb32_in1k.py", {"backbone": {"depth": 34}}),
    "mobilenet": ("mobilenet_v2/mobilenet-v2_8xb32_in1k.py", {}),
    "mobilenet, wider head": ("mobilenet_v2/mobilenet-v2_8xb32_in1k.py", {"head": {"num_classes": 2000}}),
}
"""Name -> config of mmpretrain, and what is changed in its model."""


def main(file: Path) -> None:
    """Writes one measurement for each model."""
    import mmpretrain

    cut_network()
    zoo = Path(mmpretrain.__file__).parent / ".mim" / "configs"
    found: dict[str, Any] = {}
    for name, (config, change) in MODELS.items():
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
            changed = Path(folder, "config.py")
            changed.write_text(f"_base_ = {str(zoo / config)!r}\nmodel = {change!r}\n", encoding="utf-8")
            answer = run_job(changed, (3, 224, 224))
        assert answer is not None
        found[name] = {**answer["measurement"], "seconds": 1.0}
    lines = (f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in found.items())
    file.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
