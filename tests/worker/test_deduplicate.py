"""Configs that build the same model are measured once, and only those."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from model_complexity.worker.build.model import enter_scope, load_config
from model_complexity.worker.deduplicate import JobDeduplicator
from model_complexity.worker.model_key import model_key
from tests.worker import test_job
from tests.worker.run_worker import measure

LIBRARY = test_job.LIBRARY.replace("class Conv(", "class Sharing(")  # mmcv registers a Conv, once a test imports it
IMPORTS = "custom_imports = dict(imports=['nets'])\n"
BASE = IMPORTS + "model = dict(type='Sharing', channels=8)\n"


@pytest.fixture
def library(tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library that leaves a trace of every time that its model is built, to be imported anew by each test."""
    counting = LIBRARY.replace("super().__init__", "open('built', 'a').write('x')\n        super().__init__")
    counting = counting.replace("register_module()", "register_module(force=True)")
    monkeypatch.setattr(sys, "path", [str(tree), *sys.path])
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "nets", raising=False)
    (tree / "nets.py").write_text(counting)
    (tree / "base.py").write_text(BASE)
    return tree


def key(tree: Path, text: str, shape: tuple[int, ...] = (3, 8, 8)) -> str | None:
    (tree / "config.py").write_text(text)
    config = load_config(tree / "config.py")
    return model_key(config, enter_scope(config), shape)


def test_model_key_is_equal_for_equal_models(library: Path) -> None:
    same = key(library, BASE)
    assert same is not None
    assert key(library, "_base_ = 'base.py'\noptim_wrapper = dict(lr=0.1)\n") == same
    assert key(library, BASE + "train_cfg = dict(epochs=max(1, 2))\nx = [i for i in range(3)]\nx.append(4)\n") == same


@pytest.mark.parametrize(
    "text",
    [
        BASE.replace("channels=8", "channels=9"),
        BASE + "data_preprocessor = dict(type='Other')\n",
        IMPORTS.replace("['nets']", "['nets', 'json']") + "model = dict(type='Sharing', channels=8)\n",
        "import json\n" + BASE,
        "from json import loads\n" + BASE,
    ],
)
def test_model_key_differs_when_the_model_may_differ(library: Path, text: str) -> None:
    own = key(library, text)
    assert own is not None
    assert own != key(library, BASE)


def test_model_key_differs_by_input(library: Path) -> None:
    assert key(library, BASE) != key(library, BASE, (3, 16, 16))


@pytest.mark.parametrize(
    "more",
    [
        "class Mine: pass\n",
        "def mine(): pass\n",
        "mine = lambda: 1\n",
        "pid = __import__('os').getpid()\n",
        "print('hello')\n",
        "model['f'] = key = print\ndel model['f']\n__import__('json')\n",
    ],
)
def test_model_key_is_none_when_the_config_runs_code(library: Path, more: str) -> None:
    assert key(library, BASE + more) is None


def test_model_key_is_none_when_an_object_has_no_name(library: Path) -> None:
    (library / "things.py").write_text("thing = object()\nclass Named: pass\n")
    named, nameless = (
        f"thing = __import__('things').{name}\nmodel = dict(type='Sharing', channels=8, loss=thing)\n"
        for name in ("Named", "thing")
    )
    assert key(library, named) is None, "__import__ is code"
    assert key(library, nameless) is None
    from things import Named, thing

    config = load_config(library / "base.py")
    config.model["loss"] = Named
    assert model_key(config, "mmengine", (3, 8, 8)) is not None
    config.model["loss"] = thing
    assert model_key(config, "mmengine", (3, 8, 8)) is None


