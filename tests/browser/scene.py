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
"""What a pull request might call its things. Nothing of it may happen."""


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
    found = model(backbone=Part(children={"stem": conv(width, 3), **stages}))
    head = module("head", depth=1, params=10)
    return found.model_copy(update={"modules": (*found.modules, head)})


def everything() -> Report:
    """A deeper backbone, a config that fails, one that worked not before, a new, a removed and an unchanged one, budgets."""
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


def check(one: Entry, metric: Any, state: Any, **more: Any) -> BudgetCheck:
    """A budget of at most 3 % more."""
    assert isinstance(one.head, Measurement)
    told: dict[str, Any] = {"rule": "max-increase", "limit": "3%", "most": 9_000, "level": "fail", "base": 8_000}
    return BudgetCheck(
        config=one.target.name,
        shape=one.shape,
        metric=metric,
        state=state,
        head=one.head.figures[metric],
        **(told | more),
    )


def hostile(name: str) -> Report:
    """A report that says the name wherever a pull request can have its say."""
    label = name.replace(".", "")
    rows = (
        module("", depth=0, params=8, flops=8, activations=8),
        module(label[:1_000], depth=1, params=4, flops=4, activations=4),
        module(f"{label[:900]}.{label[:90]}", depth=2, shape=(2, 2)),
    )
    text = name[:500]
    versions = Versions(python=text, torch=text, fvcore=text, mmengine=text)
    told: dict[str, Any] = {"modules": rows, "entry_point": text, "device": text}
    operators = UnsupportedOps(uncounted={text: 3}, negligible={text: 1})
    ours = measured(
        8, unsupported_ops=operators, operators={text: 8}, uncalled_modules=(text,), inputs={text: (1, *SHAPE)}, **told
    )
    theirs = measured(9, **{**told, "modules": rows[:1], "mode": "dry"})
    ours, theirs = (side.model_copy(update={"versions": versions}) for side in (ours, theirs))
    path = name[:4_096]
    one = entry(path, ours, theirs, reason="inherited", through=path)
    return report(
        one,
        entry(
            f"configs/{path[:4_000]}",
            failed("build", text, name[:20_000], text),
            theirs,
            reason="renamed",
            base_config=path,
        ),
        budgets=(check(one, "flops", "exceeded", reason=text), check(one, "params", "ignored", reason=text)),
        not_measured=(Target(config=path, base_config=None, reason="added"),),
        warnings=(DiscoveryWarning(config=path, message=text),),
        repository=text,
        run_url=text,
        tool=text,
    )


def many(configs: int, modules: int) -> Report:
    """Configs whose models have that many modules each, in names that differ, all changed."""
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
