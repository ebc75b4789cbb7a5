"""The zoo's results as Markdown: counts by rule, failure kinds, and every mismatch with its cause."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scripts.benchmarks.zoo.causes import NOT_FOUND
from scripts.benchmarks.zoo.judge import RULES

_LINE = re.compile(r"^(\w+) at [^\s:]+:[0-9]+(?=: |$)")
"""The type of an error, and where it was raised."""
BEGIN = "<!-- zoo: begin {} (written by scripts/benchmarks/zoo/__main__.py) -->"
END = "<!-- zoo: end {} -->"
OVERVIEW = "overview"
_NUMBERS = {
    "flops",
    "params",
    "configs",
    "how many",
    "flops within 1 %",
    "published flops",
    "within 1 %",
    "explained",
    "open",
}
_HEAD = ("library", "configs measured", "published flops", "within 1 %", "explained", "open")

Row = dict[str, Any]


def summary(library: str, version: str, rows: Sequence[Row], cost: dict[str, Any]) -> str:
    """Return the results of one run, without a heading.

    Args:
        library: its name.
        version: its version.
        rows: one for each config.
        cost: its ``cost``.
    """
    analysed = [row for row in rows if "failure" not in row]
    real = sum(row["measured"][0]["mode"] == "real" for row in analysed)
    scope = (
        f"{library} {version}: {len(analysed)} of {len(rows)} configs analysed ({cost['distinct']} distinct models and "
        f"sizes; {real} of the configs by a real run, because the dry one does not work for them)."
    )
    parts = [
        scope,
        _price(cost),
        _rules(analysed),
        _failures(row for row in rows if "failure" in row),
        _mismatches(analysed),
        _sources(analysed),
        _count_of(analysed, "conditions", "conditions"),
        _count_of(analysed, "stubbed_ops", "stubbed operators of mmcv"),
        _operators(analysed),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _price(cost: dict[str, Any]) -> str:
    text = (
        f"Cost of all configs: {cost['wall']:.0f} s with {cost['workers']} workers in parallel, {cost['cpu']:.0f} CPU seconds. "
        f"The largest process took {cost['peak_mib']} MiB."
    )
    if cost.get("forms"):
        text += (
            f" {cost['forms']} other forms of models whose published flops are not met as is took {cost['forms_cpu']:.0f} "
            "CPU seconds more."
        )
    official = cost.get("official")
    if official and official["configs"]:
        whole = official["cpu"] * cost["configs"]
        text += (
            f" The library's own get_flops.py, a process for each config, took {official['cpu']:.1f} CPU seconds on average of "
            f"{official['configs']} configs drawn at random in the same run: ours is {cost['cpu'] / whole:.3f} of that, and "
            f"{(cost['cpu'] + cost['forms_cpu']) / whole:.3f} with the other forms."
        )
    return text


def _operators(rows: Sequence[Row]) -> str:
    """Return a table of the operators in the traces, their treatment and their number of configs."""
    counted = Counter(name for row in rows for name in row["measured"][0]["operators"])
    operators = [(name, "counted", number) for name, number in counted.items()]
    for treatment, label in (("uncounted", "**uncounted operator**"), ("negligible", "negligible")):
        names = Counter(name.removeprefix("aten::") for row in rows for name in row["unsupported_ops"][treatment])
        operators += [(name, label, number) for name, number in names.items()]
    order = {"counted": 0, "**uncounted operator**": 1, "negligible": 2}
    operators.sort(key=lambda row: (order[row[1]], -row[2], row[0]))
    groups: dict[str, list[str]] = {}
    for name, label, number in operators:
        groups.setdefault(label, []).append(f"`{name}` {number}")
    lines = [(label, len(names), ", ".join(names)) for label, names in groups.items()]
    return _table(("operators in the traces", "how many", "which, and in how many configs"), lines)


def _count_of(rows: Sequence[Row], key: str, head: str) -> str:
    counts = Counter(value for row in rows for value in row.get(key) or ())
    return _table((head, "configs"), [(_text(value), number) for value, number in counts.most_common()])


def _sources(rows: Sequence[Row]) -> str:
    """Return a table of the sources of published metrics, other than the wheel."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["flops"]:
            for source in row.get("published", {}).get("sources") or ():
                found[source].append(row)
    lines = [
        (_text(source), len(group), sum("cause" not in row["flops"] for row in group))
        for source, group in sorted(found.items(), key=lambda item: -len(item[1]))
    ]
    return _table(("published in", "configs", "flops within 1 %"), lines)


