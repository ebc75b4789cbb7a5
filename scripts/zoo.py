#!/usr/bin/env python3
"""Measures every config that an installed library ships and holds the figures against those that its authors published.

Run with the analysis environment's Python: `.venv/analysis/bin/python scripts/zoo.py mmpretrain --json zoo.json`
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from scripts.lib import zoo_causes, zoo_judge, zoo_page
from scripts.lib.zoo_pool import Pool
from scripts.lib.zoo_published import Published, read_published


def main() -> int:
    """Returns the exit code: 0 done, 2 the library ships no configs."""
    options = _options()
    if options.again:
        result = json.loads(options.again.read_text(encoding="utf-8"))
    else:
        spec = importlib.util.find_spec(options.library)
        root = Path(spec.submodule_search_locations[0], ".mim") if spec and spec.submodule_search_locations else None
        configs = [] if root is None else _configs(root, options.sample)
        if root is None or not configs:
            print(f"zoo.py: {options.library!r} is not installed here or ships no configs", file=sys.stderr)
            return 2
        result = _run(options, root, configs)
    result["configs"] = [judged(row) for row in result["configs"]]
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    page = zoo_page.summary(result["library"], result["version"], result["configs"], result["cost"])
    print(page)
    if options.docs:
        zoo_page.write_section(options.docs, page)
    return 0


def _run(options: argparse.Namespace, root: Path, configs: list[str]) -> dict[str, Any]:
    started = time.monotonic()
    with Pool(root, options.library, size=options.jobs, timeout=options.timeout) as pool:
        rows, cost = measure_zoo(pool, configs, read_published(root))
    cost["wall"] = round(time.monotonic() - started, 1)
    cost["cpu"] = round(sum(use["own_cpu"] + use["jobs_cpu"] for use in pool.usage), 1)
    cost["peak_mib"] = round(max(use["peak_kib"] for use in pool.usage) / 1024)
    cost["workers"] = options.jobs
    return {"library": options.library, "version": version(options.library), "cost": cost, "configs": rows}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", help="an installed package with configs in .mim, e.g. mmpretrain")
    parser.add_argument("--again", type=Path, help="judge the figures in this JSON file again, instead of measuring")
    parser.add_argument("--json", type=Path, help="where everything is written")
    parser.add_argument("--docs", type=Path, help="a Markdown file whose marked section is replaced by the summary")
    parser.add_argument(
        "--sample", type=int, default=0, help="measure only so many, drawn at random (the same ones each time)"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="workers side by side; default: one a core"
    )
    parser.add_argument("--timeout", type=float, default=180.0, help="seconds for one config")
    return parser.parse_args()


def _configs(root: Path, sample: int) -> list[str]:
    files = (file for file in (root / "configs").rglob("*.py") if "_base_" not in file.parts)
    names = sorted(file.relative_to(root).as_posix() for file in files)
    return sorted(random.Random(0).sample(names, sample)) if 0 < sample < len(names) else names  # noqa: S311 - no secret


def measure_zoo(
    pool: Pool, configs: list[str], published: dict[str, Published]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One row for each config, and what the stages cost in CPU seconds.

    Stages: read every config; measure each distinct (model, size) once; where the published flops are not met, measure the
    other forms that the authors may have counted.
    """
    plans = pool.run([{"config": config, "plan": True} for config in configs], "read")
    cost: dict[str, Any] = {"read_cpu": _cpu(plans)}
    measured = _Measured(pool)
    planned = {config: plan["plan"] for config, plan in zip(configs, plans, strict=True) if "plan" in plan}
    cost["plain_cpu"] = measured.add([(c, plan, plan["sizes"][0], "plain") for c, plan in planned.items()], "measured")
    cost["distinct"] = len(measured.answers)
    cost["forms_cpu"] = 0.0
    for forms in (("plain", "deploy"), ("head",), ("modules",)):  # what is cheap to ask, and what explains most, first
        unmet = [config for config in planned if not _is_met(config, planned[config], measured, published)]
        wanted = [(config, planned[config], *form) for config in unmet for form in _other_forms(planned[config], forms)]
        cost["forms_cpu"] = round(cost["forms_cpu"] + measured.add(wanted, f"other forms: {' '.join(forms)}"), 1)
    cost["forms"] = len(measured.answers) - cost["distinct"]
    rows = []
    for config, plan in zip(configs, plans, strict=True):
        rows.append(_row(config, plan, measured, published.get(config, Published())))
    return rows, cost


