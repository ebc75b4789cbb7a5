"""Report -> one HTML file without network requests: a sortable table of configs, with a tree of modules for each.

The table is readable without the script. The module trees are JSON that the script reads when a config is opened, so hundreds
of them do not slow the browser. What would make the file too large is cut, and each cut has a notice.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from model_complexity.common.metrics import METRICS, module_metrics
from model_complexity.common.text import format_count
from model_complexity.compare import severity
from model_complexity.escape import code, plain
from model_complexity.render.headline import headline
from model_complexity.render.html.module_tree import fair_limit, share_metrics, size_of, tree
from model_complexity.render.html.panel import Panel, failures_of, panel
from model_complexity.render.html.sentence import html_sentence
from model_complexity.render.html.table import Row, columns, rows
from model_complexity.render.numbers import CONVENTION, pluralize, requested_text
from model_complexity.render.view import labels_of
from model_complexity.render.vocabulary import BUDGET_STATES
from model_complexity.report import BudgetCheck, Measurement, Report

MAX_CONFIGS = 2_000
"""Rows of the table of configs."""
MAX_MODULES = 5_000
"""Modules of one config."""
ALL_MODULES = 200_000
"""Modules of all configs together: a few hundred for each of 500. The largest trees give way first."""
LONGEST_DETAIL = 20_000
ALL_DETAILS = 4_000_000
"""Characters of the failures' details, of one and of all together."""
MAX_LISTED = 500
"""Names or checks in each list."""
_TEMPLATES = Path(__file__).parent


class Module(NamedTuple):
    """The data of one tree: the id of its element and its JSON."""

    key: str
    json: Markup


def render_html(report: Report) -> str:
    """Render the report as one HTML document of about 100 bytes for each module and 5 kB for each config.

    Its content security policy (https://developer.mozilla.org/docs/Web/HTTP/CSP) lets the two inline blocks run that are written
    here, by their hashes, and forbids every request.

    Args:
        report: validated data; its texts are still hostile, and are escaped here.
    """
    table_rows = rows(report, MAX_CONFIGS)
    panels, trees = _panels(table_rows)
    style, script = (_source(name) for name in ("report.css", "report.js"))
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            headline=html_sentence(_headline(report)),
            notes=[html_sentence(note) for note in report.notes[:MAX_LISTED]],
            columns=columns(report),
            metrics=METRICS,
            tree_metrics=module_metrics(),
            shares=share_metrics(),
            panels=panels,
            trees=trees,
            budgets=_budgets(report),
            entries=len(report.entries),
            max_listed=MAX_LISTED,
            budget_words=BUDGET_STATES,
            versions=_versions(report),
            convention=CONVENTION,
            br=Markup("<br>"),
            style=Markup(style),  # noqa: S704 - a file of ours
            script=Markup(script),  # noqa: S704 - a file of ours
            hashes={"style": _hash(style), "script": _hash(script)},
        )
    )


def _headline(report: Report) -> str:
    return headline(report, lambda name: code(name, 120), labels_of([entry.target.name for entry in report.entries]))


def _panels(shown: list[Row]) -> tuple[list[Panel], list[Module]]:
    """Build a panel for each row, and their trees. Configs with equal modules share a tree."""
    level = min(MAX_MODULES, fair_limit([size_of(row.entry) for row in shown], ALL_MODULES))
    failures = sum(failures_of(row.entry.head, row.entry.base) for row in shown)
    longest = min(LONGEST_DETAIL, ALL_DETAILS // max(1, failures))
    keys: dict[str, str] = {}
    panels = []
    for row in shown:
        key, notice = "", ""
        if size_of(row.entry):
            try:
                written = tree(row.entry, level)
            except Exception as error:  # an invalid tree does not affect the others
                notice = f"Writing the modules failed ({type(error).__name__}). See report.json."
            else:
                key, notice = keys.setdefault(written.json, f"modules-{len(keys)}"), written.notice
        panels.append(panel(row, longest, key, notice))
    return panels, [Module(key, Markup(json)) for json, key in keys.items()]  # noqa: S704 - script_json's


def _budgets(report: Report) -> list[dict[str, Any]]:
    return [_budget(check) for check in sorted(report.budgets, key=severity)]


def _budget(check: BudgetCheck) -> dict[str, Any]:
    limit, max_value = plain(check.limit), format_count(check.max_value)
    rule = f"at most {limit}" if check.rule == "max" else f"at most {limit} more ({max_value})"
    return {
        "config": check.config,
        "shape": requested_text(check.shape),
        "metric": check.metric,
        "rule": rule,
        "base": "–" if check.base is None else format_count(check.base),
        "head": format_count(check.head),
        "state": check.state,
        "words": BUDGET_STATES[check.state],
        "level": check.level,
        "reason": check.reason or "",
    }


def _versions(report: Report) -> list[str]:
    """The versions of the libraries, in the order of first use."""
    sides = (side for entry in report.entries for side in (entry.head, entry.base) if isinstance(side, Measurement))
    texts = (
        f"fvcore {side.versions.fvcore} with torch {side.versions.torch} and mmengine {side.versions.mmengine}"
        f" on Python {side.versions.python}"
        for side in sides
    )
    return list(dict.fromkeys(texts))


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(plain=plain, pluralize=pluralize, sentence=html_sentence)
    return environment


@cache
def _source(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _hash(source: str) -> str:
    """The hash source of an inline block in a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"
