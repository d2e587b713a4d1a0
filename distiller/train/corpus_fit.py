"""A start model that does not read the corpus's language, taught to weigh its words as BM25 does.

It sees pieces of words of which it knows nothing, and what it makes of them is noise: there BM25
over the same pieces finds far more. How rare they are is plain to count, so before any query the
model learns what counting says, on spans of the passages: weak supervision by BM25 (Dehghani et al.
2017, https://arxiv.org/abs/1704.08803), of weights in place of rankings, which can be had because
BM25 is a dot product of term weights too (Lin 2021, https://arxiv.org/abs/2110.01529).

Imports torch: import it inside functions.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Router
from sentence_transformers.util import batch_to_device
from torch import Tensor
from transformers import BatchEncoding, get_linear_schedule_with_warmup

from distiller.schema.errors import StageFailed
from distiller.splade.encoder import MAX_LENGTH, SpladeEncoder, cut_at
from distiller.train.rarity import counts_of, idf
from distiller.train.recipe import SPANS, Recipe, corpus_steps

_PART = 16
"""Spans at once: targets have a number for each word of the vocabulary."""
_SPAN = (3, 180)
"""Words of a span, from a short query's to a passage's; every order of magnitude is as likely."""
_WARMUP = 1 / 3
"""Share of the steps over which the rate rises. What the model made of pieces of words has to shrink
first; at once, it took everything with it (30 steps on 120 passages)."""
_MOST_ERROR = 0.5
"""Mean squared error of weights, relative to that of having none, above which nothing was learned."""
_SAMPLE = 64
"""Passages on which that is measured."""
_WIDTH = 128
"""Hidden dimensions of the model that `Recipe.corpus_rate` was measured on."""
_K1, _B = 1.5, 0.75
"""As `distiller.retrieve.bm25`."""


def can_fit(model: SparseEncoder) -> bool:
    """Whether queries and passages of a model have the same term weights, as all this assumes."""
    return not any(isinstance(module, Router) for module in model)


def fit_to_corpus(
    model: SparseEncoder,
    passages: Sequence[str],
    recipe: Recipe,
    on_step: Callable[[int], None] | None = None,
) -> bool:
    """Have a model weigh words as `Targets` says, in place.

    Args:
        model: One that `can_fit`.
        passages: All of the corpus, or a sample of it, in an order that does not change.
        recipe: How long, and how fast.
        on_step: Told of every step that is done.

    Returns:
        Whether it has learned that. If not, the model is of no use any more.

    Raises:
        StageFailed: The loss is not finite.
    """
    draw = random.Random(recipe.seed)  # noqa: S311 - not a secret
    texts = draw.sample(passages, len(passages))
    targets = Targets(model, texts)
    spans = Spans(model, texts, draw)
    total = corpus_steps(recipe, len(texts))
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=_rate(model, recipe), weight_decay=recipe.weight_decay
    )
    schedule = get_linear_schedule_with_warmup(optimizer, int(_WARMUP * total), total)
    model.eval()  # the targets are exact: dropout would only blur them
    for step in range(1, total + 1):
        _step(model, optimizer, targets, sorted(spans.draw(SPANS), key=len))
        schedule.step()
        if on_step:
            on_step(step)
    sample = texts[:_SAMPLE]
    weights = torch.from_numpy(SpladeEncoder(model).encode_passages(sample).toarray())
    return float(_error(weights, targets.weights(sample)).mean()) <= _MOST_ERROR


def _error(weights: Tensor, wanted: Tensor) -> Tensor:
    """Squared error of each text's weights, relative to what they should be. Shape (texts,)."""
    scale = wanted.square().sum(dim=1).clamp(min=1.0)
    return (weights - wanted).square().sum(dim=1) / scale


def _rate(model: SparseEncoder, recipe: Recipe) -> float:
    """The peak rate for a model of this width: what suits Adam falls with it (Yang et al. 2022,
    https://arxiv.org/abs/2203.03466).
    """
    config = getattr(getattr(model[0], "model", None), "config", None)
    return recipe.corpus_rate * _WIDTH / max(_WIDTH, getattr(config, "hidden_size", _WIDTH))


