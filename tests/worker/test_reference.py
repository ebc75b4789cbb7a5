"""scripts/get_flops.py against the reference page, byte by byte, and its words for wrong arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
VIT = "vision_transformer/vit-base-p16_64xb64_in1k.py"


def get_flops(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "get_flops.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_get_flops_equals_the_reference_page(zoo: Path) -> None:
    done = get_flops(str(zoo / VIT))
    assert done.stdout == (Path(__file__).parent / "reference_page.txt").read_text()
    assert done.returncode == 0


@pytest.mark.parametrize(
    "shape", [["0"], ["-1"], ["224", "0"], ["1", "2", "3"], ["abc"], ["2.5"], ["99999"], ["\uff12\uff12\uff14"], [""]]
)
def test_get_flops_exits_with_2_when_the_shape_is_wrong(shape: list[str], tmp_path: Path) -> None:
    config = tmp_path / "config.py"
    config.write_text("")
    done = get_flops(str(config), "--shape", *shape)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("get_flops.py: error: argument --shape: ")


def test_get_flops_exits_with_2_when_the_config_is_missing(tmp_path: Path) -> None:
    done = get_flops("nowhere.py", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "get_flops.py: error: argument config: no such file: nowhere.py\n")


def test_get_flops_exits_with_1_and_the_reason_when_the_config_fails(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("model = dict(\n")
    done = get_flops("broken.py", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "broken.py: config_syntax: broken.py:1: '(' was never closed\n" in done.stderr
