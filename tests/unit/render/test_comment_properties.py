"""Property tests of the comment: any report fits and is well formed, and any name is text."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.factories import entry, failed, measured, module, report
from tests.unit.render.test_comment import HOSTILE, LIMIT, hostile_report, innocuous, tree, visible, well_formed

from model_complexity.render import render
from model_complexity.report import BudgetCheck, Entry, Measurement, Report


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("`|<>!-#@*_\\[]() \n\r\t&;:~\x00\x1b\u202e"), st.characters(codec="utf-8")),
        max_size=300,
    )
)
def test_any_name_is_rendered_as_text_only(name: str) -> None:
    text = render(hostile_report(name), limit=LIMIT)
    assert well_formed(text)
    assert visible(text) == visible(render(hostile_report(innocuous(name)), limit=LIMIT))


NAMES = st.one_of(
    st.sampled_from([*HOSTILE, "configs/net/a.py", "configs/net/b.py", "a" * 3_000]), st.text(min_size=1, max_size=40)
)


@st.composite
def measurements(draw: st.DrawFn) -> Any:
    number = draw(st.integers(0, 12))
    rows = draw(st.sampled_from([0, 0, 3, 40, 300]))
    names = draw(st.lists(NAMES, max_size=3))
    modules = {module.name: module for module in tree(rows)} if rows else {}
    modules |= {name[:900]: module(name[:900], depth=1, params=1, flops=number, activations=1) for name in names}
    return measured(
        number,
        draw(st.integers(0, 2**62)),
        modules=tuple(modules.values()),
        conditions=tuple(name[:500] for name in draw(st.lists(NAMES, max_size=2))),
        stubbed_ops=tuple(name[:500] for name in draw(st.lists(NAMES, max_size=2))),
        entry_point=draw(st.sampled_from(["forward", "extract_feat"])),
    )


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    name, reason = (
        draw(NAMES)[:4_000],
        draw(st.sampled_from(["modified", "inherited", "renamed", "added", "requested"])),
    )
    sides = st.one_of(
        measurements(), st.builds(failed, message=NAMES.map(lambda text: text[:500]), detail=NAMES), st.none()
    )
    head, base = draw(sides), draw(sides)
    if head is None and base is None:
        base = draw(measurements())
    more = {"through": draw(NAMES)[:4_000]} if reason == "inherited" else {}
    more |= {"base_config": draw(NAMES)[:4_000]} if reason == "renamed" else {}
    return entry(name, head, base, reason=reason, **more)


@st.composite
def reports(draw: st.DrawFn) -> Report:
    configs = draw(st.lists(entries(), max_size=6))
    configs *= draw(st.sampled_from([1, 1, 1, 1, 1, 1, 30]))
    checks = [
        BudgetCheck(
            config=config.target.name, shape=config.shape, metric="flops", rule="max", limit="5", max_value=5, base=None,
            head=config.head.figures["flops"], level="fail",
            state=draw(st.sampled_from(["ok", "near", "exceeded", "already_exceeded", "ignored"])),
            reason=draw(st.none() | NAMES.map(lambda text: text[:500])),
        )
        for config in configs[:6]
        if isinstance(config.head, Measurement)
    ]  # fmt: skip
    return report(*configs, base=draw(st.sampled_from(["b" * 40, None])), budgets=tuple(checks))


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(reports())
def test_comment_of_any_report_fits_and_is_well_formed(shown_report: Report) -> None:
    text = render(shown_report, limit=65_000)
    assert len(text.encode("utf-8", "replace")) <= 65_000
    assert well_formed(text)
    assert text.splitlines()[2] == render(shown_report, limit=10**9).splitlines()[2]
    assert re.fullmatch(r"\*\*.+\.\*\*", text.splitlines()[2])
