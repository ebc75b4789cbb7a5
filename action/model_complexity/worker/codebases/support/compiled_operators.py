"""Register what the compiled operators of mmcv, mmdet and torchvision cost."""

from __future__ import annotations

from math import prod
from typing import Any, List

from model_complexity.worker.count.handles.convolution import convolution_macs
from model_complexity.worker.count.node import elements, scalar_arguments, shape_of
from model_complexity.worker.count.registry import AUTOGRAD_FUNCTION, flops, negligible, product_flops, uncounted


@product_flops(AUTOGRAD_FUNCTION + "mmcv.ops.modulated_deform_conv.ModulatedDeformConv2dFunction", weight=3)
@product_flops(AUTOGRAD_FUNCTION + "mmcv.ops.deform_conv.DeformConv2dFunction", weight=2)
@product_flops("torchvision::deform_conv2d", weight=1)
def deformable_convolution_flops(inputs: List[Any], outputs: List[Any], *, weight: int) -> int:
    """Count the convolution, and 4 for each sampled value.

    batch·Hout·Wout·(elements of the weight + 4·Cin·Kh·Kw). A sample is bilinear, as in ``grid_sampler``. The offsets come from a
    convolution that counts for itself. The product with the mask is elementwise.

    Args:
        inputs: of the node. The first is the image.
        outputs: of the node.
        weight: position of the weight (Cout, Cin/groups, Kh, Kw) among the inputs.

    Source: Dai et al., "Deformable Convolutional Networks", equations 2 to 4; Zhu et al., "Deformable ConvNets v2".
    """
    image, kernel, output = shape_of(inputs[0]), shape_of(inputs[weight]), shape_of(outputs[0])
    sampled = image[0] * image[1] * prod(kernel[2:]) * prod(output[2:])
    return convolution_macs(kernel, output) + 4 * sampled


@product_flops(AUTOGRAD_FUNCTION + "mmcv.ops.masked_conv.MaskedConv2dFunction")
def masked_convolution_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count the convolution, as if the mask kept every place.

    Inputs: features (N, Cin, H, W), mask (N, H, W), weight (Cout, Cin, Kh, Kw), bias.

    Source: Wang et al., "Region Proposal by Guided Anchoring", section 3.3.
    """
    return convolution_macs(shape_of(inputs[2]), shape_of(outputs[0]))


@flops(AUTOGRAD_FUNCTION + "ms_deform_attn_func.MSDeformAttnFunction")  # Deformable DETR's own, and its descendants'
@flops(AUTOGRAD_FUNCTION + "mmcv.ops.multi_scale_deform_attn.MultiScaleDeformableAttnFunction")
def deformable_attention_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 4·B·Q·M·L·P·D, the bilinear samples, as ``grid_sampler`` counts.

    Value (B, S, M heads, D), sampling locations (B, Q, M, L levels, P points, 2). The paper's fifth operation (5·N·K·C) weighs a
    sample: elementwise products and a sum in the form that mmcv runs on a CPU, ``multi_scale_deformable_attn_pytorch``, where
    those are not counted either. Both forms count the same.

    Source: Zhu et al., "Deformable DETR", section 4.1, without the weighing.
    """
    return 4 * prod(shape_of(inputs[3])[:-1]) * shape_of(inputs[0])[-1]


@flops(AUTOGRAD_FUNCTION + "mmcv.ops.carafe.CARAFEFunction", AUTOGRAD_FUNCTION + "mmcv.ops.carafe.CARAFENaiveFunction")
def reassembly_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count K² for each value of the output, K the side of the kernels.

    The kernels come from convolutions that count for themselves.

    Source: Wang et al., "CARAFE", section 3.3.
    """
    return elements(outputs[0]) * int(scalar_arguments(inputs)[0]) ** 2


@flops(AUTOGRAD_FUNCTION + "mmcv.ops.correlation.CorrelationFunction")
def correlation_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count C·K² for each value of the output (N, P, P, H, W).

    Patches of K x K over C channels, P² displacements.

    Source: Dosovitskiy et al., "FlowNet", section 3, equation 1.
    """
    return elements(outputs[0]) * shape_of(inputs[0])[1] * int(scalar_arguments(inputs)[0]) ** 2


@flops(AUTOGRAD_FUNCTION + "mmcv.ops.three_interpolate.ThreeInterpolate")
def three_point_interpolation_flops(inputs: List[Any], outputs: List[Any]) -> int:
    """Count 3 for each value of the output.

    Source: as linear resampling.
    """
    return 3 * elements(outputs[0])


negligible("mmcv.ops.fused_bias_leakyrelu.FusedBiasLeakyReLUFunction")  # an activation function
negligible("mmcv.ops.gather_points.GatherPoints", "mmcv.ops.group_points.GroupingOperation")  # these move values
negligible("mmcv.ops.psa_mask.PSAMaskFunction", "mmcv.ops.tin_shift.TINShiftFunction")
negligible("mmcv.ops.roi_pool.RoIPoolFunction")  # a maximum

_BOXES = (
    *("nms.NMSop", "nms.SoftNMSop", "roi_align.RoIAlignFunction", "roi_align_rotated.RoIAlignRotatedFunction"),
    *(
        "riroi_align_rotated.RiRoIAlignRotatedFunction",
        "prroi_pool.PrRoIPoolFunction",
        "border_align.BorderAlignFunction",
    ),
    *(
        "deform_roi_pool.DeformRoIPoolFunction",
        "roiaware_pool3d.RoIAwarePool3dFunction",
        "bezier_align.BezierAlignFunction",
    ),
    "roipoint_pool3d.RoIPointPool3dFunction",
)
_DIRECT = ("nms_match", "nms_quadri", "nms_rotated", "iou3d_nms3d_forward", "iou3d_nms3d_normal_forward")
_SPARSE = ("SparseConvFunction", "SparseInverseConvFunction", "SparseMaxPoolFunction", "SubMConvFunction")
uncounted("its work depends on the boxes", *(f"{AUTOGRAD_FUNCTION}mmcv.ops.{name}" for name in _BOXES))
uncounted("its work depends on the boxes", *(AUTOGRAD_FUNCTION + name for name in _DIRECT))
uncounted(
    "a sparse convolution: its work depends on the points",
    *(f"{AUTOGRAD_FUNCTION}mmcv.ops.sparse_functional.{name}" for name in _SPARSE),
)
