"""Imports with skipped version assertions and empty stubs."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from model_complexity.worker.build import imports
from tests.worker.run_worker import measure

CHECK = """
import {other}
assert {other}.__version__ == '2.0.0rc4', (
    f'{name}=={{{other}.__version__}} is used but incompatible. Please install {other}>=2.0.0rc4, <2.1.0.')
"""


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder to import packages from. They are unloaded after the test."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def test_version_assertion_of_another_package_is_skipped(packages: Path) -> None:
    (packages / "other_one.py").write_text("__version__ = '2.2.0'\n")
    (packages / "other_two.py").write_text("__version__ = '2.9'\n")
    (packages / "inner.py").write_text(CHECK.format(other="other_two", name="OTHER_TWO"))
    (packages / "outer.py").write_text(
        CHECK.format(other="other_one", name="Other_One") + "import inner\nanswer = 42\n"
    )
    assert imports.import_ignoring_version_bounds("outer").answer == 42
    assert (sys.modules["other_one"].__version__, sys.modules["other_two"].__version__) == ("2.2.0", "2.9")


def test_moved_standard_library_name_is_found_at_its_old_place(tree: Path) -> None:
    (tree / "old.py").write_text("from collections import Sequence, OrderedDict\nassert isinstance([], Sequence)\n")
    (tree / "a.py").write_text("custom_imports = dict(imports=['old'])\nmodel = dict(type='Absent')\n")
    (answer,) = measure(tree, ["a.py"])
    assert answer["failure"]["kind"] == "build"  # the import succeeded


@pytest.mark.parametrize(
    "text",
    [
        "assert 1 == 2, 'one is not two'",
        "assert False, 'OTHER==1 is used but incompatible. Please install other>=2.0.0'",  # not imported
        "import sys as mmsys\nassert False, 'SYS==1 is used but incompatible. Please install sys>=2.0.0'",  # no version
    ],
)
def test_other_assertion_is_raised(packages: Path, text: str) -> None:
    (packages / "refusing.py").write_text(text + "\n")
    with pytest.raises(AssertionError):
        imports.import_ignoring_version_bounds("refusing")


def test_version_assertion_is_skipped_when_a_config_imports_the_package(tree: Path) -> None:
    (tree / "other_one.py").write_text("__version__ = '2.2.0'\n")
    (tree / "picky.py").write_text(CHECK.format(other="other_one", name="Other_One"))
    (tree / "a.py").write_text("custom_imports = dict(imports=['picky'])\nmodel = dict(type='Absent')\n")
    (answer,) = measure(tree, ["a.py"])
    assert answer["failure"]["kind"] == "build"  # the import succeeded


def test_unneeded_package_is_imported_as_an_empty_stub(tree: Path) -> None:
    (tree / "readers.py").write_text("from xtcocotools.coco import COCO\nclass Reader(COCO): pass\n")
    (tree / "names.py").write_text("custom_imports = dict(imports=['readers'])\nmodel = dict(type='Absent')\n")
    (tree / "reads.py").write_text("from xtcocotools.coco import COCO\nread = COCO('annotations.json')\n")
    (tree / "uses.py").write_text("custom_imports = dict(imports=['reads'])\nmodel = dict(type='Absent')\n")
    (tree / "asks.py").write_text("import some_reader\n")
    (tree / "needs.py").write_text("custom_imports = dict(imports=['asks'])\nmodel = dict(type='Absent')\n")
    names, uses, needs = measure(tree, ["names.py", "uses.py", "needs.py"])
    assert names["failure"]["kind"] == "build"  # the import succeeded
    assert (uses["failure"]["kind"], uses["failure"]["message"]) == (
        "missing_dependency",
        "ModuleNotFoundError at reads.py:2: No module named 'xtcocotools.coco'",
    )
    assert needs["failure"]["message"] == "ModuleNotFoundError at asks.py:1: No module named 'some_reader'"
