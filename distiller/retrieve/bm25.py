"""BM25, the baseline that a learned model has to beat.

Scores are those of bm25s in its defaults: the variant of Lucene, k1 1.5, b 0.75 (Kamphuis et al.
2020, https://doi.org/10.1007/978-3-030-45442-5_4, compare the variants).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import bm25s
import numpy as np
import Stemmer
from numpy.typing import NDArray

from distiller.packs.languages import language as language_pack
from distiller.retrieve.ranking import as_ranking, check_depth, in_order, top_k
from distiller.schema.retrieval import Run

_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{2,}")
"""Runs of scripts that put no space between words: Thai, Lao, Burmese, Khmer, kana, Han."""

_IDS = "passage_ids.json"


def _spaced(text: str) -> str:
    """Runs of unspaced script cut into overlapping pairs of characters.

    Pairs are what Lucene's CJKAnalyzer indexes; without them a whole sentence is one word.
    """
    return _UNSPACED.sub(
        lambda run: f" {' '.join(map(''.join, zip(run[0], run[0][1:], strict=False)))} ", text
    )


class BM25:
    """BM25 over a corpus, with stop words and Snowball stemming by language."""

    def __init__(self, corpus: Mapping[str, str], language: str = "en", name: str = "bm25") -> None:
        """Index a corpus.

        Args:
            corpus: passage_id → text.
            language: BCP 47 tag; it selects stop words and stemmer where the language has them.
            name: What reports call this system.

        Raises:
            InputError: The corpus is empty.
            UnknownLanguage: The packs do not cover the language.
        """
        self._set_up(language, name)
        self._ids, texts = in_order(corpus)
        self._index = bm25s.BM25()
        tokenized = self._tokenize(texts, as_ids=True)
        self._has_words = any(tokenized.ids)
        if self._has_words:
            self._index.index(tokenized, show_progress=False)

    def save(self, folder: Path) -> None:
        """Write the index into a folder of its own. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _IDS).write_text(json.dumps(self._ids), encoding="utf-8")
        if self._has_words:
            self._index.save(str(folder), show_progress=False)

    @classmethod
    def load(cls, folder: Path, language: str = "en", name: str = "bm25") -> Self:
        """An index that `save` wrote, of a corpus in that language.

        Raises:
            Exception: The folder is not whole; what is raised depends on what is missing.
            UnknownLanguage: The packs do not cover the language.
        """
        index = cls.__new__(cls)
        index._set_up(language, name)
        index._ids = json.loads((folder / _IDS).read_text(encoding="utf-8"))
        index._has_words = (folder / "params.index.json").is_file()
        index._index = bm25s.BM25()
        if index._has_words:
            index._index = bm25s.BM25.load(str(folder), show_progress=False)
            if index._index.scores["num_docs"] != len(index._ids):
                raise ValueError("the index and its passages do not belong together")
        return index

    def _set_up(self, language: str, name: str) -> None:
        pack = language_pack(language)
        self.name = name
        self._stopwords: str | list[str] = pack.stopwords or []
        self._stemmer = Stemmer.Stemmer(pack.stemmer) if pack.stemmer else None

    def retrieve(self, queries: Mapping[str, str], k: int = 1000) -> Run:
        """Rank the corpus for each query_id → text; passages that share no word are left out.

        Raises:
            InputError: `k` is below 1.
        """
        check_depth(k)
        run: Run = {query_id: {} for query_id in queries}
        if not self._has_words:
            return run
        tokens: list[list[str]] = self._tokenize(list(queries.values()), as_ids=False)
        for query_id, words in zip(queries, tokens, strict=True):
            known = [word for word in words if word in self._index.vocab_dict]
            if known:
                scores = np.asarray(self._index.get_scores(known))
                run[query_id] = as_ranking(self._ids, top_k(scores, k), scores)
        return run

    def score(self, queries: Sequence[str], passage_ids: Sequence[str]) -> NDArray[np.float32]:
        """Scores of some passages for each query, shape (queries, passages); 0 shares no word.

        Raises:
            KeyError: A passage that the index has not.
        """
        at = {passage_id: position for position, passage_id in enumerate(self._ids)}
        chosen = np.array([at[passage_id] for passage_id in passage_ids], dtype=np.intp)
        found = np.zeros((len(queries), len(chosen)), dtype=np.float32)
        if not self._has_words or not queries:
            return found
        tokens: list[list[str]] = self._tokenize(list(queries), as_ids=False)
        for row, words in zip(found, tokens, strict=True):
            known = [word for word in words if word in self._index.vocab_dict]
            if known:
                row[:] = np.asarray(self._index.get_scores(known))[chosen]
        return found

    def _tokenize(self, texts: Sequence[str], *, as_ids: bool) -> Any:
        return bm25s.tokenize(
            [_spaced(text) for text in texts],
            stopwords=self._stopwords,
            stemmer=self._stemmer,
            return_ids=as_ids,
            show_progress=False,
        )
