"""Configs that inherit from an installed library, and packages found by the names that they were installed by."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path

import pytest

from model_complexity.worker.build import pkg_resources_shim as packages
from model_complexity.worker.build.imports import find_for_imports
from model_complexity.worker.build.model import load_config


@pytest.mark.parametrize(
    ("base", "model"),
    [
        ("mmdet::_base_/models/faster-rcnn_r50_fpn.py", "FasterRCNN"),
        ("mmseg::_base_/models/fcn_unet_s5-d16.py", "EncoderDecoder"),  # of the package mmsegmentation
        ("mmaction::_base_/models/tsm_r50.py", "Recognizer2D"),
    ],
)
def test_a_config_inherits_from_an_installed_library(tmp_path: Path, base: str, model: str) -> None:
    find_for_imports()
    config = tmp_path / "config.py"
    config.write_text(f"_base_ = {base!r}\n")
    assert load_config(config).model.type == model


def test_what_setuptools_has_is_found_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    find_for_imports()
    monkeypatch.delitem(sys.modules, packages.NAME, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    (tmp_path / "pkg_resources.py").write_text("")
    spec = importlib.util.find_spec(packages.NAME)
    assert spec
    assert spec.origin == str(tmp_path / "pkg_resources.py")


def test_a_package_goes_by_its_own_name() -> None:
    found = packages.get_distribution("mmsegmentation")
    assert found.has_metadata("top_level.txt")
    assert "mmseg" in found.get_metadata("top_level.txt").split()
    assert (Path(found.location) / "mmseg").is_dir()
    with pytest.raises(packages.DistributionNotFoundError):
        packages.get_distribution("no-such-package")
