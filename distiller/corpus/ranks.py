"""Rankings of a project's passages for its queries, kept in the workspace for the checks.

`index/<project>/ranks-<search>-<corpus>`: the first passages for each query, by a hash of its text.
While the passages stay as they are, only queries that are new or changed are searched for.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from distiller.corpus.index import CorpusIndex, RowCache, key_of, model_fingerprint
from distiller.corpus.searches import BM25_NAME, open_searches
from distiller.dataset.evidence import DEPTH, WORD_SEARCH, InUse
from distiller.schema.domain import Project
from distiller.schema.errors import InputError, ModelUnavailable
from distiller.schema.jobs import OnProgress
from distiller.schema.retrieval import Retriever
from distiller.settings import Settings
from distiller.splade.start import resolve

MOSTLY = 0.9
"""Share of the passages that a model must have encoded already for its search to take part."""


class KeptRanks:
    """Ranks with BM25, and with a sparse model where mining has encoded the passages with it."""

    def __init__(
        self,
        settings: Settings,
        project: Project,
        model: str = "tiny",
        on_progress: OnProgress = lambda _: None,
    ) -> None:
        self._settings = settings
        self._index = CorpusIndex.of(settings.workspace, project)
        self._model = model
        self._on_progress = on_progress

    def __call__(
        self, passages: InUse, queries: Mapping[str, str]
    ) -> dict[str, Mapping[str, Mapping[str, float]]]:
        """Name of a search → its first passages for each query.

        Raises:
            DistillerError: The workspace cannot be written.
        """
        found: dict[str, Mapping[str, Mapping[str, float]]] = {
            WORD_SEARCH: self._ranks(BM25_NAME, BM25_NAME, passages, queries)
        }
        fingerprint = self._encoded_with()
        if fingerprint and self._mostly_encoded(fingerprint, passages):
            called = f"the model {self._model}"
            found[called] = self._ranks(fingerprint, self._model, passages, queries)
        return found

    def _encoded_with(self) -> str:
        """What names the model's files, where anything was encoded with it; else the empty text."""
        if not any(self._index.folder.glob("sparse-*")):
            return ""
        try:
            source = Path(resolve(self._model, self._settings.cache_dir).source)
        except (InputError, ModelUnavailable):
            return ""  # a check goes on without it
        return model_fingerprint(source) if source.is_dir() else ""

    def _mostly_encoded(self, fingerprint: str, passages: InUse) -> bool:
        folder = self._index.folder / f"sparse-{fingerprint}"
        if self._folder(fingerprint, passages).is_dir():
            return True
        if not folder.is_dir():
            return False
        with self._index.alone():
            known = RowCache(folder).rows
        texts = passages.texts()
        return sum(key_of(text) in known for text in texts.values()) >= MOSTLY * len(texts)

    def _folder(self, search: str, passages: InUse) -> Path:
        return self._index.folder / f"ranks-{search}-{passages.state}"

    def _ranks(self, search: str, name: str, passages: InUse, queries: Mapping[str, str]) -> Ranks:
        folder = self._folder(search, passages)
        keys = {query_id: key_of(text) for query_id, text in queries.items()}
        with self._index.alone():
            for old in self._index.folder.glob(f"ranks-{search}-*"):
                if old != folder:
                    shutil.rmtree(old, ignore_errors=True)
            kept = RowCache(folder)
        missing = {key: queries[id_] for id_, key in keys.items() if key not in kept.rows}
        if missing:
            retriever = self._open(name, passages)
            with self._index.alone():
                kept.fill(list(missing), list(missing.values()), _row_maker(retriever, passages))
                kept.compact()
        return Ranks(passages.ids, keys, kept)

    def _open(self, name: str, passages: InUse) -> Retriever:
        cache = self._settings.cache_dir
        [found] = open_searches(self._index, passages.texts(), [name], cache, self._on_progress)
        return found


def _row_maker(retriever: Retriever, passages: InUse) -> Callable[[list[str]], csr_matrix]:
    at = {passage_id: place for place, passage_id in enumerate(passages.ids)}

    def rows(texts: Sequence[str]) -> csr_matrix:
        run = retriever.retrieve({str(n): text for n, text in enumerate(texts)}, DEPTH)
        ranked = [run[str(n)] for n in range(len(texts))]
        places = [at[passage_id] for one in ranked for passage_id in one]
        scores = [score for one in ranked for score in one.values()]
        ends = np.cumsum([0, *map(len, ranked)])
        return csr_matrix((scores, places, ends), shape=(len(texts), len(at)), dtype=np.float32)

    return rows


class Ranks(Mapping[str, Mapping[str, float]]):
    """query_id → passage_id → score, made when it is asked for: all at once they are many."""

    def __init__(self, passage_ids: Sequence[str], keys: Mapping[str, bytes], kept: RowCache):
        self._passage_ids = passage_ids
        self._at = {query_id: place for place, query_id in enumerate(keys)}
        self._rows = kept.of(list(keys.values()))

    def __getitem__(self, query_id: str) -> Mapping[str, float]:
        row = self._at[query_id]
        part = slice(self._rows.indptr[row], self._rows.indptr[row + 1])
        found = zip(self._rows.indices[part], self._rows.data[part], strict=True)
        return {self._passage_ids[place]: float(score) for place, score in found}

    def __iter__(self) -> Iterator[str]:
        return iter(self._at)

    def __len__(self) -> int:
        return len(self._at)
