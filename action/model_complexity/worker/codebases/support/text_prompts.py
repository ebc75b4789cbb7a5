"""mmdet's detectors that are asked by a text (GLIP, Grounding DINO): built and run without BERT's files.

The text is always as long as the model takes at most (``max_tokens``), as GLIP pads it; Grounding DINO pads it to the longest
of a batch. So the figures hang neither on a vocabulary nor on how many classes a data set has. Where classes come in several
texts (``chunked_size``), one of them is counted.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Dict, Iterator, List

import torch
from torch import nn

from model_complexity.worker.patch import patch_attribute

CLASS = "object"
_BERT = "bert-base-uncased"
"""The one whose sizes are the defaults of transformers' ``BertConfig``."""


class FullText(Dict[str, Any]):
    """What a tokenizer says of a text that fills the model's input: read as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(name)
        return self[name]

    def to(self, device: Any) -> FullText:
        """The same on a device."""
        return FullText({name: value.to(device) for name, value in self.items()})


class FullTextTokenizer:
    """Takes every text for one that fills the model's input; no token is a special one."""

    def batch_encode_plus(self, texts: List[str], max_length: int, **_: Any) -> FullText:
        """A batch of token numbers."""
        ids = torch.ones((len(texts), max_length), dtype=torch.long)
        return FullText(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids))

    def convert_tokens_to_ids(self, tokens: List[str]) -> List[int]:
        """Numbers that no text holds."""
        return [0] * len(tokens)


@contextlib.contextmanager
def stub_text_encoder() -> Iterator[None]:
    """Within it, mmdet's language models are built without files: with a stand-in for the tokenizer, and without weights."""
    language: Any = sys.modules.get("mmdet.models.language_models.bert")
    with contextlib.ExitStack() as stack:
        if getattr(language, "AutoTokenizer", None) is not None:
            stack.enter_context(patch_attribute(language, "AutoTokenizer", _Tokenizers))
            stack.enter_context(patch_attribute(language, "HFBertModel", _without_weights(language.HFBertModel)))
            for module in (language, sys.modules.get("mmdet.models.dense_heads.atss_vlfusion_head")):
                if module is not None:
                    stack.enter_context(patch_attribute(module, "BertConfig", _sizes(module.BertConfig)))
        yield


def prompt(detector: nn.Module) -> List[str]:
    """Makes a detector that is asked by a text take a sample's ``text`` for one class.

    Returns:
        What the figures hold for; nothing where a detector is not asked.
    """
    language = getattr(detector, "language_model", None)
    if language is None:
        return []
    detector.get_tokens_positive_and_prompts = lambda *_, **__: ({1: [1]}, CLASS, None, [CLASS])
    several = (getattr(detector, "test_cfg", None) or {}).get("chunked_size", -1) > 0
    return [f"{'one of several texts' if several else 'a text'}, of {language.max_tokens:,} tokens"]


class _Tokenizers:
    @staticmethod
    def from_pretrained(*_: Any, **__: Any) -> FullTextTokenizer:
        return FullTextTokenizer()


def _sizes(kind: Any) -> Any:
    """``BertConfig`` that knows the sizes of one BERT by heart, and reads those of others."""

    def read(name: str, *args: Any, **kwargs: Any) -> Any:
        return kind() if name == _BERT else kind.from_pretrained(name, *args, **kwargs)

    return type(kind.__name__, (), {"from_pretrained": staticmethod(read)})


def _without_weights(kind: Any) -> Any:
    def build(name: str, *, config: Any, **kwargs: Any) -> Any:
        return kind(config, **kwargs)

    return type(kind.__name__, (), {"from_pretrained": staticmethod(build)})