def _step(
    model: SparseEncoder, optimizer: torch.optim.Optimizer, targets: Targets, texts: list[str]
) -> None:
    """One step on the error of term weights."""
    optimizer.zero_grad()
    for at in range(0, len(texts), _PART):
        part = texts[at : at + _PART]
        wanted = targets.weights(part).to(model.device)
        features = batch_to_device(_preprocessed(model, part), model.device)
        loss = _error(model(features)["sentence_embedding"], wanted).sum() / len(texts)
        if not torch.isfinite(loss):
            raise StageFailed(
                "the fit to the corpus diverged; lower corpus_rate, or set corpus_steps to 0"
            )
        torch.autograd.backward(loss)
    optimizer.step()


def _preprocessed(model: SparseEncoder, texts: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = model.preprocess(
        texts,
        prompt=model.prompts.get("document"),
        task="document",
        processing_kwargs=cut_at(MAX_LENGTH),
    )
    return found


class Spans:
    """Pieces of passages, cut between words as the model's tokenizer finds them, in every script."""

    def __init__(self, model: SparseEncoder, passages: Sequence[str], draw: random.Random) -> None:
        found = model.tokenizer(
            list(passages), add_special_tokens=False, return_offsets_mapping=True, verbose=False
        )
        words = [_words(found, at) for at in range(len(passages))]
        self._passages = [pair for pair in zip(passages, words, strict=True) if pair[1]]
        self._draw = draw

    def draw(self, count: int) -> list[str]:
        """So many of them, of any passages."""
        return [self._one() for _ in range(count)]

    def _one(self) -> str:
        text, words = self._draw.choice(self._passages)
        length = round(math.exp(self._draw.uniform(*map(math.log, _SPAN))))
        first = self._draw.randrange(max(1, len(words) - length + 1))
        last = min(first + length, len(words)) - 1
        return text[words[first][0] : words[last][1]]


def _words(found: BatchEncoding, at: int) -> list[tuple[int, int]]:
    """Where the words of a text begin and end."""
    pairs = zip(found.word_ids(at), found["offset_mapping"][at], strict=True)
    grouped = [[place for _, place in group] for _, group in groupby(pairs, key=itemgetter(0))]
    return [(places[0][0], places[-1][1]) for places in grouped]


class Targets:
    """What texts weigh by counting: `√(idf · tf)` for each of their own words, and nothing else.

    idf and tf are BM25's (Lucene's variant) over the model's own vocabulary; the root, because a
    query's weight and a passage's are multiplied.
    """

    def __init__(self, model: SparseEncoder, passages: Sequence[str]) -> None:
        """Count in the passages, at least one, the words of a model's tokenizer."""
        self._tokenizer = model.tokenizer
        counted = self._ids(passages)
        self._mean_length = sum(map(len, counted)) / len(counted)
        found = counts_of(counted, SpladeEncoder(model).vocabulary_size)
        self._idf = torch.from_numpy(idf(found, len(counted))).float()

    def weights(self, texts: Sequence[str]) -> Tensor:
        """Shape (texts, vocabulary)."""
        wanted = torch.zeros(len(texts), len(self._idf))
        for row, ids in zip(wanted, self._ids(texts), strict=True):
            counted = Counter(ids)
            terms = torch.tensor(list(counted), dtype=torch.long)
            often = torch.tensor(list(counted.values()), dtype=torch.float32)
            length = _K1 * (1 - _B + _B * len(ids) / self._mean_length)
            row[terms] = (self._idf[terms] * often * (_K1 + 1) / (often + length)).sqrt()
        return wanted

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        found: list[list[int]] = self._tokenizer(
            list(texts), add_special_tokens=False, truncation=True, max_length=MAX_LENGTH
        )["input_ids"]
        return found