def write_section(file: Path, name: str, text: str) -> None:
    """Replace the text between a library's two markers in a Markdown file.

    Raises:
        ValueError: the file does not have the markers.
    """
    before, _, after = _split(file, name)
    file.write_text(f"{before}{BEGIN.format(name)}\n\n{text}\n{END.format(name)}{after}", encoding="utf-8")


def write_overview(file: Path, library: str, version: str, rows: Sequence[Row]) -> None:
    """Replace a library's line of the overview, which has its own markers."""
    _, old, _ = _split(file, OVERVIEW)
    known = [line for line in old.splitlines() if line.startswith("| ")][2:]
    lines = {line.split("|")[1].split()[0]: line for line in known}
    lines[library] = "| " + " | ".join(str(cell) for cell in _overview_cells(library, version, rows)) + " |"
    head = _table(_HEAD, [("",) * len(_HEAD)]).splitlines()[:2]
    write_section(file, OVERVIEW, "\n".join([*head, *(lines[name] for name in sorted(lines))]) + "\n")


def _overview_cells(library: str, version: str, rows: Sequence[Row]) -> tuple[str | int, ...]:
    measured = [row for row in rows if "failure" not in row]
    compared = [row["flops"] for row in measured if row["flops"]]
    near = sum(verdict["band"] == "within 1 %" for verdict in compared)
    not_found = sum(verdict.get("cause") == NOT_FOUND for verdict in compared)
    share = f"{len(measured)} of {len(rows)} ({len(measured) / len(rows):.1%})"
    return f"{library} {version}", share, len(compared), near, len(compared) - near - not_found, not_found


def _split(file: Path, name: str) -> tuple[str, str, str]:
    begin, end = BEGIN.format(name), END.format(name)
    before, found, rest = file.read_text(encoding="utf-8").partition(begin)
    between, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{file} lacks the line {begin!r} or, after it, {end!r}")
    return before, between, after


def _rules(rows: Sequence[Row]) -> str:
    counts = {metric: Counter(_band(row[metric]) for row in rows if row[metric]) for metric in ("flops", "params")}
    names = [*(f"within 1 % {rule}" for rule in RULES), "within 1 %", "within 5 %", "outside"]
    lines = [
        (f"**{name}**" if name == "within 1 %" else name, _sum(counts["flops"], name), _sum(counts["params"], name))
        for name in names
    ]
    lines.append(("published and analysed", counts["flops"].total(), counts["params"].total()))
    return _table(("published figure is met", "flops", "params"), [line for line in lines if line[1] or line[2]])


def _band(verdict: dict[str, Any]) -> str:
    return f"within 1 % {verdict['rule']}" if verdict["band"] == "within 1 %" else str(verdict["band"])


def _sum(counts: Counter[str], name: str) -> int:
    return sum(count for key, count in counts.items() if key.startswith(name)) if name == "within 1 %" else counts[name]


def _failures(rows: Iterable[Row]) -> str:
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        found[row["failure"]["kind"], _short(row["failure"]["message"])].append(row["config"])
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -len(item[1]), item[0][1]))
    lines = [(f"`{kind}`", len(names), _text(message), _names(names)) for (kind, message), names in ordered]
    return _table(("failure", "configs", "message", "which"), lines)


def _mismatches(rows: Sequence[Row]) -> str:
    return "\n\n".join(filter(None, (_causes(rows, "flops"), _causes(rows, "params"))))


def _causes(rows: Sequence[Row], metric: str) -> str:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row[metric] and "cause" in row[metric]:
            found[row[metric]["cause"]].append(row)
    ordered = sorted(found.items(), key=lambda item: (item[0] == NOT_FOUND, -len(item[1])))  # what is open comes last
    lines = [(_text(cause), len(group), _names(_off(row, metric) for row in group)) for cause, group in ordered]
    return _table((f"why {metric} differ by more than 1 %", "configs", "which, and by how much"), lines)


def _off(row: Row, metric: str) -> str:
    return f"{row['config']} {100 * row[metric]['error']:+.1f} %"


def _names(names: Iterable[str]) -> str:
    return ", ".join(_text(name.removeprefix("configs/").replace(".py", "")) for name in names)


def _short(message: str) -> str:
    message = _LINE.sub(r"\1", message)  # one error of several configs is one row
    return message if len(message) <= 120 else message[:119] + "…"


def _text(text: str) -> str:
    """Configs and messages are a library's, not ours: what Markdown would read as markup is escaped."""
    return "".join(f"\\{character}" if character in "\\`*_[]<>|" else character for character in text)


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    if not lines:
        return ""
    rows = [head, ["--:" if name in _NUMBERS else ":--" for name in head], *lines]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)
