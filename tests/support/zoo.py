"""mmpretrain's packaged configs as a repository, and the changes that the demo and the end-to-end tests make to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

WORKER_PYTHON = Path(__file__).parents[2] / ".venv" / "worker" / "bin" / "python"
"""The interpreter of the worker environment, which has mmpretrain."""
VIT = "configs/vision_transformer/vit-base-p16_64xb64_in1k.py"
RESNET = "configs/resnet/resnet18_8xb32_in1k.py"
RESNET_BASE = "configs/_base_/models/resnet18.py"
MOBILENET = "configs/mobilenet_v2/mobilenet-v2_8xb32_in1k.py"
BROKEN = "configs/resnet/resnet18_broken.py"


def configs() -> dict[str, str]:
    """Return the text of every config of the pinned mmpretrain, by its path in a repository."""
    code = "import importlib.util as u; print(u.find_spec('mmpretrain').submodule_search_locations[0])"
    command = [str(WORKER_PYTHON), "-W", "ignore", "-c", code]
    packaged = Path(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip(), ".mim")
    files = sorted(file for file in (packaged / "configs").rglob("*") if file.suffix in (".py", ".yml", ".md"))
    return {str(file.relative_to(packaged)): file.read_text(encoding="utf-8") for file in files}


def finer_patches_deeper_stem(clone: Path) -> dict[str, str]:
    """Return a ViT with patches of 14 pixels, a deeper stem in RESNET_BASE, and a config with a syntax error.

    Raises:
        ValueError: mmpretrain's configs are not the pinned version's.
    """
    vit, base = (clone / VIT).read_text(), (clone / RESNET_BASE).read_text()
    changes = {
        VIT: vit.replace("model = dict(\n", "model = dict(\n    backbone=dict(patch_size=14),\n"),
        RESNET_BASE: base.replace("type='ResNet'", "type='ResNetV1d'"),
        BROKEN: "_base_ = 'resnet18_8xb32_in1k.py'\n\nmodel = dict(backbone=dict(depth=34)\n",
    }
    if vit == changes[VIT] or base == changes[RESNET_BASE]:
        raise ValueError("mmpretrain's configs are not the pinned version's: the changes do not apply")
    return changes


def deeper_resnet(clone: Path) -> dict[str, str]:
    """Return RESNET_BASE with 34 layers.

    Raises:
        ValueError: mmpretrain's configs are not the pinned version's.
    """
    base = (clone / RESNET_BASE).read_text()
    changed = base.replace("depth=18", "depth=34")
    if base == changed:
        raise ValueError("mmpretrain's configs are not the pinned version's: the change does not apply")
    return {RESNET_BASE: changed}


def wider_head(clone: Path) -> dict[str, str]:
    """Return the MobileNet config with a classifier of 2,000 classes."""
    return {MOBILENET: (clone / MOBILENET).read_text() + "model = dict(head=dict(num_classes=2000))\n"}


def clipped_gradients(clone: Path) -> dict[str, str]:
    """Return the ViT config with one more line in its schedule, which changes no metric."""
    return {VIT: (clone / VIT).read_text() + "optim_wrapper = dict(clip_grad=dict(max_norm=2.0))\n"}
