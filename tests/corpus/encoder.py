"""A sparse encoder that needs no weights: each word is a term, as heavy as it is frequent."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

WIDTH = 4096


class WordEncoder:
    """Counts what it encodes, so that a test can say what was encoded twice."""

    name = "words"

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> csr_matrix:
        return self._rows(texts)

    def encode_passages(self, texts: Sequence[str]) -> csr_matrix:
        self.encoded += texts
        return self._rows(texts)

    def _rows(self, texts: Sequence[str]) -> csr_matrix:
        rows = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.casefold().split():
                row[zlib.crc32(word.strip(".,?").encode()) % WIDTH] += 1
        return csr_matrix(np.log1p(rows))
