"""mmdet's detectors with a text prompt (GLIP, Grounding DINO), built and run without BERT's files.

The text has the largest number of tokens that the model takes (``max_tokens``), to which GLIP pads it; Grounding DINO pads it
to the longest of a batch. So the metrics depend neither on a vocabulary nor on the number of classes. Where classes come in
several texts (``chunked_size``), one of them is counted.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any, Dict, Iterator, List

import torch
from torch import nn

from model_complexity.worker.config_reader import section
from model_complexity.worker.patch import patch_attribute

CLASS = "object"
_BERT = "bert-base-uncased"
"""The sizes of this model are the defaults of transformers' ``BertConfig``."""


class FullText(Dict[str, Any]):
    """A tokenizer's result for a text that fills the model's input: read as items and as attributes."""

    def __getattr__(self, name: str) -> Any:
        if name not in self:
            raise AttributeError(name)
        return self[name]

    def to(self, device: Any) -> FullText:
        """Return a copy on a device."""
        return FullText({name: value.to(device) for name, value in self.items()})


class FullTextTokenizer:
    """Tokenize any text to one that fills the model's input, without special tokens."""

    def batch_encode_plus(self, texts: List[str], max_length: int, **_: Any) -> FullText:
        """Return a batch of token ids."""
        ids = torch.ones((len(texts), max_length), dtype=torch.long)
        return FullText(input_ids=ids, attention_mask=torch.ones_like(ids), token_type_ids=torch.zeros_like(ids))

    def convert_tokens_to_ids(self, tokens: List[str]) -> List[int]:
        """Return ids that no text has."""
        return [0] * len(tokens)


@contextlib.contextmanager
def stub_text_encoder() -> Iterator[None]:
    """Build mmdet's language models without files: with a stub for the tokenizer, and without weights."""
    bert: Any = sys.modules.get("mmdet.models.language_models.bert")
    with contextlib.ExitStack() as stack:
        if getattr(bert, "AutoTokenizer", None) is not None:
            stack.enter_context(patch_attribute(bert, "AutoTokenizer", _StubAutoTokenizer))
            stack.enter_context(patch_attribute(bert, "HFBertModel", _without_weights(bert.HFBertModel)))
            for module in (bert, sys.modules.get("mmdet.models.dense_heads.atss_vlfusion_head")):
                if module is not None:
                    stack.enter_context(patch_attribute(module, "BertConfig", _with_known_sizes(module.BertConfig)))
        yield


def fix_text_prompt(detector: nn.Module) -> List[str]:
    """Make a detector with a text prompt take a sample's ``text`` as one class.

    Returns:
        The conditions, none for a detector without a text prompt.
    """
    language_model = getattr(detector, "language_model", None)
    if language_model is None:
        return []
    detector.get_tokens_positive_and_prompts = lambda *_, **__: ({1: [1]}, CLASS, None, [CLASS])
    several = section(getattr(detector, "test_cfg", None)).get("chunked_size", -1) > 0
    return [f"{'one of several texts' if several else 'a text'}, of {language_model.max_tokens:,} tokens"]


class _StubAutoTokenizer:
    @staticmethod
    def from_pretrained(*_: Any, **__: Any) -> FullTextTokenizer:
        return FullTextTokenizer()


def _with_known_sizes(kind: Any) -> Any:
    """Return a ``BertConfig`` that reads a file only for other models than ``_BERT``."""

    def read(name: str, *args: Any, **kwargs: Any) -> Any:
        return kind() if name == _BERT else kind.from_pretrained(name, *args, **kwargs)

    return type(kind.__name__, (), {"from_pretrained": staticmethod(read)})


def _without_weights(kind: Any) -> Any:
    def build(name: str, *, config: Any, **kwargs: Any) -> Any:
        return kind(config, **kwargs)

    return type(kind.__name__, (), {"from_pretrained": staticmethod(build)})
