"""Differences between the trace and the recording that are explained, and in which the recording is right.

The trace keeps what the model's outputs depend on. What runs besides is missing in it, and so are modules without an operator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any


@dataclass(frozen=True)
class Difference:
    """One value of one config that the workers do not agree on; None where a side does not have it."""

    config: str
    what: str
    traced: Any
    recorded: Any


def _more(traced: Any, recorded: Any) -> bool:
    """Whether the recording counts what the trace left out."""
    return isinstance(recorded, int) and recorded > (traced or 0)


def _zero(traced: Any, recorded: Any) -> bool:
    """Whether the recording has zero where the trace has no figure."""
    return traced is None and recorded == 0


def _depends(traced: Any, recorded: Any) -> bool:
    """Whether the recording only adds conditions on values and random choices."""
    added = [condition for condition in recorded if condition not in traced]
    return [*traced, *added] == recorded and all(condition.startswith("depends on ") for condition in added)


@dataclass(frozen=True)
class Explanation:
    """A row of the table: which differences it explains, and why they exist.

    Args:
        library: the package, as it is imported; ``*`` for all.
        config: a pattern of config paths.
        what: patterns of what differs.
        holds: whether the two values differ in the way that the reason says.
        reason: a sentence for the output.
        example: a config that differs so, which is compared whatever the sample has.
    """

    library: str
    config: str
    what: tuple[str, ...]
    holds: Callable[[Any, Any], bool]
    reason: str
    example: str = ""


_COUNTS = ("flops", "activations", "operator *", "row * flops", "row * activations")

ZEROS = "A module ran without a counted operator: no figure in the trace, 0 in the recording."
"""No figure differs then, only how the absence of one is shown."""

EXPLANATIONS = (
    Explanation("*", "*", ("row * flops", "row * activations"), _zero, ZEROS),
    Explanation(
        "*",
        "*",
        ("conditions",),
        _depends,
        "The recording sees that the model reads values or draws random numbers, and says so.",
    ),
    Explanation(
        "mmdet",
        "configs/mask2former_vis/*",
        _COUNTS,
        _more,
        "The last decoder layer's mask embedding runs, and post-processing drops it.",
        "configs/mask2former_vis/mask2former_r50_8xb2-8e_youtubevis2019.py",
    ),
    Explanation(
        "mmdet",
        "configs/mask2former/*",
        _COUNTS,
        _more,
        "The last decoder layer makes an attention mask for a next one, and nothing uses it.",
        "configs/mask2former/mask2former_r50_8xb2-lsj-50e_coco.py",
    ),
    Explanation(
        "mmseg",
        "configs/mask2former/*",
        _COUNTS,
        _more,
        "The last decoder layer makes an attention mask for a next one, and nothing uses it.",
        "configs/mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py",
    ),
    Explanation(
        "mmseg",
        "configs/maskformer/maskformer_swin-*_upernet_*",
        _COUNTS,
        _more,
        "A layer norm of the backbone runs, and its result is dropped.",
        "configs/maskformer/maskformer_swin-s_upernet_8xb2-160k_ade20k-512x512.py",
    ),
    Explanation(
        "mmpose",
        "*/cid/*",
        _COUNTS,
        _more,
        "CID's root convolution only selects which instances are kept, and their number is fixed here.",
        "configs/body_2d_keypoint/cid/coco/cid_hrnet-w48_8xb20-140e_coco-512x512.py",
    ),
    Explanation(
        "mmocr",
        "*/abinet/*",
        _COUNTS,
        _more,
        "The language decoder's classifier runs, and its result does not reach the outputs.",
        "configs/textrecog/abinet/abinet_20e_st-an_mj.py",
    ),
    Explanation(
        "mmdet3d",
        "*/smoke/*",
        _COUNTS,
        _more,
        "DLA computes a projection in its second level that it does not use.",
        "configs/smoke/smoke_dla34_dlaneck_gn-all_4xb8-6x_kitti-mono3d.py",
    ),
)


def explanation_of(library: str, difference: Difference) -> str | None:
    """Return the reason for a difference, or None if no row of the table explains it."""
    for row in EXPLANATIONS:
        if (
            row.library in (library, "*")
            and fnmatchcase(difference.config, row.config)
            and any(fnmatchcase(difference.what, pattern) for pattern in row.what)
            and row.holds(difference.traced, difference.recorded)
        ):
            return row.reason
    return None


def examples(library: str) -> list[str]:
    """Return the configs that are compared whatever the sample has."""
    return [row.example for row in EXPLANATIONS if row.example and row.library == library]
