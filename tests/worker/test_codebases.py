"""The table of codebases and its documentation; mmpretrain's tokenizers without their files."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripts.lib.generate_codebases import DOCS, generate

from model_complexity.worker.codebases import CODEBASES, Codebase
from model_complexity.worker.codebases.support.tokenizers import StubTokenizer, UnreadTokenizerError
from tests.e2e.codebases import documented_codebases
from tests.worker.run_worker import measure

LIBRARY = """
import torch
from mmpretrain.registry import MODELS, TOKENIZER
from torch import nn

@TOKENIZER.register_module()
def Words(name_or_path):
    return open(name_or_path).read().split()

@MODELS.register_module()
class TwoHalves(nn.Module):
    def __init__(self, tokenizer, asks=False):
        super().__init__()
        self.visual = nn.Conv2d(3, 8, 1, bias=False)
        self.tokenizer = TOKENIZER.build(tokenizer)
        self.words = nn.Embedding(len(self.tokenizer) if asks else 100, 8)

    def extract_image_feat(self, images):
        return self.visual(images)

    def extract_feat(self, images, texts):
        return self.visual(images), self.words(self.tokenizer(texts))
"""
CONFIG = """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['halves'])
model = dict(type='TwoHalves', tokenizer=dict(type='Words', name_or_path={name!r}), asks={asks})
"""


def test_codebases_page_equals_its_generated_form() -> None:
    page = DOCS.read_text(encoding="utf-8")
    assert page == generate(page, CODEBASES), "run scripts/lib/generate_codebases.py"


def test_codebases_page_has_a_section_per_library() -> None:
    headings = [line[3:] for line in DOCS.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert {row.scopes[0] for row in CODEBASES} - {"mmengine"} == set(headings) - {"Other libraries, and your own"}


def test_documented_codebases_equal_the_rows_with_an_install_line() -> None:
    documented = documented_codebases(DOCS.read_text(encoding="utf-8"))
    rows = {row.scopes[0]: row for row in CODEBASES if row.install}
    assert set(documented) == set(rows) == {row.scopes[0] for row in CODEBASES} - {"mmengine", "mmagic"}
    for scope, (install, probe_configs) in documented.items():
        assert install.split() == rows[scope].install.split()
        assert probe_configs == rows[scope].probe_configs != ()


def test_generate_raises_when_a_part_is_missing() -> None:
    row = Codebase("mylib", ("mylib",), install="pip install mylib", probe_configs=("a.py",))
    page = "<!-- generated from worker/codebases: list -->\n<!-- end -->\n"
    with pytest.raises(ValueError, match="the rows give \\['list', 'mylib'\\]"):
        generate(page, [row])
    assert generate(page, [row._replace(install="")]) == (
        "<!-- generated from worker/codebases: list -->\n"
        "| Codebase | `default_scope` | `install` | Modules that may be missing |\n|:--|:--|:--|:--|\n"
        "| [mylib](#mylib) | `mylib` | – | – |\n<!-- end -->\n"
    )


@pytest.fixture
def halves(tree: Path) -> Path:
    """A repository with a model like CLIP."""
    (tree / "halves.py").write_text(LIBRARY)
    (tree / "words.txt").write_text("five words that it knows")
    return tree


def test_stub_tokenizer_changes_no_count(halves: Path) -> None:
    (halves / "here.py").write_text(CONFIG.format(name="words.txt", asks=False))
    (halves / "absent.py").write_text(CONFIG.format(name="hub/words", asks=False))
    here, absent = (a["measurement"] for a in measure(halves, ["here.py", "absent.py"], shape=(3, 8, 8)))
    assert (absent["flops"], absent["params"]) == (8 * 8 * 3 * 8, 3 * 8 + 100 * 8)
    assert absent["entry_point"] == "extract_image_feat"
    assert {**here, "seconds": 0} == {**absent, "seconds": 0}


def test_measurement_fails_when_it_depends_on_the_tokenizer(halves: Path) -> None:
    (halves / "here.py").write_text(CONFIG.format(name="words.txt", asks=True))
    (halves / "absent.py").write_text(CONFIG.format(name="hub/words", asks=True))
    here, absent = measure(halves, ["here.py", "absent.py"], shape=(3, 8, 8))
    assert here["measurement"]["params"] == 3 * 8 + 5 * 8
    assert absent["failure"]["kind"] == "build"
    assert absent["failure"]["message"].startswith("the model asks the tokenizer 'hub/words' for its length, and")


@pytest.mark.parametrize(
    "ask",
    [
        len,
        bool,
        list,
        lambda absent: absent("a text"),
        lambda absent: absent["a"],
        lambda absent: "a" in absent,
        lambda absent: absent.pad_token_id,
        lambda absent: absent.add_tokens(["<image>"]),
        lambda absent: absent.get_vocab()["a"],
        lambda absent: len(absent.get_vocab()),
        lambda absent: len(copy.deepcopy(absent)),
    ],
)
def test_stub_tokenizer_raises_when_it_is_read(ask: Callable[[Any], Any]) -> None:
    absent = StubTokenizer("hub/words", OSError("no file"))
    absent.padding_side = "left"  # models set this one's attributes
    with pytest.raises(UnreadTokenizerError, match="'hub/words'") as raised:
        ask(absent)
    assert isinstance(raised.value.__cause__, OSError)


def test_missing_hub_file_is_named_with_advice(tree: Path) -> None:
    sentence = "We couldn't connect to 'https://hub' to load this file, couldn't find it in the cached files and it looks like "
    sentence += "org/net-7b is not the path to a directory containing a file named config.json.\\nCheckout your"
    (tree / "config.py").write_text(f'raise OSError("{sentence}")\n')
    (answer,) = measure(tree, ["config.py"])
    assert answer["failure"]["message"] == (
        "config.json of 'org/net-7b' is not on this machine and the network is off. Name a folder that contains it."
    )
