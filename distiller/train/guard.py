"""What the frozen start model says, so that the tuned one does not forget it.

Imports torch: import it inside functions.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sentence_transformers import SparseEncoder
from torch import Tensor

from distiller.splade.encoder import SpladeEncoder
from distiller.train.losses import spread
from distiller.train.recipe import Recipe
from distiller.train.supervision import Supervision

_SAMPLE = 128
"""Rows on which the start model is measured where it is not asked about all."""
_WORDS = (2, 12)
"""Words of a general text, from and to."""


@dataclass(frozen=True)
class Reference:
    """The start model's term weights, and what follows from them."""

    query_dims: float
    passage_dims: float
    """Its mean active dimensions on training texts."""
    spread: float
    """Its usual standard deviation between the scores of one row's candidates."""
    queries: csr_matrix | None = None
    passages: csr_matrix | None = None
    """By the numbers of `Supervision`; None where no loss needs them."""
    general: csr_matrix | None = None
    """Of the general texts, in their order."""

    def scores(self, queries: Tensor, passages: Tensor) -> Tensor:
        """Its dot products of queries and passages, by their numbers. Shape (queries, passages)."""
        assert self.queries is not None
        assert self.passages is not None
        product = self.queries[queries.cpu().numpy()] @ self.passages[passages.cpu().numpy()].T
        return torch.from_numpy(product.toarray()).to(queries.device)

    def weights(self, texts: Tensor) -> Tensor:
        """Its term weights of general texts, by their numbers. Shape (texts, vocabulary)."""
        assert self.general is not None
        return torch.from_numpy(self.general[texts.cpu().numpy()].toarray()).to(texts.device)


def reference(
    model: SparseEncoder, known: Supervision, recipe: Recipe, general: Sequence[str]
) -> Reference:
    """Ask the start model once what the losses will compare with, before training changes it."""
    encoder = SpladeEncoder(
        model, query_length=recipe.query_length, passage_length=recipe.passage_length
    )
    rows = torch.arange(len(known.queries))
    if not recipe.self_distillation:
        picked = random.Random(recipe.seed).sample(rows.tolist(), min(_SAMPLE, len(rows)))  # noqa: S311
        rows = torch.tensor(sorted(picked))
    asked, passages = _distinct(known.queries[rows]), _distinct(known.passages[rows])
    query_weights = encoder.encode_queries([known.query_texts[index] for index in asked])
    passage_weights = encoder.encode_passages([known.passage_texts[index] for index in passages])
    everything = bool(recipe.self_distillation)
    return Reference(
        query_dims=query_weights.nnz / query_weights.shape[0],
        passage_dims=passage_weights.nnz / passage_weights.shape[0],
        spread=_spread(known, rows, (asked, query_weights), (passages, passage_weights)),
        queries=query_weights if everything else None,
        passages=passage_weights if everything else None,
        general=encoder.encode_passages(general) if general else None,
    )


def _spread(
    known: Supervision,
    rows: Tensor,
    queries: tuple[Tensor, csr_matrix],
    passages: tuple[Tensor, csr_matrix],
) -> float:
    """Mean over rows of the deviation between their candidates' scores; 1 without negatives."""
    ours = queries[1][torch.searchsorted(queries[0], known.queries[rows]).numpy()]
    scores = []
    for column in range(known.passages.shape[1]):
        numbers = torch.searchsorted(passages[0], known.passages[rows, column].contiguous())
        products = ours.multiply(passages[1][numbers.numpy()]).sum(axis=1)
        scores.append(torch.from_numpy(np.asarray(products, dtype=np.float32)).flatten())
    usual = float(spread(torch.stack(scores, dim=1)).nanmean())
    return usual if usual > 0 else 1.0  # NaN compares False


def _distinct(numbers: Tensor) -> Tensor:
    return torch.tensor(sorted(set(numbers.flatten().tolist())))


def general_texts(model: SparseEncoder, count: int, seed: int) -> list[str]:
    """Texts of words drawn from the model's own vocabulary: what it knew before, without a corpus.

    They keep in place what a word expands to, all over the vocabulary, where training texts touch
    only a field's part of it (data-free distillation, as with random inputs in Nayak et al. 2019,
    https://arxiv.org/abs/1905.08114).

    Args:
        model: Any whose tokenizer lists its vocabulary.
        count: How many; 0 for none.
        seed: Decides which.
    """
    words = sorted(word for word in model.tokenizer.get_vocab() if word.isalpha() and len(word) > 2)
    if not words or not count:
        return []
    draw = random.Random(seed)  # noqa: S311 - not a secret
    return [
        " ".join(draw.sample(words, min(draw.randint(*_WORDS), len(words)))) for _ in range(count)
    ]
