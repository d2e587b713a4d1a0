"""Exact learned sparse retrieval: every passage is scored, no pruning, no approximation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix, vstack

from distiller.retrieve.ranking import as_ranking, check_depth, in_order, top_k
from distiller.schema.errors import InputError, ModelUnavailable
from distiller.schema.retrieval import Run, SparseEncoder

_ENCODE_AT_ONCE = 4096
"""Texts handed to the encoder in one call."""
_SCORES_AT_ONCE = 8_000_000
"""Query-passage scores held in memory at once, about 100 MB."""


class SparseIndex:
    """A corpus as term weights, ranked by dot product with the query's term weights."""

    def __init__(
        self, encoder: SparseEncoder, corpus: Mapping[str, str], name: str | None = None
    ) -> None:
        """Encode and index a corpus.

        Args:
            encoder: The model.
            corpus: passage_id → text.
            name: What reports call this system; the encoder's name when None.

        Raises:
            InputError: The corpus is empty.
            ModelUnavailable: The model gave weights that are not finite, or too few rows.
        """
        self.encoder = encoder
        self.name = name or encoder.name
        self.passage_ids, texts = in_order(corpus)
        self.passages = self._encode(texts, queries=False)
        """Term weights of the corpus, shape (passages, vocabulary), rows as `passage_ids`."""
        self._by_term = self.passages.T.tocsr()

    @classmethod
    def of(
        cls,
        encoder: SparseEncoder,
        passage_ids: Sequence[str],
        weights: csr_matrix,
        name: str | None = None,
    ) -> Self:
        """An index of passages that are encoded already; `weights` has a row per passage id.

        Raises:
            InputError: No passages, or ids that are not in ascending order.
        """
        if not passage_ids or list(passage_ids) != sorted(passage_ids):
            raise InputError("an index needs at least one passage, and their ids in order")
        index = cls.__new__(cls)
        index.encoder = encoder
        index.name = name or encoder.name
        index.passage_ids = list(passage_ids)
        index.passages = weights
        index._by_term = weights.T.tocsr()
        return index

    def encode_queries(self, texts: Sequence[str]) -> csr_matrix:
        """Term weights of queries, shape (queries, vocabulary), no explicit zeros.

        Raises:
            ModelUnavailable: The model gave weights that are not finite, or too few rows.
        """
        return self._encode(texts, queries=True)

    def retrieve(self, queries: Mapping[str, str], k: int = 1000) -> Run:
        """Rank the corpus for each query_id → text; passages that share no term are left out.

        Raises:
            InputError: `k` is below 1.
            ModelUnavailable: The model gave weights that are not finite, or too few rows.
        """
        return self.rank(list(queries), self.encode_queries(list(queries.values())), k)

    def rank(self, query_ids: Sequence[str], weights: csr_matrix, k: int = 1000) -> Run:
        """Rank the corpus for queries that are encoded already.

        Args:
            query_ids: One per row of `weights`.
            weights: Shape (queries, vocabulary).
            k: Passages per query at most.

        Raises:
            InputError: `k` is below 1.
        """
        check_depth(k)
        run: Run = {}
        step = max(1, _SCORES_AT_ONCE // len(self.passage_ids))
        for start in range(0, len(query_ids), step):
            found = (weights[start : start + step] @ self._by_term).tocsr()
            for row, query_id in enumerate(query_ids[start : start + step]):
                part = slice(found.indptr[row], found.indptr[row + 1])
                scores = np.zeros(len(self.passage_ids), dtype=found.dtype)
                scores[found.indices[part]] = found.data[part]
                run[query_id] = as_ranking(self.passage_ids, top_k(scores, k), scores)
        return run

    def _encode(self, texts: Sequence[str], *, queries: bool) -> csr_matrix:
        encode = self.encoder.encode_queries if queries else self.encoder.encode_passages
        parts = []
        for start in range(0, len(texts), _ENCODE_AT_ONCE):
            part = csr_matrix(encode(texts[start : start + _ENCODE_AT_ONCE]))
            self._check(part, len(texts[start : start + _ENCODE_AT_ONCE]))
            part.eliminate_zeros()
            parts.append(part)
        if not parts:
            return self.passages[:0]
        return csr_matrix(vstack(parts, format="csr"))

    def _check(self, weights: csr_matrix, expected: int) -> None:
        if weights.shape[0] != expected:
            raise ModelUnavailable(
                f"model {self.name}: {weights.shape[0]} encodings for {expected} texts; "
                "check that it is a sparse encoder"
            )
        if not np.isfinite(weights.data).all():
            raise ModelUnavailable(
                f"model {self.name}: term weights are not finite; its training diverged, "
                "train it again with a lower learning rate"
            )
