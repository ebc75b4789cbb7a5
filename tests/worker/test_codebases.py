"""The table of codebases and its documentation; mmpretrain's tokenizers without their files."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scripts.lib.generate_codebases import PAGE, generate

from model_complexity.worker.codebases import CODEBASES, Codebase
from model_complexity.worker.codebases.support.tokenizers import MissingTokenizerError, StubTokenizer
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
    def __init__(self, tokenizer, reads=False):
        super().__init__()
        self.visual = nn.Conv2d(3, 8, 1, bias=False)
        self.tokenizer = TOKENIZER.build(tokenizer)
        self.words = nn.Embedding(len(self.tokenizer) if reads else 100, 8)

    def extract_image_feat(self, images):
        return self.visual(images)

    def extract_feat(self, images, texts):
        return self.visual(images), self.words(self.tokenizer(texts))
"""
CONFIG = """
default_scope = 'mmpretrain'
custom_imports = dict(imports=['halves'])
model = dict(type='TwoHalves', tokenizer=dict(type='Words', name_or_path={name!r}), reads={reads})
"""


def test_codebases_page_equals_its_generated_form() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == generate(page, CODEBASES), "run scripts/generate"


def test_codebases_page_has_a_section_per_library() -> None:
    headings = [line[3:] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
    assert {row.scopes[0] for row in CODEBASES} - {"mmengine"} == set(headings) - {"Other libraries, and your own"}


def test_documented_codebases_equal_the_rows_with_an_install_line() -> None:
    documented = documented_codebases(PAGE.read_text(encoding="utf-8"))
    rows = {row.scopes[0]: row for row in CODEBASES if row.install}
    assert set(documented) == set(rows) == {row.scopes[0] for row in CODEBASES} - {"mmengine", "mmagic"}
    for scope, (install, probe_configs) in documented.items():
        assert install.split() == rows[scope].install.split()
        assert probe_configs == rows[scope].probe_configs != ()


def test_generate_raises_when_a_part_is_missing() -> None:
    row = Codebase("mylib", ("mylib",), install="pip install mylib", probe_configs=("a.py",))
    page = "<!-- codebases: begin -->\n<!-- codebases: end -->\n"
    with pytest.raises(ValueError, match="the rows give \\['codebases', 'mylib'\\]"):
        generate(page, [row])
    assert generate(page, [row._replace(install="")]) == (
        "<!-- codebases: begin -->\n"
        "| Codebase | `default_scope` | `install` | Modules that may be missing |\n|:--|:--|:--|:--|\n"
        "| [mylib](#mylib) | `mylib` | – | – |\n<!-- codebases: end -->\n"
    )


@pytest.fixture
def clip_repository(tree: Path) -> Path:
    """A repository with a model like CLIP."""
    (tree / "halves.py").write_text(LIBRARY)
    (tree / "words.txt").write_text("five words that it knows")
    return tree


def test_metrics_are_equal_when_tokenizer_files_are_missing(clip_repository: Path) -> None:
    (clip_repository / "present.py").write_text(CONFIG.format(name="words.txt", reads=False))
    (clip_repository / "missing.py").write_text(CONFIG.format(name="hub/words", reads=False))
    present, missing = (
        a["measurement"] for a in measure(clip_repository, ["present.py", "missing.py"], shape=(3, 8, 8))
    )
    assert (missing["flops"], missing["params"]) == (8 * 8 * 3 * 8, 3 * 8 + 100 * 8)
    assert missing["entry_point"] == "extract_image_feat"
    assert {**present, "seconds": 0} == {**missing, "seconds": 0}


def test_build_fails_when_the_model_reads_a_missing_tokenizer(clip_repository: Path) -> None:
    (clip_repository / "present.py").write_text(CONFIG.format(name="words.txt", reads=True))
    (clip_repository / "missing.py").write_text(CONFIG.format(name="hub/words", reads=True))
    present, missing = measure(clip_repository, ["present.py", "missing.py"], shape=(3, 8, 8))
    assert present["measurement"]["params"] == 3 * 8 + 5 * 8
    assert missing["failure"]["kind"] == "build"
    assert missing["failure"]["message"] == (
        "halves.py:16: The model reads its length from tokenizer 'hub/words', whose files are missing: the network is off. "
        "Add the files to the repository or to `install`."
    )


@pytest.mark.parametrize(
    "read",
    [
        len,
        bool,
        list,
        lambda tokenizer: tokenizer("a text"),
        lambda tokenizer: tokenizer["a"],
        lambda tokenizer: "a" in tokenizer,
        lambda tokenizer: tokenizer.pad_token_id,
        lambda tokenizer: tokenizer.add_tokens(["<image>"]),
        lambda tokenizer: tokenizer.get_vocab()["a"],
        lambda tokenizer: len(tokenizer.get_vocab()),
        lambda tokenizer: len(copy.deepcopy(tokenizer)),
    ],
)
def test_stub_tokenizer_raises_when_read(read: Callable[[Any], Any]) -> None:
    tokenizer = StubTokenizer("hub/words", OSError("no file"))
    tokenizer.padding_side = "left"  # models may set attributes
    with pytest.raises(MissingTokenizerError, match="'hub/words'") as raised:
        read(tokenizer)
    assert isinstance(raised.value.__cause__, OSError)


def test_missing_hub_file_is_named_with_advice(tree: Path) -> None:
    sentence = "We couldn't connect to 'https://hub' to load this file, couldn't find it in the cached files and it looks like "
    sentence += "org/net-7b is not the path to a directory containing a file named config.json.\\nCheckout your"
    (tree / "config.py").write_text(f'raise OSError("{sentence}")\n')
    (answer,) = measure(tree, ["config.py"])
    assert answer["failure"]["message"] == (
        "config.py:1: config.json of 'org/net-7b' is not on this machine and the network is off. Name a folder that contains it."
    )
