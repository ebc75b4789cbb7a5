"""The section of one config: what was traced, what was left out, and the long part, which can be cut on its own."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Any, NamedTuple

from model_complexity.compare import counted_alike, traced_alike
from model_complexity.measure import page
from model_complexity.measure.failures import HINTS
from model_complexity.measure.page import DEPTH, ModuleRow, module_table, summary_block, table_sizes
from model_complexity.render.escape import code, fence_for, fenced, html_code
from model_complexity.render.figures import fed_text, input_text
from model_complexity.report import Entry, Failure, Measurement, Result

DETAIL_LIMITS = (6_000, 1_500)
"""Characters of a failure's detail, the last of which say most."""
_PARAGRAPH = len("\n\n")


class Cut(NamedTuple):
    """One way to write the long part of a section.

    ``amount`` is the depth of the table or the number of characters of the detail (0: it is left out), ``size`` what it
    takes in bytes, with the sentence that says what is missing.
    """

    amount: int
    says: str
    size: int


def cuts_of(entry: Entry) -> tuple[Cut, ...]:
    """The ways to write an entry's long part, each smaller than the one before it; at least one."""
    try:
        cuts = _cuts_of_detail(entry.shown) if isinstance(entry.shown, Failure) else _cuts_of_table(entry.shown)
    except Exception as error:
        says = _lost("The rest of this section", error)
        return (Cut(0, says, _size(says)),)
    kept = cuts[:1]
    for cut in cuts[1:]:
        if cut.size < kept[-1].size:
            kept.append(cut)
    return tuple(kept)


def plan(options: Sequence[Sequence[Cut]], room: int) -> list[Cut]:
    """Chooses a cut for each section so that together they take ``room`` bytes at most, or the smallest cuts.

    It is always the section that takes most that is cut, so that a long one cannot take the others' room.
    """
    chosen = [0] * len(options)
    total = sum(cuts[0].size for cuts in options)
    largest = [(-cuts[0].size, -number) for number, cuts in enumerate(options)]
    heapq.heapify(largest)
    while total > room and largest:
        size, number = heapq.heappop(largest)
        cuts = options[-number]
        if chosen[-number] + 1 < len(cuts):
            chosen[-number] += 1
            smaller = cuts[chosen[-number]].size
            total += smaller + size
            heapq.heappush(largest, (-smaller, number))
    return [cuts[choice] for cuts, choice in zip(options, chosen, strict=True)]


def section(entry: Entry, cut: Cut) -> dict[str, Any]:
    """Title, lines and blocks of an entry's section. One that cannot be written costs nobody else's."""
    title = f"{html_code(entry.target.name)} · {input_text(entry)}"
    try:
        if isinstance(entry.shown, Failure):
            title += f" · cannot be measured ({entry.shown.kind})"
            lines, blocks = _of_failure(entry.shown, cut)
        else:
            lines, blocks = _of_measurement(entry, entry.shown, cut)
    except Exception as error:
        return {"title": title, "lines": [_lost("This section", error)], "blocks": []}
    return {"title": title, "lines": [*lines, cut.says] if cut.says else lines, "blocks": blocks}


def _of_failure(failure: Failure, cut: Cut) -> tuple[list[str], list[str]]:
    # The hint of the kind, not the one in the answer: that came through a process of the pull request's.
    return [code(failure.message, 400), HINTS[failure.kind]], _long_part(failure, cut.amount)


def _of_measurement(entry: Entry, shown: Measurement, cut: Cut) -> tuple[list[str], list[str]]:
    lines = [_traced(shown), *_not_counted(shown, "Not counted")]
    if isinstance(entry.head, Measurement) and isinstance(entry.base, Measurement):
        lines += _of_the_base(entry, entry.head, entry.base)
    if isinstance(entry.base, Failure):
        lines.append(f"At the base it cannot be measured ({entry.base.kind}): {code(entry.base.message, 400)}")
    fed = page.fed_text(shown.model_dump(include={"input_shape", "inputs"}))
    block = fenced(summary_block(fed, shown.flops, shown.params, shown.activations))
    return lines, [block, *_long_part(shown, cut.amount)]


