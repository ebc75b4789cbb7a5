"""What is said of modules by name: who runs an uncounted operator, and which names are one module.

Operators, modules and reasons are untrusted. ``write`` and ``write_words`` make them safe for where they are printed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from model_complexity.compare import SharedModules, group_names, group_shared
from model_complexity.escape import plain
from model_complexity.report import MOST_HOLDERS, Measurement

Writer = Callable[[str], str]

LONGEST_OPERATOR = 80
LONGEST_MODULE = 60
LONGEST_REASON = 100
HOLDERS = 3
"""Modules named for one operator, and names for one shared module. Names that differ in numbers only are one."""
SHARED = 3
"""Shared modules that are named."""
_GROUPED = 100
"""Shared modules, and names of each, that are read to group them. The others are many, and counted only."""


def uncounted_texts(measurement: Measurement, write: Writer, write_words: Writer) -> list[str]:
    """Write each uncounted operator, most frequent first: ``nms ×3 in roi_head (depends on the boxes)``."""
    operators = measurement.unsupported_ops
    texts = []
    for name, times in sorted(operators.uncounted.items(), key=lambda item: (-item[1], item[0])):
        text = f"{write(plain(name, LONGEST_OPERATOR))} ×{times}"
        if modules := operators.modules.get(name):
            text += f" in {_join(modules, write, all_named=len(modules) < MOST_HOLDERS)}"
        if reason := operators.reasons.get(name):
            text += f" ({write_words(plain(reason, LONGEST_REASON))})"
        texts.append(text)
    return texts


def shared_sentence(measurement: Measurement, depth: int, write: Writer) -> str:
    """Write which modules have several names, and where their work is. Blank without any.

    Args:
        measurement: one side.
        depth: of the table below which the sentence stands. Names that differ only below that depth are left out.
        write: makes a name safe.
    """
    # One level more: the table begins below the root where that has one child only.
    seen = {
        name: [other for other in others if _differ_within(name, other, depth + 1)]
        for name, others in SharedModules.of(measurement).others.items()
    }
    seen = {name: others for name, others in seen.items() if others}
    groups = group_shared({name: seen[name][:_GROUPED] for name in islice(seen, _GROUPED)})
    if not groups:
        return ""
    texts = [
        f"{write(plain(name, LONGEST_MODULE))} is also {_join(others, write, all_named=len(others) < _GROUPED)}"
        for name, others, _ in groups[:SHARED]
    ]
    if more := len(seen) - sum(group.modules for group in groups[:SHARED]):
        texts.append(f"{more:,} more {'has' if more == 1 else 'have'} several names")
    alone = len(seen) == 1
    where = "Its row has the work of all of them" if alone else "Each first name's row has the work of all its names"
    return f"**Shared modules:** {', '.join(texts)}. {where}."


def also_text(others: Sequence[str]) -> str:
    """Write the other names of a shared module on its row, as plain text."""
    return f"also {_join(others[:_GROUPED], str, all_named=len(others) < _GROUPED)}, with the work of all"


def _differ_within(name: str, other: str, depth: int) -> bool:
    return name.split(".", depth)[:depth] != other.split(".", depth)[:depth]


def _join(names: Sequence[str], write: Writer, *, all_named: bool = True) -> str:
    """Join the first names: ``a, b and 3 more``, or ``and more`` where not all are known."""
    groups = group_names(names)
    texts = [write(plain(name, LONGEST_MODULE)) if name else "the model itself" for name in list(groups)[:HOLDERS]]
    more = sum(list(groups.values())[HOLDERS:])
    if not all_named:
        texts.append("more")
    elif more:
        texts.append(f"{more:,} more")
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]
