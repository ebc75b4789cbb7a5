"""The section of one config, in levels of detail: each names what it leaves out."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from model_complexity.common.metrics import METRICS
from model_complexity.common.table import DEPTH, module_table, table_sizes
from model_complexity.compare import same_conditions, same_entry_point, same_uncounted_ops
from model_complexity.escape import code, fence_for, fenced, html_code, inline
from model_complexity.render.markdown.chart import Slice, pie, sentence, slices
from model_complexity.render.markdown.module_table import Difference
from model_complexity.render.module_names import shared_sentence, uncounted_texts
from model_complexity.render.numbers import (
    condition_markdown,
    conditions_text,
    format_input,
    join_limited,
    page_block,
    page_rows,
)
from model_complexity.render.view import Row, inputs_differ, uncalled_parts
from model_complexity.render.vocabulary import STATUSES, failure_phrase
from model_complexity.report import Entry, Failure, Measurement

DETAIL_LIMITS = (6_000, 1_500)
"""Characters of a failure's detail. The last ones are kept."""
CHANGES = 60
"""Rows of a difference."""
NAMED = 10
"""Operators named in a line."""
TOP = 10
"""Rows of a difference that is cut to the top modules."""
_ELSEWHERE = "See the report file of this run for every module."
_SPARE = len("<details><summary></summary>\n\n\n\n</details>\n\n")


class Level(NamedTuple):
    """One way to write a section: what it leaves out, and its size in bytes or a little more."""

    name: str
    notice: str
    size: int
    write: Callable[[], list[str]]


@dataclass
class Section:
    """A config's section at every level, the fullest first and each smaller than the one before it."""

    row: Row
    with_chart: bool
    levels: tuple[Level, ...] = field(init=False)

    def __post_init__(self) -> None:
        try:
            levels = list(_levels(self.row, with_chart=self.with_chart))
        except Exception as error:
            levels = [_failed_level("the rest of this section", error)]
        kept = levels[:1]
        kept += (level for before, level in pairwise(levels) if level.size < before.size)
        self.levels = tuple(kept)

    def text(self, level: Level) -> str:
        """Write the section as a closed ``<details>``. A failure does not affect other sections."""
        entry = self.row.entry
        title = f"{html_code(entry.target.name)} · {_state(self.row)}"
        try:
            blocks = [*_lines(entry), *level.write()]
        except Exception as error:
            blocks = [_write_failure("this section", error)]
        if level.notice:
            blocks.append(level.notice)
        return _details(title, blocks)


def fit_levels(sections: Sequence[Section], budget_bytes: int) -> list[Level]:
    """Choose a level for each section so that together they fit ``budget_bytes``, or the smallest levels.

    The largest section is cut first, so a long one does not affect the others.
    """
    chosen = [0] * len(sections)
    total = sum(section.levels[0].size for section in sections)
    largest = [(-section.levels[0].size, -number) for number, section in enumerate(sections)]
    heapq.heapify(largest)
    while total > budget_bytes and largest:
        size, number = heapq.heappop(largest)
        levels = sections[-number].levels
        if chosen[-number] + 1 < len(levels):
            chosen[-number] += 1
            smaller = levels[chosen[-number]].size
            total += smaller + size
            heapq.heappush(largest, (-smaller, number))
    return [section.levels[choice] for section, choice in zip(sections, chosen, strict=True)]


def _state(row: Row) -> str:
    """The title after the name: the change of the first metric, or the failure."""
    shown = row.entry.primary
    if isinstance(shown, Failure):
        return failure_phrase(row.status, shown.kind)
    first = row.cells[0]
    figure = f"{first.text} {METRICS[first.metric].noun}"
    if row.status in ("changed", "incomparable"):
        return f"{figure}, {', '.join(first.notes)}"
    return f"{figure}, {STATUSES[row.status].label}"


def _levels(row: Row, *, with_chart: bool) -> Iterator[Level]:
    shown = row.entry.primary
    return (
        _levels_of_failure(shown)
        if isinstance(shown, Failure)
        else _levels_of_measurement(row, shown, with_chart=with_chart)
    )


