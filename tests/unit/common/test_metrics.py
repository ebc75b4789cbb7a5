"""A new metric is an entry in METRICS: everything that shows metrics follows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
REPORT = """
import io, json, sys
sys.path[:0] = sys.argv[1:]
from model_complexity.common import metrics
for name in metrics.METRICS.keys() - {"flops", "params", "activations"}:
    del metrics.METRICS[name]  # the test writes out the columns of these three and of the new one
metrics.METRICS["memory"] = metrics.Metric("bytes of memory", "Memory", "#memory", share_in_tree=True)
from rich.console import Console
from tests.support.factories import counts, entry, measured, module, report
from model_complexity.compare import evaluate
from model_complexity.policy import Policy
from model_complexity.publish.outputs import results
from model_complexity.render import render, render_html
from model_complexity.render.terminal import print_report_text

def net(memory):
    figures = counts(1, 1, 1) | {"memory": memory}
    modules = (module("", 0, **figures), module("stem", 1, **figures))
    return measured(1, figures=figures, modules=modules)

entries = (entry("a.py", net(9_000), net(8_000)),)
policy = Policy.model_validate({"budgets": [{"metric": "memory", "max": "5K"}]})
whole = report(*entries, budgets=evaluate(entries, policy))
console = Console(file=io.StringIO(), width=200)
print_report_text(whole, console)
shown = {
    "comment": render(whole, limit=65_000),
    "page": render_html(whole),
    "terminal": console.file.getvalue(),
    "results": results(whole),
    "state": whole.budgets[0].state,
}
print(json.dumps(shown))
"""


def test_a_metric_is_shown_everywhere_when_it_is_registered() -> None:
    command = [sys.executable, "-c", REPORT, str(ROOT / "action"), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    comment, page, terminal = shown["comment"], shown["page"], shown["terminal"].splitlines()
    assert "| config | FLOPs | params | activations | bytes of memory |\n|:--|--:|--:|--:|--:|\n" in comment
    assert "| 9K (+1K, +12.50\xa0%) |\n" in comment
    assert "Activation: 1\nMemory: 9K\n" in comment
    assert "| module | bytes of memory (part of the change) |\n|:--|--:|\n| `stem` | +1K (100.0\xa0%) |" in comment
    assert "| #activations   | #memory   |" in comment
    assert 'data-metrics="flops params activations memory" data-shares="flops params memory"' in page
    assert page.count('data-label="memory, ') == 3
    assert '[1,"stem","",3,"1","1","1",["8K","9K","+1K +12.50\xa0%"],1000,1000,1000,1000,1000,1000]' in page
    assert terminal[2].split()[-1] == "memory"
    assert any(line.split()[:2] == ["changed", "stem"] for line in terminal)
    head = json.loads(shown["results"])["results"][0]["head"]
    assert (head, shown["state"]) == ({"flops": 1, "params": 1, "activations": 1, "memory": 9_000}, "exceeded")
