"""What a sparse model costs at search time: active dimensions and FLOPS."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


def active_dims(weights: csr_matrix) -> float | None:
    """Mean number of non-zero dimensions per text; None without texts.

    Args:
        weights: Shape (texts, vocabulary).
    """
    texts = weights.shape[0]
    return float(np.count_nonzero(weights.data) / texts) if texts else None


def flops(queries: csr_matrix, passages: csr_matrix) -> float | None:
    """Expected number of active dimensions that a query and a passage share; None without texts.

    The sum over the vocabulary of the probability that the dimension is active in a query, times
    that in a passage (Paria et al. 2020, https://arxiv.org/abs/2004.05665): the mean
    number of multiplications per scored pair.

    Args:
        queries: Shape (queries, vocabulary).
        passages: Shape (passages, vocabulary).
    """
    if not (queries.shape[0] and passages.shape[0]):
        return None
    return float(_activation(queries) @ _activation(passages))


def _activation(weights: csr_matrix) -> NDArray[np.float64]:
    """Share of texts in which each dimension is active, shape (vocabulary,)."""
    active = weights.indices[weights.data != 0]
    counts = np.bincount(active, minlength=weights.shape[1])
    return np.asarray(counts / weights.shape[0], dtype=np.float64)