def _levels_of_failure(failure: Failure) -> Iterator[Level]:
    length = len(failure.detail)
    for limit in DETAIL_LIMITS:
        notice = f"Only the last {limit:,} characters of the detail are shown." if length > limit else ""
        block = fenced(failure.detail[-limit:]) if length else ""
        yield _level("detail", notice, [block] if block else [])
    if length:
        yield _level("summary only", "The detail is left out to fit GitHub's limit.", [])


def _levels_of_measurement(row: Row, shown: Measurement, *, with_chart: bool) -> Iterator[Level]:
    entry = row.entry
    both = isinstance(entry.head, Measurement) and isinstance(entry.base, Measurement)
    difference = _difference(entry) if both and row.status != "unchanged" else None
    parts = slices(shown)
    block = _block(shown)
    full = _around(block, difference, CHANGES, parts, with_chart=with_chart)
    for depth, notice, size in _tables(shown):
        below = shared_sentence(shown, depth, code)
        around = sum(map(_size, full(""))) + len("Modules") + _SPARE + _size(below)
        yield Level(f"depth {depth}", notice, around + size + _size(notice), _with_table(full, shown, depth, below))
    notice = f"The table of modules is left out to fit GitHub's limit. {_ELSEWHERE}"
    yield _level("top modules", notice, _around(block, difference, TOP, parts, with_chart=with_chart)(""))
    yield _level("summary only", f"Only the summary fits GitHub's limit. {_ELSEWHERE}", [block])


_Around = Callable[[str], list[str]]


def _around(
    block: str, difference: Difference | None, rows: int, parts: Sequence[Slice], *, with_chart: bool
) -> _Around:
    """The blocks around the table of modules."""
    changes = [_details(difference.title, [difference.text(rows)], is_open=True)] if difference else []
    sentences = [sentence(parts)] if parts else []
    chart = [_details("Where the FLOPs go, as a chart", [pie(parts)])] if with_chart and len(parts) > 1 else []

    def blocks(table: str) -> list[str]:
        modules = [_details("Modules", [table])] if table else []
        return [*changes, block, *modules, *(text for text in sentences if text), *chart]

    return blocks


def _with_table(around: _Around, shown: Measurement, depth: int, below: str) -> Callable[[], list[str]]:
    return lambda: around(f"{fenced(module_table(page_rows(shown), depth))}\n\n{below}".rstrip("\n"))


def _tables(measurement: Measurement) -> Iterator[tuple[int, str, int]]:
    """Depth, notice and size of the table, for every depth at which something is cut."""
    rows = page_rows(measurement)
    # At most: a table of some depth may not show the name with the longest run of backticks.
    fence = fence_for("\n".join(row.name for row in rows))
    sizes = [_size(f"{fence}text\n\n{fence}") + size for size in table_sizes(rows, range(DEPTH, 0, -1))]
    yield DEPTH, "", sizes[0]
    for depth, deeper, size in zip(range(DEPTH - 1, 0, -1), sizes, sizes[1:], strict=False):
        if size < deeper:  # otherwise the model has no such depth, and nothing would be cut
            yield depth, f"The table of modules is cut at depth {depth} to fit GitHub's limit. {_ELSEWHERE}", size


def _difference(entry: Entry) -> Difference | None:
    if not isinstance(entry.head, Measurement) or not isinstance(entry.base, Measurement):
        return None
    difference = Difference(entry.head, entry.base)
    return None if difference.is_empty else difference


def _block(shown: Measurement) -> str:
    return fenced(page_block(shown))


def _level(name: str, notice: str, blocks: list[str]) -> Level:
    return Level(name, notice, sum(map(_size, blocks)) + _size(notice), lambda: blocks)


def _failed_level(what: str, error: Exception) -> Level:
    return _level("summary only", _write_failure(what, error), [])


def _write_failure(what: str, error: Exception) -> str:
    return f"Writing {what} failed ({code(type(error).__name__)}). See the report file of this run for its figures."


