"""Reports for the browser: one with everything in it, one that is hostile, one that is large."""

from __future__ import annotations

from typing import Any

from tests.support.factories import SHAPE, Part, conv, entry, failed, measured, model, module, norm, report

from model_complexity.report import (
    BudgetCheck,
    DiscoveryWarning,
    Entry,
    Measurement,
    Report,
    Target,
    UnsupportedOps,
    Versions,
)

PAYLOADS = (
    "</script><script>owned = 1</script>",
    "<!--<script>owned = 1</script>-->",
    '"><img src=x onerror="owned = 1">',
    "' onmouseover='owned = 1",
    "<svg/onload=owned=1>",
    "javascript:owned=1",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;&quot;",
    "\N{RIGHT-TO-LEFT OVERRIDE}yp.gifnoc",
    "\N{HEBREW LETTER ALEF}\N{HEBREW LETTER BET}.py",
    "\u2028line\u2029\x00\x1b[31m",
    "constructor",
    "__proto__",
)
"""Names that a pull request may choose. None may run or change the page."""


def resnet(depth: int, width: int = 8) -> Measurement:
    """A stem and stages of blocks, each a convolution with its norm, and a head that is never called."""
    stages = {
        f"stage{n}": Part(
            children={
                str(block): Part(children={"conv": conv(width, width), "bn": norm(width)}) for block in range(depth)
            }
        )
        for n in range(3)
    }
    measurement = model(backbone=Part(children={"stem": conv(width, 3), **stages}))
    head = module("head", depth=1, params=10)
    return measurement.model_copy(update={"modules": (*measurement.modules, head)})


def full_report() -> Report:
    """One config of every status, with budgets, notes and warnings."""
    deeper = entry("configs/net/deeper.py", resnet(3), resnet(2))
    lstm = UnsupportedOps(uncounted={"aten::lstm": 2})
    return report(
        entry("configs/net/same.py", resnet(4), resnet(4), reason="inherited", through="configs/_base_/net.py"),
        deeper,
        entry(
            "configs/net/fails.py", failed("forward", "RuntimeError: I want 7 channels", "Traceback\n  deep"), resnet(5)
        ),
        entry("configs/net/fixed.py", measured(2**53), failed("timeout", "no result after 300 seconds")),
        entry("configs/net/new.py", measured(2**53 + 1), None, reason="added"),
        entry("configs/net/gone.py", None, measured(20), reason="deleted"),
        entry("configs/net/fewer.py", measured(9, unsupported_ops=lstm), measured(10)),
        budgets=(check(deeper, "flops", "exceeded"), check(deeper, "params", "ok")),
        not_measured=(Target(config="configs/z.py", base_config=None, reason="added"),),
        warnings=(DiscoveryWarning(config="configs/sly.py", message="`_base_` holds a call"),),
        notes=("A sentence that the reader must know.",),
        run_url="https://github.com/octocat/zoo/actions/runs/42",
    )


def check(entry: Entry, metric: Any, state: Any, **more: Any) -> BudgetCheck:
    """A budget of at most 3 % more."""
    assert isinstance(entry.head, Measurement)
    defaults: dict[str, Any] = {
        "rule": "max-increase",
        "limit": "3%",
        "max_value": 9_000,
        "level": "fail",
        "base": 8_000,
    }
    return BudgetCheck(
        config=entry.target.name,
        shape=entry.shape,
        metric=metric,
        state=state,
        head=entry.head.figures[metric],
        **(defaults | more),
    )


def hostile_report(name: str) -> Report:
    """A report with the name in every field that a pull request controls."""
    label = name.replace(".", "")
    rows = (
        module("", depth=0, params=8, flops=8, activations=8),
        module(label[:1_000], depth=1, params=4, flops=4, activations=4),
        module(f"{label[:900]}.{label[:90]}", depth=2, shape=(2, 2)),
    )
    text = name[:500]
    versions = Versions(python=text, torch=text, fvcore=text, mmengine=text)
    fields: dict[str, Any] = {"modules": rows, "entry_point": text, "device": text}
    operators = UnsupportedOps(uncounted={text: 3}, negligible={text: 1}, modules={text: (text,)}, reasons={text: text})
    head = measured(
        8,
        unsupported_ops=operators,
        operators={text: 8},
        uncalled_modules=(text,),
        shared_modules={label[:1_000]: (text,)},
        conditions=(f"@{text[:499]}",),
        inputs={text: (1, *SHAPE)},
        **fields,
    )
    base = measured(9, **{**fields, "modules": rows[:1], "mode": "dry"})
    head, base = (side.model_copy(update={"versions": versions}) for side in (head, base))
    path = name[:4_096]
    inherited = entry(path, head, base, reason="inherited", through=path)
    return report(
        inherited,
        entry(
            f"configs/{path[:4_000]}",
            failed("build", text, name[:20_000], text),
            base,
            reason="renamed",
            base_config=path,
        ),
        budgets=(
            check(inherited, "flops", "exceeded", reason=text),
            check(inherited, "params", "ignored", reason=text),
        ),
        not_measured=(Target(config=path, base_config=None, reason="added"),),
        warnings=(DiscoveryWarning(config=path, message=text),),
        repository=text,
        run_url=text,
        tool=text,
    )


def large_report(configs: int, modules: int) -> Report:
    """A report of changed configs with this number of modules each."""
    return report(
        *(
            entry(f"configs/family{n % 20}/net-{n}.py", _wide(n, modules, 2), _wide(n, modules, 1))
            for n in range(configs)
        )
    )


def _wide(number: int, modules: int, factor: int) -> Measurement:
    """A root, stages of ten, and in each its blocks."""
    names = ["", *(f"stage{n // 10}" if n % 10 == 0 else f"stage{n // 10}.block{n % 10}" for n in range(modules - 1))]
    counts = [factor * (number * 1_000 + place + 1) for place in range(modules)]
    rows = (
        module(name, depth=bool(name) + name.count("."), params=count, flops=count * 1_000, activations=count)
        for name, count in zip(names, counts, strict=True)
    )
    return measured(counts[-1] * 1_000 + number, counts[-1] + 1, counts[-1] * 7, modules=tuple(rows))
