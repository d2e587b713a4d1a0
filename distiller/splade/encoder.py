"""Texts to term weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from scipy.sparse import csr_matrix, vstack

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder
    from torch import Tensor

MAX_LENGTH = 256
"""Tokens that are read of a text, as SPLADE reads passages (arXiv 2109.10086). Of queries too: at
64, four of the thirty long queries of the MED collection lose their end, and nDCG@10 1.4 points."""
_BATCH_TOKENS = {"cpu": 4096}
_BATCH_TOKENS_ELSEWHERE = 16_384
"""Bounds on texts × tokens of one batch. On a processor the packaged model encodes 53 texts a second
of one thread's time at 256, 68 at 512, 73 at 1,024 and 77 at 4,096."""

Side = Literal["query", "document"]


class SpladeEncoder:
    """A SPLADE model behind the `schema.retrieval.SparseEncoder` protocol.

    The weights of a text do not depend on the order of the texts given with it: batches are cut
    from the texts in order of length, then of text.
    """

    def __init__(
        self,
        model: str | Path | SparseEncoder,
        *,
        name: str | None = None,
        device: str | None = None,
        batch_size: int = 64,
        query_length: int = MAX_LENGTH,
        passage_length: int = MAX_LENGTH,
    ) -> None:
        """Load a model; see `loading.load_model` for what can be loaded and which errors it raises.

        Args:
            model: A folder, a hub name, or a `SparseEncoder` that is already in memory.
            name: What reports call it; otherwise the folder's name or the hub name.
            device: `cpu`, `cuda`, …; None takes the accelerator where there is one.
            batch_size: Most texts in one forward pass.
            query_length: Most tokens read of a query, special tokens included.
            passage_length: Most tokens read of a passage; the model's own limit where that is less.
        """
        self.notes: list[str] = []
        """What was added to the model to make it a SPLADE model."""
        if isinstance(model, str | Path):
            from distiller.splade.loading import load_model  # noqa: PLC0415 - torch takes seconds

            self.model, self.notes = load_model(model, device=device)
            path = Path(model)
            self.name = name or (path.resolve().name if path.exists() else str(model))
        else:
            self.model = model
            self.name = name or "model"
        limit = int(self.model.max_seq_length or passage_length)
        self.batch_size = batch_size
        self.query_length = min(query_length, limit)
        self.passage_length = min(passage_length, limit)

    def encode_queries(self, texts: Sequence[str]) -> csr_matrix:
        """Term weights, float32, shape (len(texts), vocabulary)."""
        return self._encode(texts, "query", self.query_length)

    def encode_passages(self, texts: Sequence[str]) -> csr_matrix:
        """Term weights, float32, shape (len(texts), vocabulary)."""
        return self._encode(texts, "document", self.passage_length)

    def terms(self, row: csr_matrix) -> list[tuple[str, float]]:
        """The terms of one row with their weights, heaviest first, then in alphabetical order."""
        row = csr_matrix(row)
        tokens = self.model.tokenizer.convert_ids_to_tokens([int(index) for index in row.indices])
        named = [
            (token or f"[{index}]", float(weight))
            for token, index, weight in zip(tokens, row.indices, row.data, strict=True)
            if weight
        ]
        return sorted(named, key=lambda term: (-term[1], term[0]))

    def tokens(self, text: str) -> list[str]:
        """The vocabulary words that stand in a text; what else `terms` names is expansion."""
        return list(self.model.tokenizer.tokenize(text))

    @cached_property
    def vocabulary_size(self) -> int:
        """Width of every row; a model knows it only after it has encoded something."""
        return int(self._forward([""], "document", self.passage_length).shape[1])

    @property
    def _batch_tokens(self) -> int:
        return _BATCH_TOKENS.get(self.model.device.type, _BATCH_TOKENS_ELSEWHERE)

    def _encode(self, texts: Sequence[str], side: Side, length: int) -> csr_matrix:
        order = sorted(range(len(texts)), key=lambda index: (-len(texts[index]), texts[index]))
        blocks = [
            self._forward([texts[index] for index in batch], side, length)
            for batch in _batches(order, texts, self.batch_size, length, self._batch_tokens)
        ]
        if not blocks:
            return csr_matrix(np.empty((0, self.vocabulary_size), dtype=np.float32))
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return csr_matrix(vstack(blocks, format="csr")[back], dtype=np.float32)

    def _forward(self, texts: list[str], side: Side, length: int) -> csr_matrix:
        encode = self.model.encode_query if side == "query" else self.model.encode_document
        weights = encode(
            texts,
            batch_size=len(texts),
            show_progress_bar=False,
            convert_to_sparse_tensor=False,
            processing_kwargs=cut_at(length),
        )
        return _to_csr(weights)


def cut_at(length: int) -> dict[str, Any]:
    """What tells sentence-transformers to read so many tokens of a text, special tokens included."""
    return {"text": {"max_length": length, "truncation": True}}


def _batches(
    order: Sequence[int], texts: Sequence[str], batch_size: int, length: int, tokens: int
) -> Iterator[list[int]]:
    """Cut texts, longest first, into batches of bounded size and bounded padded area."""
    batch: list[int] = []
    widest = 0
    for index in order:
        if batch and (len(batch) == batch_size or (len(batch) + 1) * widest > tokens):
            yield batch
            batch = []
        if not batch:  # the longest of the batch; a token has seldom fewer than two characters
            widest = min(length, len(texts[index]) // 2 + 2)
        batch.append(index)
    if batch:
        yield batch


def _to_csr(weights: Tensor) -> csr_matrix:
    """A dense (texts, vocabulary) tensor as a CSR matrix of float32 on the CPU."""
    rows, columns = weights.nonzero(as_tuple=True)
    values = weights[rows, columns].float().cpu().numpy()
    coordinates = (rows.cpu().numpy(), columns.cpu().numpy())
    return csr_matrix(
        (values, coordinates), shape=(weights.shape[0], weights.shape[1]), dtype=np.float32
    )
