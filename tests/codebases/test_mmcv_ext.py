"""mmcv without its compiled part: stubs for the operators of ``mmcv.ops``."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from model_complexity.worker.build import imports, stub_extension
from model_complexity.worker.build.stub_extension import MissingExtensionError
from model_complexity.worker.count.analysis import count
from model_complexity.worker.count.dry_run import DataDependentError, dry_run
from tests.support.flat import flat

imports.find_for_imports()


class Deformable(nn.Module):
    """Modulated deformable convolution of 3 to 8 channels, 3 x 3, over maps of 16 x 16."""

    def __init__(self) -> None:
        super().__init__()
        from mmcv.ops import ModulatedDeformConv2dPack

        self.layer = ModulatedDeformConv2dPack(3, 8, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layer(image)


class Computed(nn.Module):
    """A convolution of 3 to 3 channels, and a computation on its maps, whose shape is kept."""

    def __init__(self, compute: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.compute = nn.Conv2d(3, 3, 1), compute

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        result = self.compute(self.conv(image))
        self.shape = tuple(int(side) for side in result.shape)
        return result


def test_stub_is_counted_by_its_formula() -> None:
    stub_extension.reset()
    with dry_run():
        counts = flat(count(Deformable().eval(), (torch.rand(1, 3, 16, 16),)))
    offsets = 16 * 16 * 27 * 3 * 9  # a convolution that makes 2 offsets and a mask for each of 9 places
    sampled = 16 * 16 * 4 * 3 * 9
    assert counts["flops"] == offsets + sampled + 16 * 16 * 8 * 3 * 9
    assert counts["operators"]["ModulatedDeformConv2dFunction"] == sampled + 16 * 16 * 8 * 3 * 9
    assert counts["unsupported_ops"]["uncounted"] == {}
    assert stub_extension.used() == ["modulated_deform_conv_forward"]


def _upsampled(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import carafe

    return carafe(image, image.new_zeros(1, 25, 32, 32), 5, 1, 2)


def _upsampled_in_groups(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import carafe_naive

    return carafe_naive(image, image.new_zeros(1, 3 * 9, 32, 32), 3, 3, 2)


def _correlated(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import Correlation

    return Correlation(kernel_size=1, max_displacement=4)(image, image)


def _masked(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import MaskedConv2d

    return MaskedConv2d(3, 8, 3, padding=1)(image, image[:, 0] > 0)


def _interpolated(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import three_interpolate

    points = image.flatten(2)
    return three_interpolate(points, torch.zeros(1, 50, 3, dtype=torch.int32), torch.rand(1, 50, 3))


@pytest.mark.parametrize(
    ("compute", "flops"),
    [
        (_upsampled, 3 * 32 * 32 * 5 * 5),
        (_upsampled_in_groups, 3 * 32 * 32 * 3 * 3),
        (_correlated, 9 * 9 * 16 * 16 * 3),
        (_masked, 16 * 16 * 8 * 3 * 3 * 3),
        (_interpolated, 3 * 3 * 50),
    ],
)
def test_operator_equals_hand_count(compute: Callable[[torch.Tensor], torch.Tensor], flops: int) -> None:
    with dry_run():
        counts = flat(count(Computed(compute).eval(), (torch.rand(1, 3, 16, 16),)))
    assert counts["unsupported_ops"]["uncounted"] == {}
    assert counts["flops"] == 16 * 16 * 3 * 3 + flops


def _pooled(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import RoIPool

    return RoIPool((7, 7), 0.25)(image, torch.tensor([[0.0, 1, 1, 20, 20]] * 10))


def _collected(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import PSAMask

    return PSAMask("collect", (31, 31))(image.new_zeros(1, 31 * 31, 16, 16))


def _aligned(image: torch.Tensor) -> torch.Tensor:
    from mmcv.ops import RoIAlign

    return RoIAlign((7, 7), 0.25)(image, torch.tensor([[0.0, 1, 1, 20, 20]] * 10))


@pytest.mark.parametrize(
    ("compute", "shape", "uncounted"),
    [
        (_pooled, (10, 3, 7, 7), {}),
        (_collected, (1, 256, 16, 16), {}),
        (_aligned, (10, 3, 7, 7), {"RoIAlignFunction": 1}),
    ],
)
def test_uncounted_operator_is_reported_unless_negligible(
    compute: Callable[[torch.Tensor], torch.Tensor], shape: tuple[int, ...], uncounted: dict[str, int]
) -> None:
    with dry_run():
        model = Computed(compute).eval()
        counts = flat(count(model, (torch.rand(1, 3, 16, 16),)))
    assert model.shape == shape
    assert counts["unsupported_ops"]["uncounted"] == uncounted


def test_stub_raises_when_run_is_real() -> None:
    with pytest.raises(MissingExtensionError) as raised:
        Deformable()(torch.rand(1, 3, 16, 16))
    assert str(raised.value) == (
        "`modulated_deform_conv_forward` is a stub: it supports dry runs only. Install mmcv with compiled ops."
    )


def test_operator_without_autograd_function_is_recorded_by_its_name() -> None:
    from mmcv.ops import box_iou_rotated, nms_rotated

    class Boxes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 1, 1)

        def forward(self, image: torch.Tensor) -> Any:
            boxes = self.conv(image).flatten()[:1000].reshape(-1, 5)
            kept = nms_rotated(boxes, boxes[:, 4], 0.5)[1]
            assert kept.shape == (200,), "nothing is suppressed"
            return box_iou_rotated(boxes, boxes[kept])

    with dry_run():
        counts = flat(count(Boxes().eval(), (torch.rand(1, 3, 64, 64),)))
    assert counts["unsupported_ops"]["uncounted"] == {"box_iou_rotated": 1, "nms_rotated": 1}


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[types.ModuleType]:
    """An installed extension: ``mmcv._ext`` with an operator that computes."""
    import mmcv

    (tmp_path / "_ext.py").write_text("def double(values, out):\n    out.copy_(values * 2)\n")
    monkeypatch.setattr(mmcv, "__path__", [*mmcv.__path__, str(tmp_path)])
    known = sys.modules.pop("mmcv._ext", None)
    import importlib

    yield importlib.import_module("mmcv._ext")
    sys.modules.pop("mmcv._ext", None)
    if known is not None:
        sys.modules["mmcv._ext"] = known


def test_installed_extension_computes(compiled: types.ModuleType) -> None:
    out = torch.zeros(3)
    compiled.double(torch.ones(3), out)
    assert out.tolist() == [2, 2, 2]
    assert not hasattr(compiled, "nms")


def test_installed_extension_refuses_uncomputed_tensors_when_run_is_dry(compiled: types.ModuleType) -> None:
    with dry_run(), pytest.raises(DataDependentError, match="double reads values, which a dry run does not compute"):
        compiled.double(torch.rand(100, 100) + 1, torch.zeros(3))


def test_missing_compiler_leaves_functions_unchanged() -> None:
    compiler: Any = imports.StubModule("numba", imports.optional_modules()["numba"])

    @compiler.jit
    def one() -> int:
        return 1

    @compiler.jit(nopython=True)
    def two() -> int:
        return 2

    @compiler.njit("(float32, float32)", device=True)
    def three() -> int:
        return 3

    assert (one(), two(), three()) == (1, 2, 3)
    with pytest.raises(ModuleNotFoundError, match="numba"):
        compiler.Compiler()
