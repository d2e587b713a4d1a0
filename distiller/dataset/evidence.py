"""What the checks of `quality` look at, read from the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial

from distiller.dataset.assembly import Material, gather
from distiller.dataset.texts import digest
from distiller.quality import Evidence, Pair
from distiller.quality.evidence import Ranking, counts
from distiller.retrieve import BM25
from distiller.schema.base import LEFT_OUT, Status
from distiller.schema.domain import Project
from distiller.schema.examples import Passage
from distiller.schema.knowledge import Concept
from distiller.schema.retrieval import Collection
from distiller.store import Store

DEPTH = 100
"""Places of a ranking that are kept."""
WORD_SEARCH = "word search"
"""What findings call BM25."""


def evidence_of(
    store: Store, project: Project, tests: Mapping[str, Collection] | None = None
) -> Evidence:
    """The project's queries, passages and pairs that are neither rejected nor flagged."""
    material = gather(store, project)
    queries = [query for query in material.queries if counts(query)]
    offered = {
        query.id: [pair for pair in material.pairs.get(query.id, []) if counts(pair.passage)]
        for query in queries
    }
    return Evidence(
        domain=project.domain,
        queries=queries,
        passages=_beside_queries(material, offered),
        offered=offered,
        concepts=[item for item in store.items(project.id, Concept) if counts(item)],
        corpus_size=store.count(project.id, Passage, status=(Status.PROPOSED, Status.APPROVED)),
        tests=tests or {},
    )


def _beside_queries(material: Material, offered: Mapping[str, list[Pair]]) -> dict[str, Passage]:
    named = {pair.passage.id for pairs in offered.values() for pair in pairs}
    return {id_: passage for id_, passage in material.passages.items() if id_ in named}


@dataclass(frozen=True)
class InUse:
    """The passages of a project that are neither rejected nor flagged, those of its documents too."""

    ids: Sequence[str]
    """In ascending order."""
    state: str
    """Changes with any of them."""
    texts: Callable[[], dict[str, str]]
    """Reads passage_id → searchable text, once; a large corpus is only read where it has to be."""


Ranker = Callable[[InUse, Mapping[str, str]], Mapping[str, Ranking]]
"""Ranks passages for query_id → text; gives the name of each search → its first passages."""


def in_use(store: Store, project: Project) -> InUse:
    """The passages that a search of the project would rank."""
    columns = ["id", "version", "status"]
    found = sorted(
        (id_, version)
        for id_, version, status in store.values(project.id, Passage, columns)
        if status not in LEFT_OUT
    )
    state = digest(project.domain.language, *(f"{id_} {version}" for id_, version in found))
    return InUse([id_ for id_, _ in found], state[:20], cache(partial(_texts, store, project)))


def _texts(store: Store, project: Project) -> dict[str, str]:
    columns = ["id", "title", "text", "status"]
    return {
        id_: f"{title} {text}".strip()
        for id_, title, text, status in store.values(project.id, Passage, columns)
        if status not in LEFT_OUT
    }


def by_words(language: str) -> Ranker:
    """Ranks with BM25 alone, in memory."""

    def rank(passages: InUse, queries: Mapping[str, str]) -> Mapping[str, Ranking]:
        index = BM25(passages.texts(), language=language)
        return {WORD_SEARCH: index.retrieve(queries, DEPTH)}

    return rank


def ranked(store: Store, project: Project, evidence: Evidence, ranker: Ranker | None) -> Evidence:
    """The evidence with rankings of all passages of the project for each query.

    Passages of the corpus that stand beside no query are ranked too.
    """
    passages = in_use(store, project)
    if not passages.ids or not evidence.queries:
        return evidence
    rank = ranker or by_words(project.domain.language)
    found = rank(passages, evidence.texts)
    return replace(evidence, rankings={**evidence.rankings, **found})
