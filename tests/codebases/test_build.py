"""What a model asks for while it is built, and a machine that only counts does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_complexity.worker.job import run_job

CONFIG = """
default_scope = 'mmdet'
model = dict(type='ResNet', depth=18, norm_cfg=dict(type='{norm}'), init_cfg=dict(type='Pretrained', checkpoint='http://x/y.pth'))
"""


@pytest.mark.parametrize("norm", ["SyncBN", "MMSyncBN"])
def test_norms_over_several_processes_are_those_of_one(tmp_path: Path, norm: str) -> None:
    figures = []
    for name in ("BN", norm):
        (tmp_path / f"{name}.py").write_text(CONFIG.format(norm=name))
        answer = run_job(tmp_path / f"{name}.py", (3, 64, 64))
        assert answer
        found = answer["measurement"]
        figures.append([found["figures"], found["modules"]])
    assert figures[0] == figures[1]
