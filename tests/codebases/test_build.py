"""Models that need a process group or weights while they are built."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_complexity.worker.job import run_job

CONFIG = """
default_scope = 'mmdet'
model = dict(type='ResNet', depth=18, norm_cfg=dict(type='{norm}'), init_cfg=dict(type='Pretrained', checkpoint='http://x/y.pth'))
"""


@pytest.mark.parametrize("norm", ["SyncBN", "MMSyncBN"])
def test_synchronized_norms_equal_batch_norm(tmp_path: Path, norm: str) -> None:
    metrics = []
    for name in ("BN", norm):
        (tmp_path / f"{name}.py").write_text(CONFIG.format(norm=name))
        answer = run_job(tmp_path / f"{name}.py", (3, 64, 64))
        assert answer
        found = answer["measurement"]
        metrics.append([found["figures"], found["modules"]])
    assert metrics[0] == metrics[1]
