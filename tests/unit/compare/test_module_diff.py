"""Module differences: changed modules, certain renames, exact totals."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.factories import Part, conv, counts, measured, model, module, norm, parts, pyramid

from model_complexity.common.metrics import METRICS
from model_complexity.compare import Figures, ModuleDiff, Shares, group_changes, module_changes
from model_complexity.compare.module_diff import NO_FIGURES
from model_complexity.compare.module_groups import pattern
from model_complexity.report import Measurement


def changes_of(diff: ModuleDiff) -> list[tuple[str, str, str | None]]:
    return [(change.kind, change.name, change.base_name) for change in diff.changes]


def renames(diff: ModuleDiff) -> tuple[tuple[str | None, str], ...]:
    return tuple((change.base_name, change.name) for change in diff.changes if change.kind == "renamed")


def test_module_changes_is_empty_when_the_models_are_equal() -> None:
    same_model = model(stem=conv(4, 3), head=conv(2, 4))
    assert module_changes(same_model, same_model) == ModuleDiff(unchanged=("",), unchanged_modules=3)


def test_module_changes_names_modules_without_their_parents() -> None:
    base = model(backbone=parts(stem=conv(4, 3), body=conv(4, 4)), head=conv(2, 4))
    head = model(backbone=parts(stem=conv(8, 3), body=conv(4, 8)), head=conv(2, 4))
    diff = module_changes(head, base)
    assert changes_of(diff) == [
        ("changed", "backbone.body", "backbone.body"),
        ("changed", "backbone.stem", "backbone.stem"),
    ]
    body, stem = diff.changes
    assert body.delta == Figures.of(counts(16 * 64, 16, 0))
    assert stem.delta == Figures.of(counts(12 * 64, 12, 4 * 64))
    assert body.parameters == (("weight", (4, 8, 1, 1), (4, 4, 1, 1)),)
    assert body.share.by_metric() == dict.fromkeys(METRICS) | {"flops": 16 / 28, "params": 16 / 28, "activations": 0.0}
    assert (diff.unchanged, diff.unchanged_modules) == (("head",), 1)


def test_parent_is_changed_when_its_own_count_differs() -> None:
    base = model(attn=Part(100, 10, {"scale": (1,)}, {"qkv": conv(4, 3)}))
    head = model(attn=Part(160, 10, {"scale": (1,)}, {"qkv": conv(4, 3)}))
    (change,) = module_changes(head, base).changes
    assert (change.name, change.own, change.head, change.base) == (
        "attn",
        True,
        Figures.of(counts(160, 1, 10)),
        Figures.of(counts(100, 1, 10)),
    )


def test_shared_module_is_changed_and_the_changes_add_up_to_the_totals() -> None:
    shared, apart = pyramid(shared=True), pyramid(shared=False)
    diff = module_changes(shared, apart)
    assert changes_of(diff) == [
        ("changed", "head.levels.0.conv", "head.levels.0.conv"),
        ("changed", "head.levels.1.conv", "head.levels.1.conv"),
        ("changed", "head.levels.2.conv", "head.levels.2.conv"),
    ]
    assert [change.shared_with for change in diff.changes] == ["", "head.levels.0.conv", "head.levels.0.conv"]
    assert [change.base_shared_with for change in diff.changes] == ["", "", ""]
    totals = Figures.of(shared.figures).less(Figures.of(apart.figures))
    assert Figures(map(sum, zip(*(change.delta for change in diff.changes), strict=True))) == totals
    assert [change.parameters for change in diff.changes] == [(), (), ()]
    back = module_changes(apart, shared)
    assert {change.kind for change in back.changes} == {"changed"}
    assert [change.base_shared_with for change in back.changes] == ["", "head.levels.0.conv", "head.levels.0.conv"]


def test_shared_module_is_unchanged_when_both_sides_share_it() -> None:
    same_model = pyramid(shared=True)
    assert module_changes(same_model, same_model) == ModuleDiff(unchanged=("",), unchanged_modules=10)


def test_shared_module_of_another_first_name_is_changed() -> None:
    branch = parts(conv=conv(4, 3), bn=norm(4))
    base = model(one=branch).model_copy(update={"shared_modules": {"one": ("two",)}})
    head = model(two=branch).model_copy(update={"shared_modules": {"two": ("one",)}})
    diff = module_changes(head, base)
    assert {(change.kind, change.name, change.shared_with, change.base_shared_with) for change in diff.changes} == {
        ("changed", "one.conv", "two.conv", ""),
        ("changed", "one.bn", "two.bn", ""),
        ("changed", "two.conv", "", "one.conv"),
        ("changed", "two.bn", "", "one.bn"),
    }


def test_new_name_of_a_shared_module_is_no_module_of_its_own() -> None:
    base = pyramid(shared=True)
    names = {"head.levels.0.conv": ("head.levels.1.conv", "head.levels.2.conv", "head.levels.3.conv")}
    assert module_changes(base.model_copy(update={"shared_modules": names}), base).changes == ()


def test_deep_shared_modules_are_compared_in_time() -> None:
    deep = [".".join("a" * n) for n in range(1, 480)]
    rows = tuple(module(f"{name}.x{n}", depth=1, flops=1) for n, name in enumerate(deep * 10))
    others = tuple(f"b.{name}" for name in deep[-40:])
    head = measured(1, modules=rows[:2_000], shared_modules=dict.fromkeys(deep, others))
    base = measured(1, modules=rows)
    start = time.perf_counter()
    module_changes(head, base)
    assert time.perf_counter() - start < 5


def test_parameter_change_belongs_to_its_module() -> None:
    base = model(Part(parameters={"cls_token": (1, 1, 8), "pos_embed": (1, 5, 8)}))
    head = model(Part(parameters={"pos_embed": (1, 10, 8), "mask": (4,)}))
    (change,) = module_changes(head, base).changes
    assert change.parameters == (
        ("pos_embed", (1, 10, 8), (1, 5, 8)),
        ("mask", (4,), None),
        ("cls_token", None, (1, 1, 8)),
    )
    assert change.delta == Figures.of(counts(0, 80 + 4 - 40 - 8, 0))


def test_transposed_parameter_changes_no_metric() -> None:
    base, head = Part(5, 5, {"weight": (2, 3)}), Part(5, 5, {"weight": (3, 2)})
    (change,) = module_changes(model(head), model(base)).changes
    assert (change.delta, change.parameters) == (NO_FIGURES, (("weight", (3, 2), (2, 3)),))
    assert change.share == Shares(None for _ in METRICS)


def test_deeper_stage_has_one_change_for_each_added_block() -> None:
    block = parts(conv1=conv(4, 4), bn1=norm(4))
    base = model(layer=parts(**{"0": block}))
    head = model(layer=parts(**{"0": block, "1": block, "2": block}))
    diff = module_changes(head, base)
    assert changes_of(diff) == [("added", "layer.1", None), ("added", "layer.2", None)]
    assert [change.modules for change in diff.changes] == [3, 3]
    assert [change.delta.by_metric()["flops"] for change in diff.changes] == [(16 + 8) * 64] * 2
    assert diff.unchanged == ("layer.0",)
    assert [
        (group.name, len(group.changes), group.share.by_metric()["flops"]) for group in group_changes(diff.changes)
    ] == [("layer.{1–2}", 2, 1.0)]
    assert changes_of(module_changes(base, head)) == [
        ("removed", "layer.1", "layer.1"),
        ("removed", "layer.2", "layer.2"),
    ]


def test_renamed_subtree_is_one_change_without_a_delta() -> None:
    inner = parts(a=conv(4, 3), b=parts(c=conv(4, 4), d=norm(4)))
    base, head = model(stem=conv(3, 3), layers=inner), model(stem=conv(3, 3), blocks=inner)
    diff = module_changes(head, base)
    assert changes_of(diff) == [("renamed", "blocks", "layers")]
    assert diff.changes[0].modules == 5
    assert diff.changes[0].delta == NO_FIGURES
    assert renames(diff) == (("layers", "blocks"),)
    assert diff.unchanged == ("stem",)


def test_equal_siblings_are_matched_in_order_when_all_are_renamed() -> None:
    block = conv(4, 4)
    base = model(**{f"layer{n}": block for n in range(3)}, head=norm(4))
    head = model(**{f"stage{n}": block for n in range(3)}, head=norm(4))
    assert renames(module_changes(head, base)) == (("layer0", "stage0"), ("layer1", "stage1"), ("layer2", "stage2"))


@pytest.mark.parametrize(
    ("base", "head"),
    [
        # one of two equal modules is removed
        (model(a=conv(4, 4), b=conv(4, 4)), model(c=conv(4, 4))),
        # elsewhere among its siblings, or under another parent
        (model(a=conv(4, 4), fix=norm(4)), model(fix=norm(4), c=conv(4, 4))),
        (model(x=parts(a=conv(4, 4)), y=norm(4)), model(y=Part(512, 0, norm(4).parameters, {"c": conv(4, 4)}))),
        # in another order
        (model(a=conv(4, 4), b=norm(4)), model(c=norm(4), d=conv(4, 4))),
        # other figures, other parameter shapes, other names below
        (model(a=conv(4, 4)), model(c=conv(4, 4, side=9))),
        (model(a=Part(9, 9, {"w": (2, 3)})), model(c=Part(9, 9, {"w": (3, 2)}))),
        (model(a=parts(b=conv(4, 4))), model(c=parts(d=conv(4, 4)))),
    ],
)
def test_module_is_not_renamed_when_its_match_is_ambiguous(base: Measurement, head: Measurement) -> None:
    diff = module_changes(head, base)
    assert renames(diff) == ()
    assert {change.kind for change in diff.changes} == {"added", "removed"}


def test_sequence_is_matched_when_its_numbers_shift() -> None:
    """ResNetV1d puts a pooling before the convolution of a shortcut: 0 and 1 become 1 and 2."""
    base = model(shortcut=parts(**{"0": conv(8, 4), "1": norm(8)}))
    head = model(shortcut=parts(**{"0": Part(70, 7), "1": conv(8, 4), "2": norm(8)}))
    diff = module_changes(head, base)
    assert changes_of(diff) == [
        ("added", "shortcut.0", None),
        ("renamed", "shortcut.1", "shortcut.0"),
        ("renamed", "shortcut.2", "shortcut.1"),
    ]


def test_module_is_changed_when_its_name_has_other_content() -> None:
    diff = module_changes(model(a=norm(4)), model(a=conv(4, 3)))
    assert changes_of(diff) == [("changed", "a", "a")]


def test_module_without_metrics_is_not_reported() -> None:
    assert module_changes(model(a=conv(4, 3), act=Part()), model(a=conv(4, 3), relu=Part())).changes == ()


def test_uncalled_module_has_no_flops() -> None:
    row = module("head", depth=1, params=4)
    called = module("head", depth=1, params=4, flops=0, activations=0)
    assert module_changes(measured(0, 4, 0, modules=(row,)), measured(0, 4, 0, modules=(called,))).changes == ()


def test_only_params_are_compared_when_entry_points_differ() -> None:
    base = model(a=conv(4, 3))
    head = model(a=conv(8, 3)).model_copy(update={"entry_point": "forward"})
    diff = module_changes(head, base)
    assert diff.figures == ("params",)
    assert [change.delta for change in diff.changes] == [Figures.of(counts(0, 12, 0))]


def test_changes_equal_the_totals_when_parents_are_missing() -> None:
    orphan = module("a.b.c", depth=3, params=5, flops=7, activations=9)
    weight = module("x.weight", depth=2, params=5, shape=(5,))
    head = measured(10, 6, 10, modules=(orphan, weight))
    diff = module_changes(head, measured(1, 1, 1, modules=()))
    assert changes_of(diff) == [("added", "a.b.c", None), ("changed", "", "")]
    assert [change.delta for change in diff.changes] == [Figures.of(counts(7, 5, 9)), Figures.of(counts(2, 0, 0))]
    assert diff.changes[1].parameters == (("x.weight", (5,), None),)


def test_group_has_changes_that_differ_in_numbers_only() -> None:
    block = parts(attn=conv(4, 4), fc=conv(4, 2))
    other = parts(attn=conv(8, 4), fc=conv(4, 2))
    base = model(a=parts(**{str(n): block for n in range(12)}), b=parts(**{str(n): block for n in range(3)}))
    head = model(a=parts(**{str(n): other for n in range(12)}), b=parts(**{"0": block, "1": other, "2": block}))
    groups = group_changes(module_changes(head, base).changes)
    assert [(group.name, len(group.changes), group.delta.by_metric()["params"]) for group in groups] == [
        ("a.{0–11}.attn", 12, 12 * 16),
        ("b.1.attn", 1, 16),
    ]
    assert groups[0].share.by_metric()["flops"] == pytest.approx(12 / 13)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a.7.b"], "a.7.b"),
        (["a.0", "a.1", "a.2", "a.4"], "a.{0–2,4}"),
        (["a.9", "a.10"], "a.{9–10}"),
        ([f"a.{n}" for n in (0, 2, 4, 6, 8)], "a.{0,2,…,8}"),
        (["a.0.b.1", "a.1.b.1", "a.0.b.2"], "a.*.b.*"),
    ],
)
def test_pattern_covers_all_names(names: list[str], text: str) -> None:
    assert pattern(names) == text


def test_module_changes_takes_under_a_second_for_20000_modules() -> None:
    def wide(first: str) -> Measurement:
        # Half of it renamed, in subtrees; the other half changed.
        side = 8 if first == "x" else 9
        return model(
            **{f"{first}{n}": parts(**{str(m): conv(2, n % 7 + 1) for m in range(49)}) for n in range(66)},
            **{f"c{n}": parts(**{str(m): conv(2, 2, side) for m in range(49)}) for n in range(66)},
        )

    head, base = wide("x"), wide("y")
    assert 13_000 < len(head.modules) <= 20_000
    started = time.process_time()
    diff = module_changes(head, base)
    groups = group_changes(diff.changes)
    assert time.process_time() - started < 1.0
    assert len(renames(diff)) == 66
    assert len(groups) < 140


def chain(depth: int, tip: str) -> Measurement:
    names = [".".join(["a"] * n) for n in range(1, depth)] + [".".join(["a"] * (depth - 1) + [tip])]
    rows = [module(name, depth=min(n, 1_000), params=1, flops=1, activations=1) for n, name in enumerate(names, 1)]
    return measured(1, 1, 1, modules=tuple(rows))


def test_module_changes_accepts_a_very_deep_model() -> None:
    assert changes_of(module_changes(chain(500, "x"), chain(500, "y"))) == [
        ("renamed", ".".join(["a"] * 499 + ["x"]), ".".join(["a"] * 499 + ["y"]))
    ]


LABELS = st.sampled_from(["0", "1", "2", "conv", "bn", "a"])
LEAVES = st.builds(
    Part,
    st.integers(0, 5),
    st.integers(0, 5),
    st.dictionaries(st.sampled_from(["weight", "bias"]), st.tuples(st.integers(1, 3)), max_size=2),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        Part, st.integers(0, 5), st.integers(0, 5), st.just({}), st.dictionaries(LABELS, inner, max_size=4)
    ),
    max_leaves=10,
)


@settings(max_examples=1_000, deadline=None)
@given(TREES, TREES)
def test_changes_equal_the_difference_of_the_totals(ours: Part, theirs: Part) -> None:
    head, base = model(ours), model(theirs)
    diff = module_changes(head, base)
    summed = NO_FIGURES
    for change in diff.changes:
        summed = summed.plus(change.delta)
    total = Figures.of(head.figures).less(Figures.of(base.figures))
    assert summed == total
    for place, share in enumerate(zip(*(change.share for change in diff.changes), strict=True)):
        moved = any(change.delta[place] for change in diff.changes)
        assert sum(part or 0 for part in share) == pytest.approx(1.0 if moved else 0.0)
    names = [change.name for change in diff.changes if change.kind != "removed"]
    assert len(set(names)) == len(names)
    gone = [change.base_name for change in diff.changes if change.base_name is not None]
    assert len(set(gone)) == len(gone)
    assert sum(len(group.changes) for group in group_changes(diff.changes)) == len(diff.changes)


@settings(max_examples=1_000, deadline=None)
@given(TREES)
def test_module_changes_is_empty_for_any_equal_trees(tree: Part) -> None:
    assert module_changes(model(tree), model(tree)).changes == ()


@settings(max_examples=1_000, deadline=None)
@given(TREES, st.data())
def test_rename_has_no_delta_when_nothing_else_differs(tree: Part, data: st.DataObject) -> None:
    inner = Part(tree.flops, tree.activations, tree.parameters, tree.children)
    place = data.draw(st.sampled_from(["before", "between", "after"]))
    siblings = {"before": {}, "between": {"p": conv(2, 2)}, "after": {"p": conv(2, 2), "q": norm(3)}}[place]
    rest = {"r": norm(5)}
    base = model(**siblings, old=inner, **rest)
    head = model(**siblings, new=inner, **rest)
    diff = module_changes(head, base)
    silent = not any(tree.totals())
    assert changes_of(diff) == ([] if silent else [("renamed", "new", "old")])
    assert all(change.delta == NO_FIGURES for change in diff.changes)
