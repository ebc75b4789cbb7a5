"""The metrics that are counted. A new one is an entry here, and a producer in ``worker/count/analysis.py``.

The key is the metric's name in a policy, in the worker's answers, in report.json and in comment templates.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Tuple


class Metric(NamedTuple):
    """How one metric is named where it is shown, and what its figure depends on."""

    noun: str
    """In a sentence, and at the head of the comment's columns."""
    summary: str
    """In the summary block of the reference page."""
    header: str
    """At the head of the reference page's table of modules."""
    verb: str = "has"
    """Between a config and its figure: ``a.py costs 17.582G FLOPs``."""
    per_module: bool = True
    """Whether modules have a figure of their own; otherwise only the whole model has one."""
    needs_forward: bool = True
    """Whether the figure comes from a forward pass, so that it depends on the entry point and on conditions."""
    needs_handles: bool = False
    """Whether an operator without a handle is missing from the figure, and the report says so."""
    in_comment: bool = True
    """Whether the comment's table has a column for it. The HTML report has a column for each metric."""
    share_in_tree: bool = False
    """Whether the HTML report draws each module's share of the whole."""


METRICS: Dict[str, Metric] = {
    "flops": Metric("FLOPs", "Flops", "#flops", verb="costs", needs_handles=True, share_in_tree=True),
    "params": Metric("params", "Params", "#parameters or shape", needs_forward=False, share_in_tree=True),
    "activations": Metric("activations", "Activation", "#activations"),
}
"""By name, in the order in which they are shown and in which changes are ranked."""


def module_metrics() -> Tuple[str, ...]:
    """Return the metrics that modules have figures of."""
    return tuple(name for name, metric in METRICS.items() if metric.per_module)