def _long_part(result: Result, amount: int) -> list[str]:
    if not amount:
        return []
    if isinstance(result, Failure):
        return [fenced(result.detail[-amount:])]
    return [fenced(module_table(_rows(result), amount))]


def _cuts_of_detail(failure: Failure) -> list[Cut]:
    length = len(failure.detail)
    cuts = []
    for limit in DETAIL_LIMITS:
        says = f"Only the last {limit:,} characters of the detail are shown." if length > limit else ""
        block = sum(_size(part) for part in _long_part(failure, min(length, limit)))
        cuts.append(Cut(min(length, limit), says, block + _size(says)))
    return [*cuts, _left_out("The detail")] if length else cuts


def _cuts_of_table(measurement: Measurement) -> list[Cut]:
    rows = _rows(measurement)
    # At most: a table of some depth may not show the name with the longest run of backticks.
    fence = fence_for("\n".join(row.name for row in rows))
    around = _size(f"{fence}text\n\n{fence}")
    sizes = [around + size for size in table_sizes(rows, range(DEPTH, 0, -1))]
    cuts = [Cut(DEPTH, "", sizes[0])]
    for depth, deeper, size in zip(range(DEPTH - 1, 0, -1), sizes, sizes[1:], strict=False):
        if size < deeper:  # otherwise the model has no such depth, and nothing would be cut
            says = f"The table of modules is cut at depth {depth} to fit GitHub's limit."
            cuts.append(Cut(depth, says, size + _size(says)))
    return [*cuts, _left_out("The table of modules")]


def _left_out(what: str) -> Cut:
    says = f"{what} is left out to fit GitHub's limit."
    return Cut(0, says, _size(says))


def _lost(what: str, error: Exception) -> str:
    return f"{what} could not be written ({code(type(error).__name__)}); the report file of this run has its figures."


def _size(paragraph: str) -> int:
    return len(paragraph.encode("utf-8", "replace")) + _PARAGRAPH if paragraph else 0


def _rows(measurement: Measurement) -> list[ModuleRow]:
    fields = ModuleRow._fields
    return [ModuleRow(*(getattr(module, field) for field in fields)) for module in measurement.modules]


def _traced(measurement: Measurement) -> str:
    """What the numbers are of."""
    how = "without computing" if measurement.method == "dry" else f"computing on {code(measurement.device)}"
    method = f"Traced {code(measurement.forward)}, {how}, with input {fed_text(measurement, batch=True)}."
    if measurement.forward == "extract_feat":
        method += " The head's params are counted, its flops are not."
    elif measurement.forward == "extract_image_feat":
        method += " The params of the text's half are counted, its flops are not."
    return method


def _not_counted(measurement: Measurement, title: str) -> list[str]:
    """What the numbers leave out."""
    uncounted = measurement.unsupported_ops.uncounted
    if not uncounted:
        return []
    names = [f"{code(name, 80)} ×{times}" for name, times in sorted(uncounted.items(), key=lambda item: -item[1])]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return [f"**{title}:** {', '.join(names[:10])}{more}."]


def _of_the_base(entry: Entry, head: Measurement, base: Measurement) -> list[str]:
    """How the base's numbers came about, where that was not as head's did."""
    lines = [] if counted_alike(entry) else _not_counted(base, "Not counted at the base")
    if not counted_alike(entry) and not lines:
        lines = ["**Not counted at the base:** nothing."]
    others = [
        (head.forward, base.forward, f"traced {code(base.forward)}"),
        (head.device, base.device, f"on {code(base.device)}"),
        (head.method, base.method, f"in a {base.method} run"),
        (fed_text(head, batch=True), fed_text(base, batch=True), f"with input {fed_text(base, batch=True)}"),
    ]
    differ = [said for ours, theirs, said in others if ours != theirs]
    if differ:
        reason = "" if traced_alike(entry) else " Flops and activations of two methods are not compared."
        lines.append(f"**Otherwise at the base:** {', '.join(differ)}.{reason}")
    return lines
