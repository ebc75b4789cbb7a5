"""Tokenizers that are built and not used: mmpretrain's multi-modal models want one for the text, and an image is traced."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Iterator, NoReturn


class UnreadTokenizerError(Exception):
    """A model cannot do without its tokenizer, and that is not here."""


class StubTokenizer:
    """Stands in for a tokenizer without its files: a model may keep it and set its attributes, and learns nothing from it.

    So no figure can hang on it. Whatever would tell something (its length, a token's number) raises instead.
    """

    def __init__(self, name: str, error: OSError) -> None:
        self._name, self._error = name, error

    def get_vocab(self) -> StubTokenizer:
        """CLIP keeps the vocabulary while it is built; who looks into it is refused."""
        return self

    def __getattr__(self, asked: str) -> Any:
        if asked.startswith("__"):
            raise AttributeError(asked)  # what Python asks every object, e.g. to copy it
        self._refuse(f"its `{asked}`")

    def __len__(self) -> int:  # noqa: PLE0303 - nor anything else
        self._refuse("its length")

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Tokenizing a text is what a tokenizer is asked most."""
        self._refuse("the numbers of a text's tokens")

    def __getitem__(self, token: Any) -> Any:
        self._refuse(f"the number of {token!r}")

    def __iter__(self) -> Iterator[Any]:
        self._refuse("its tokens")

    def __contains__(self, token: Any) -> bool:
        self._refuse(f"whether it knows {token!r}")

    def _refuse(self, asked: str) -> NoReturn:
        raise UnreadTokenizerError(
            f"the model asks the tokenizer {self._name!r} for {asked}, and the tokenizer's files are not on this machine: "
            "the network is off while measuring"
        ) from self._error


@contextlib.contextmanager
def tokenizers_unread() -> Iterator[None]:
    """Within it, a tokenizer of mmpretrain whose files are not on this machine is replaced by an UnreadTokenizer.

    One whose files are here is built as ever: the figures are the same either way.
    """
    registry = getattr(sys.modules.get("mmpretrain.registry"), "TOKENIZER", None)
    if registry is None:
        yield
        return
    build = registry.build_func

    def build_or_stand_in(cfg: Any, *arguments: Any, **keywords: Any) -> Any:
        try:
            return build(cfg, *arguments, **keywords)
        except OSError as error:  # transformers' for files that it does not find, urllib's for what it does not fetch
            return StubTokenizer(_name(cfg), error)

    registry.build_func = build_or_stand_in
    try:
        yield
    finally:
        registry.build_func = build


def _name(cfg: Any) -> str:
    keys = ("name_or_path", "pretrained_model_name_or_path", "vocab_file", "type")
    return str(next((cfg[key] for key in keys if cfg.get(key)), "?"))