def _details(title: str, blocks: Sequence[str], *, is_open: bool = False) -> str:
    body = "\n\n".join(block for block in blocks if block)
    return f"<details{' open' if is_open else ''}><summary>{title}</summary>\n\n{body}\n\n</details>"


def _size(paragraph: str) -> int:
    return len(paragraph.encode("utf-8", "replace")) + len("\n\n") if paragraph else 0


def _lines(entry: Entry) -> list[str]:
    """The lines of every level."""
    shown = entry.primary
    if isinstance(shown, Failure):
        return [code(shown.message, 400), shown.hint]
    lines = [_how_measured(shown), *_not_counted(shown, "Not counted"), *_stubbed(shown)]
    if shown.deployed_failure:
        lines.append(f"The deployed form failed: {code(shown.deployed_failure, 400)}")
    if isinstance(entry.head, Measurement) and isinstance(entry.base, Measurement):
        lines += _of_the_base(entry, entry.head, entry.base)
    if isinstance(entry.base, Failure):
        lines.append(f"The base failed ({entry.base.kind}): {code(entry.base.message, 400)}")
    return lines


def _how_measured(measurement: Measurement) -> str:
    """How the figures were measured."""
    mode = "in a dry run" if measurement.mode == "dry" else f"in a real run on {code(measurement.device)}"
    shape = inline(format_input(measurement, batch=True))
    sentences = [f"Ran {code(measurement.entry_point)} {mode} with input {shape}."]
    if measurement.conditions:
        sentences.append(f"Conditions: {conditions_text(measurement.conditions, condition_markdown)}.")
    if uncalled := uncalled_parts(measurement):
        names = join_limited([code(name, 80) for name in uncalled], NAMED)
        sentences.append(f"Never called in this forward pass, so only their params are counted: {names}.")
    return " ".join(sentences)


def _not_counted(measurement: Measurement, title: str) -> list[str]:
    """The uncounted operators: a list where several have a module or a reason."""
    operators = measurement.unsupported_ops
    texts = uncounted_texts(measurement, code, condition_markdown)
    if len(texts) < 2 or not (operators.modules or operators.reasons):
        return [f"**{title}:** {join_limited(texts, NAMED)}."] if texts else []
    items = [f"- {text}" for text in texts[:NAMED]]
    items += [f"- and {len(texts) - NAMED:,} more"] if len(texts) > NAMED else []
    return [f"**{title}:**\n\n" + "\n".join(items)]


def _stubbed(measurement: Measurement) -> list[str]:
    """Which compiled operators are not installed."""
    names = [code(name, 80) for name in measurement.stubbed_ops]
    return [f"Stubbed operators of mmcv (shapes only): {join_limited(names, NAMED)}."] if names else []


def _of_the_base(entry: Entry, head: Measurement, base: Measurement) -> list[str]:
    """How the base was measured, where it differs from head."""
    lines = [] if same_uncounted_ops(entry) else _not_counted(base, "Not counted at the base")
    if not same_uncounted_ops(entry) and not lines:
        lines = ["**Not counted at the base:** nothing."]
    others = [
        (head.entry_point, base.entry_point, f"entry point {code(base.entry_point)}"),
        (head.device, base.device, f"device {code(base.device)}"),
        (head.mode, base.mode, f"{base.mode} run"),
        (
            format_input(head, batch=True),
            format_input(base, batch=True),
            f"input {inline(format_input(base, batch=True))}",
        ),
        (head.conditions, base.conditions, conditions_text(base.conditions, condition_markdown) or "no condition"),
    ]
    differ = [text for ours, theirs, text in others if ours != theirs]
    if differ:
        reason = "" if same_entry_point(entry) else " FLOPs and activations of different entry points are not compared."
        if not same_conditions(entry):
            reason += " The deltas include the change of conditions."
        if inputs_differ(entry):
            reason += " The deltas include the change of input."
        lines.append(f"**Different at the base:** {', '.join(differ)}.{reason}")
    return lines
