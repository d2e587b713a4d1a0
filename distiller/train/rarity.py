"""How rare words are in a corpus, worked into a start model before any query is learned.

A start model weighs words as its own training texts had them. That one stands in every passage of
this corpus, and so tells nothing apart, it cannot know; BM25 counts it. Here what is counted
becomes a part of the weights, without a step of training. Imports torch: import it inside functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SparseEncoder
from sentence_transformers.base.modules import Transformer
from torch import nn

from distiller.splade.encoder import SpladeEncoder
from distiller.splade.head import is_installed

Numbers = NDArray[np.float64]

_MOST = 3.0
"""Times a weight is multiplied at most, where all but a few terms stand nearly everywhere. On six
human-judged collections it was 1.4."""


def can_reweigh(model: SparseEncoder) -> bool:
    """Whether a model ends in one vocabulary projection, for queries and passages alike."""
    return isinstance(model[0], Transformer) and is_installed(model)


def reweigh(model: SparseEncoder, passages: Sequence[str], power: float) -> None:
    """Multiply every term's weights by a power of the term's rarity, in place.

    Rarity is the inverse document frequency of the terms that the model finds in the passages,
    relative to its mean over all that it weighs there: the usual weight stays what it was, and so
    do the terms of a text. A weight is `log1p(logit)`, so the term's row of the projection is
    multiplied by what does this to its mean weight, and does nearly so to others. A projection that
    was tied to the model's word vectors is one of its own from then on.

    Args:
        model: One that `can_reweigh`.
        passages: Texts of the corpus or of a sample of it, at least one.
        power: 0 changes nothing.
    """
    weights = SpladeEncoder(model).encode_passages(passages)
    counts = np.asarray((weights > 0).sum(axis=0), dtype=float).ravel()
    sums = np.asarray(weights.sum(axis=0), dtype=float).ravel()
    if not sums.any():
        return
    rarity = idf(counts, len(passages))
    factor = np.minimum((rarity / (rarity @ sums / sums.sum())) ** power, _MOST)
    usual = np.where(counts, sums / np.maximum(counts, 1), sums.sum() / counts.sum())
    double = model[1].activation_function == "log1p_relu"
    scale = _logit(factor * usual, double) / _logit(usual, double)
    network = model[0].model
    decoder = network.get_output_embeddings()
    multiplier = torch.from_numpy(scale).to(decoder.weight)
    decoder.weight = nn.Parameter(decoder.weight.detach() * multiplier[:, None])
    if decoder.bias is not None:
        decoder.bias = nn.Parameter(decoder.bias.detach() * multiplier)
    network.config.tie_word_embeddings = False


def idf(counts: Numbers, passages: int) -> Numbers:
    """Inverse document frequency of terms that stand in so many of the passages.

    Lucene's variant, which is never negative; see `distiller.retrieve.bm25`.
    """
    found: Numbers = np.log1p((passages - counts + 0.5) / (counts + 0.5))
    return found


def counts_of(texts: Iterable[Sequence[int]], width: int) -> Numbers:
    """In how many texts each term of a vocabulary stands; a text is its tokens' numbers."""
    counts = np.zeros(width)
    for ids in texts:
        counts[list(set(ids))] += 1
    return counts


def _logit(weights: Numbers, double: bool) -> Numbers:
    """What logits have these weights."""
    logits: Numbers = np.expm1(np.expm1(weights) if double else weights)
    return logits