_FORMS = ("plain", "head", "deploy", "modules")


class _Measured:
    """Answers by (model, size, form), so that configs which share a model share them."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.answers: dict[tuple[str, tuple[int, int], str], dict[str, Any]] = {}

    def add(self, wanted: list[tuple[str, dict[str, Any], list[int], str]], verb: str) -> float:
        """Measures what is not known yet; returns CPU seconds."""
        jobs: dict[tuple[str, tuple[int, int], str], dict[str, Any]] = {}
        for config, plan, size, form in wanted:
            key = (plan["key"], (size[0], size[1]), form)
            if key not in self.answers:
                jobs.setdefault(key, {"config": config, "size": size, "form": form})
        answers = self.pool.run(list(jobs.values()), verb)
        for (key, job), answer in zip(jobs.items(), answers, strict=True):
            self.answers[key] = {**job, **answer}
        return _cpu(answers)

    def of(self, plan: dict[str, Any]) -> list[dict[str, Any]]:
        """The figures of one model at the sizes of its plan, its own size first, each with size and form."""
        keys = [(plan["key"], (size[0], size[1]), form) for size in plan["sizes"] for form in _FORMS]
        answers = [self.answers[key] for key in keys if key in self.answers]
        return [{**a["figures"], "size": a["size"], "form": a["form"]} for a in answers if "figures" in a]

    def plain(self, plan: dict[str, Any]) -> dict[str, Any]:
        """The answer to the first job of a model."""
        size = plan["sizes"][0]
        return self.answers[plan["key"], (size[0], size[1]), "plain"]


def _is_met(config: str, plan: dict[str, Any], measured: _Measured, published: dict[str, Published]) -> bool:
    """Whether nothing is left to try: nothing published, nothing measured, or both figures close already."""
    figures = published.get(config, Published())
    known = measured.of(plan)
    flops = zoo_judge.judge(figures.flops, zoo_judge.flop_trials(known, plan["sizes"][0]))
    return flops is None or flops.band == "within 1 %"


def _other_forms(plan: dict[str, Any], forms: Sequence[str]) -> list[tuple[list[int], str]]:
    """The jobs for some forms: at the other sizes as is, in the other forms at the own size."""
    own, *others = plan["sizes"]
    jobs = [(size, "plain") for size in others] if "plain" in forms else []
    return jobs + [(own, form) for form in forms if form != "plain" and (form != "deploy" or plan["deployable"])]


def _row(config: str, plan: dict[str, Any], measured: _Measured, published: Published) -> dict[str, Any]:
    row: dict[str, Any] = {"config": config, "published": dataclasses.asdict(published)}
    if "failure" in plan:
        return {**row, "failure": plan["failure"]}
    plain = measured.plain(plan["plan"])
    if "failure" in plain:
        return {**row, "size": plain["size"], "failure": plain["failure"]}
    return {**row, "size": plain["size"], "cpu": plain["cpu"], "measured": measured.of(plan["plan"])}


def judged(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its verdicts on flops and params (None where nothing is published); a failure as it is."""
    if "failure" in row:
        return row
    config, published, known, own = row["config"], row["published"], row["measured"], row["size"]
    flops = zoo_judge.judge(published["flops"], zoo_judge.flop_trials(known, own))
    params = zoo_judge.judge(published["params"], zoo_judge.param_trials(known, own))
    return {
        **row,
        "flops": flops and _verdict(flops, zoo_causes.explain(config, "flops", published["flops"], known)),
        "params": params and _verdict(params, zoo_causes.explain(config, "params", published["params"], known)),
    }


def _verdict(verdict: zoo_judge.Verdict, cause: zoo_causes.Cause) -> dict[str, Any]:
    trial = dataclasses.asdict(verdict.trial)
    judged = {"published": verdict.published, **trial, "error": round(verdict.error, 5), "band": verdict.band}
    return judged if verdict.band == "within 1 %" else {**judged, "cause": cause.text}


def _cpu(answers: list[dict[str, Any]]) -> float:
    return round(sum(answer["cpu"] for answer in answers), 1)


if __name__ == "__main__":
    sys.exit(main())
