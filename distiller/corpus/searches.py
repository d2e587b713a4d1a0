"""Searches over a project's corpus by name, from the indexes in the workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from distiller.corpus.index import CorpusIndex, corpus_texts, model_fingerprint, searchable
from distiller.corpus.mining import STAGE, Mining, mine, questions
from distiller.dataset.assembly import gather
from distiller.retrieve import SparseIndex
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.jobs import OnProgress, Progress, StageReport
from distiller.schema.retrieval import Retriever
from distiller.settings import Settings
from distiller.splade.start import resolve
from distiller.store import Store

BM25_NAME = "bm25"


def mine_corpus(
    store: Store,
    project: Project,
    settings: Settings,
    names: Sequence[str],
    *,
    mining: Mining | None = None,
    on_progress: OnProgress = lambda _: None,
) -> StageReport:
    """Mine hard negatives with the searches that are named; see `mine`.

    Raises:
        InputError: A name twice or of no model, no passages, or no query with a positive.
        ModelUnavailable: A model that cannot be loaded.
    """
    texts = corpus_texts(store, project)
    material = gather(store, project, retired=True)
    # Positives that were written, not found: their score is the bar, so they are indexed as well.
    written = {
        one.id: searchable(one.title, one.text)
        for asked in questions(material)
        for one in asked.positives
    }
    index = CorpusIndex.of(settings.workspace, project)
    searches = (
        open_searches(index, {**written, **texts}, names, settings.cache_dir, on_progress)
        if texts
        else []
    )
    return mine(
        store,
        project,
        searches,
        texts,
        mining=mining,
        material=material,
        on_progress=on_progress,
    )


def open_searches(
    index: CorpusIndex,
    texts: Mapping[str, str],
    names: Sequence[str],
    cache_dir: Path,
    on_progress: OnProgress = lambda _: None,
) -> list[Retriever]:
    """One search per name: `bm25`, `tiny`, a model folder or a hub name, called by it.

    Raises:
        InputError: No name, one twice, or one that names no model.
        ModelUnavailable: A model that cannot be loaded.
    """
    called = [_called(name) for name in names]
    if not names or len(set(called)) < len(called):
        raise InputError("name each search once, such as: --with bm25 --with tiny")
    found: list[Retriever] = []
    for name, short in zip(names, called, strict=True):
        if name == BM25_NAME:
            found.append(index.bm25(texts))
        else:
            found.append(_sparse(index, texts, name, short, cache_dir, on_progress))
    return found


def _called(name: str) -> str:
    """The name as explanations show it: of a folder, its last part."""
    return Path(name).resolve().name if Path(name).is_dir() else name


def _sparse(
    index: CorpusIndex,
    texts: Mapping[str, str],
    name: str,
    called: str,
    cache_dir: Path,
    on_progress: OnProgress,
) -> SparseIndex:
    from distiller.splade import SpladeEncoder  # noqa: PLC0415 - it loads torch

    source = resolve(name, cache_dir).source

    def tell(done: int, total: int) -> None:
        message = f"{called}: {done:,} of {total:,} passages encoded"
        on_progress(Progress(stage=STAGE, done=done, total=total, message=message))

    encoder = SpladeEncoder(source, name=called)
    return index.sparse(texts, encoder, model_fingerprint(Path(source)), tell)