def test_equal_jobs_are_built_once_and_all_answered(library: Path) -> None:
    names = ["base.py", "a.py", "b.py", "other.py", "c.py"]
    for name in ("a.py", "b.py", "c.py"):
        (library / name).write_text(f"_base_ = 'base.py'\nschedule = '{name}'\n")
    (library / "other.py").write_text("_base_ = 'base.py'\nmodel = dict(channels=5)\n")
    for jobs in (1, 3):
        (library / "built").write_text("")
        answers = measure(library, names, jobs=jobs, shape=(3, 8, 8))
        assert [answer["measurement"]["flops"] for answer in answers] == [64 * 3 * n for n in (8, 8, 8, 5, 8)]
        assert (library / "built").read_text() == "xx"


def test_worker_shares_a_failure_but_no_crash(library: Path) -> None:
    (library / "nets.py").write_text(LIBRARY + "import os\n")
    wrong = "_base_ = 'base.py'\nmodel = dict(channels=-1)\n"
    crashes = "_base_ = 'base.py'\nmodel = dict(type='Crash')\n"
    for name, text in {"wrong1.py": wrong, "wrong2.py": wrong, "crash1.py": crashes, "crash2.py": crashes}.items():
        (library / name).write_text(text)
    (library / "nets.py").write_text(
        LIBRARY
        + """
import os
@MODELS.register_module()
class Crash(Sharing):
    def __init__(self, **_):
        open('built', 'a').write('x')
        os._exit(3)
"""
    )
    answers = measure(library, ["wrong1.py", "crash1.py", "wrong2.py", "crash2.py"], jobs=1)
    assert [answer["failure"]["kind"] for answer in answers] == ["build", "crash", "build", "crash"]
    assert (library / "built").read_text() == "xx", "each is tried for itself"


def test_equal_jobs_that_first_crash_before_their_key_are_answered_once(library: Path) -> None:
    crashes_twice = "import os\nopen('tries', 'a').write('x')\nif os.stat('tries').st_size <= 2:\n    os._exit(3)\n"
    (library / "nets.py").write_text(crashes_twice + (library / "nets.py").read_text())
    for name in ("a.py", "b.py"):
        (library / name).write_text(f"_base_ = 'base.py'\nschedule = '{name}'\n")
    answers = measure(library, ["a.py", "b.py"], jobs=2, shape=(3, 8, 8))
    assert [answer["measurement"]["flops"] for answer in answers] == [64 * 3 * 8, 64 * 3 * 8]
    assert (library / "tries").read_text() == "xxxx"
    assert (library / "built").read_text() == "x"


@pytest.mark.parametrize("kind", ["crash", "out_of_memory", "timeout"])
def test_deduplicator_leaves_jobs_pending_when_a_process_was_killed(kind: str) -> None:
    shares, jobs = JobDeduplicator(), [{"job": number} for number in range(3)]
    assert [shares.claim("k", job) for job in jobs] == [False, True, True]
    shares.complete(jobs[0], {"failure": {"kind": kind}})
    assert list(shares.ready()) == []
    assert shares.pending() == jobs[1:]


def test_deduplicator_shares_measurements_and_model_failures_once() -> None:
    for answer in ({"measurement": {}}, {"failure": {"kind": "build"}}, {"failure": {"kind": "forward"}}):
        shares, jobs = JobDeduplicator(), [{"job": number} for number in range(3)]
        assert [shares.claim("k", job) for job in jobs[:2]] == [False, True]
        shares.complete(jobs[0], answer)
        assert list(shares.ready()) == [(jobs[1], answer)]
        assert shares.claim("k", jobs[2]), "one that comes later"
        assert list(shares.ready()) == [(jobs[2], answer)]
        assert (list(shares.ready()), shares.pending()) == ([], [])


SHOUTS = """
os = __import__('os')
for descriptor in range(3, 64):
    try:
        os.write(descriptor, b'key ../../etc\\n')
    except OSError:
        pass
os._exit(0)
"""


def test_malformed_key_is_ignored(library: Path) -> None:
    (library / "shouts.py").write_text(SHOUTS)
    shouts, base = measure(library, ["shouts.py", "base.py"], shape=(3, 8, 8))
    assert shouts["failure"]["kind"] == "crash"
    assert base["measurement"]["flops"] == 64 * 3 * 8
