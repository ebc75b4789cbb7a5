"""Stubs for the tokenizers of mmpretrain's multi-modal models: they are built, but run on an image."""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Iterator, NoReturn

from model_complexity.worker.patch import patch_attribute


class MissingTokenizerError(Exception):
    """The model reads its tokenizer, whose files are not installed."""


class StubTokenizer:
    """A tokenizer without its files: can be passed on and have attributes set, but not be read.

    So no metric can depend on it. Reading its length, a token's id and the like raises.
    """

    def __init__(self, name: str, error: OSError) -> None:
        self._name, self._error = name, error

    def get_vocab(self) -> StubTokenizer:
        """Return a vocabulary that cannot be read either: CLIP stores it while it is built."""
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # Python's protocols, e.g. to copy it
        self._refuse(f"`{name}`")

    def __len__(self) -> int:  # noqa: PLE0303 - raises
        self._refuse("its length")

    def __call__(self, *_: Any, **__: Any) -> Any:
        """Refuse to tokenize."""
        self._refuse("the ids of a text's tokens")

    def __getitem__(self, token: Any) -> Any:
        self._refuse(f"the id of {token!r}")

    def __iter__(self) -> Iterator[Any]:
        self._refuse("its tokens")

    def __contains__(self, token: Any) -> bool:
        self._refuse(f"whether it has {token!r}")

    def _refuse(self, value: str) -> NoReturn:
        raise MissingTokenizerError(
            f"The model reads {value} from tokenizer {self._name!r}, whose files are missing: the network is off. "
            "Add the files to the repository or to `install`."
        ) from self._error


@contextlib.contextmanager
def stub_tokenizers() -> Iterator[None]:
    """Replace mmpretrain tokenizers whose files are missing by stubs. Others are built: the metrics are the same."""
    registry = getattr(sys.modules.get("mmpretrain.registry"), "TOKENIZER", None)
    if registry is None:
        yield
        return
    build = registry.build_func

    def build_or_stub(cfg: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return build(cfg, *args, **kwargs)
        except OSError as error:  # transformers' for missing files, urllib's for failed downloads
            return StubTokenizer(_name(cfg), error)

    with patch_attribute(registry, "build_func", build_or_stub):
        yield


def _name(cfg: Any) -> str:
    keys = ("name_or_path", "pretrained_model_name_or_path", "vocab_file", "type")
    return str(next((cfg[key] for key in keys if cfg.get(key)), "?"))
