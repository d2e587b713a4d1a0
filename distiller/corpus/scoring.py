"""What each teacher says of the pairs that are trained on; nothing is computed twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from distiller.corpus.calibration import Floats
from distiller.corpus.index import (
    CorpusIndex,
    RowCache,
    corpus_texts,
    key_of,
    model_fingerprint,
    searchable,
)
from distiller.quality.pairs import Pair
from distiller.schema.domain import Project
from distiller.schema.examples import JudgmentSource
from distiller.schema.jobs import OnProgress, Progress
from distiller.settings import Settings
from distiller.splade.dense import MINILM, CrossScorer, DenseEncoder, minilm_folder
from distiller.store import Store

STAGE = "teach"
AT_ONCE = 256
"""Queries whose scores against all passages are in memory at once."""
T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """One of the models whose scores are mixed."""

    kind: str
    model: str = ""

    @property
    def name(self) -> str:
        """As the user writes it."""
        return f"{self.kind}:{self.model}" if self.model else self.kind


@dataclass(frozen=True)
class Scores:
    """What one part says of each pair; NaN where it says nothing."""

    raw: Floats
    """In its own unit, for people to read."""
    scaled: Floats
    """In units of the query's spread over all passages, where the part ranks them all."""


class Scoring:
    """The pairs to score, their texts, each once, and what scores them."""

    def __init__(
        self,
        store: Store,
        project: Project,
        settings: Settings,
        pairs: Sequence[Pair],
        on_progress: OnProgress,
    ) -> None:
        self._store = store
        self._project = project
        self._pairs = pairs
        self._on_progress = on_progress
        self._index = CorpusIndex.of(settings.workspace, project)
        queries = {pair.query.id: pair.query.query for pair in pairs}
        self._texts = {
            pair.passage.id: searchable(pair.passage.title, pair.passage.text) for pair in pairs
        }
        self._queries = list(queries.values())
        self._passages = list(self._texts)
        query_at = {id_: at for at, id_ in enumerate(queries)}
        passage_at = {id_: at for at, id_ in enumerate(self._passages)}
        self.asked = np.array([query_at[pair.query.id] for pair in pairs])
        """Each pair's query, as a number. Shape (pairs,)."""
        self._shown = np.array([passage_at[pair.passage.id] for pair in pairs])

    def scores(self, part: Part) -> Scores:
        """What a part says of all pairs."""
        if part.kind == "judge":
            return self._judged()
        if part.kind == "cross-encoder":
            return self._crossed(part.model)
        return self._against_all(self._dense(part) if part.kind == "dense" else self._bm25())

    def _against_all(self, rank: Callable[[slice], Floats]) -> Scores:
        """Scores in units of how much they vary over all passages that are trained on.

        `rank` gives the scores of some queries for all passages, shape (queries, passages).
        """
        raw, scaled = np.empty(len(self._pairs)), np.empty(len(self._pairs))
        for start in range(0, len(self._queries), AT_ONCE):
            block = rank(slice(start, start + AT_ONCE))
            mine = np.flatnonzero((self.asked >= start) & (self.asked < start + AT_ONCE))
            rows = self.asked[mine] - start
            spread = np.maximum(block.std(axis=1), 1e-9)
            raw[mine] = block[rows, self._shown[mine]]
            scaled[mine] = (raw[mine] - block.mean(axis=1)[rows]) / spread[rows]
            self._tell(min(start + AT_ONCE, len(self._queries)), len(self._queries), "comparing")
        return Scores(raw, scaled)

    def _bm25(self) -> Callable[[slice], Floats]:
        corpus = corpus_texts(self._store, self._project)
        index = self._index.bm25({**corpus, **self._texts})
        return lambda block: index.score(self._queries[block], self._passages).astype(np.float64)

    def _dense(self, part: Part) -> Callable[[slice], Floats]:
        model = part.model or MINILM
        folder = minilm_folder() if model == MINILM else Path(model)
        cache = f"dense-{_fingerprint(model, folder)}"
        encoder = _Lazy(lambda: DenseEncoder(model))
        texts = [*self._queries, *self._texts.values()]

        def encode(missing: list[str]) -> NDArray[np.float32]:
            return encoder.loaded.encode(missing)

        vectors = self._kept(cache, list(map(key_of, texts)), texts, encode, "encoding")
        asked, shown = vectors[: len(self._queries)], vectors[len(self._queries) :]
        return lambda block: asked[block] @ shown.T

    def _crossed(self, model: str) -> Scores:
        scorer = _Lazy(lambda: CrossScorer(model))
        texts = list(self._texts.values())
        pairs = [
            (self._queries[asked], texts[shown])
            for asked, shown in zip(self.asked, self._shown, strict=True)
        ]

        def score(missing: list[tuple[str, str]]) -> NDArray[np.float32]:
            return scorer.loaded.scores(missing).reshape(-1, 1)

        cache = f"cross-{_fingerprint(model, Path(model))}"
        keys = [key_of("\0".join(pair)) for pair in pairs]
        raw = self._kept(cache, keys, pairs, score, "scoring").reshape(-1)
        return Scores(raw, raw)

    def _judged(self) -> Scores:
        """Log-odds of the judge's Yes: probabilities near 1 differ more than they seem to."""
        given = [pair.judgments.get(JudgmentSource.JUDGE) for pair in self._pairs]
        raw = np.array(
            [
                np.nan if one is None or one.score is None or one.stale else one.score
                for one in given
            ]
        )
        held = np.clip(raw, 1e-4, 1 - 1e-4)
        return Scores(raw, np.log(held / (1 - held)))

    def _kept(
        self,
        cache: str,
        keys: Sequence[bytes],
        made_of: Sequence[T],
        make: Callable[[list[T]], NDArray[np.float32]],
        doing: str,
    ) -> Floats:
        """Rows of numbers, one per key, computed only where the workspace has them not."""
        with self._index.alone():
            rows = RowCache(self._index.folder / cache)
            rows.fill(keys, made_of, make, lambda done, total: self._tell(done, total, doing))
            rows.compact()
            return rows.of(keys).toarray().astype(np.float64)

    def _tell(self, done: int, total: int, doing: str) -> None:
        self._on_progress(Progress(stage=STAGE, done=done, total=total, message=doing))


class _Lazy(Generic[T]):
    """A model that is loaded when something is missing, and not before."""

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load

    @cached_property
    def loaded(self) -> T:
        return self._load()


def _fingerprint(model: str, folder: Path) -> str:
    return model_fingerprint(folder) if folder.is_dir() else key_of(model).hex()[:20]
