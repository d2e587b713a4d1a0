"""What the checks of `quality` look at, read from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from distiller.dataset.assembly import Material, gather
from distiller.quality import Evidence, Pair
from distiller.quality.evidence import counts
from distiller.retrieve import BM25
from distiller.schema.base import Status
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


def ranked(store: Store, project: Project, evidence: Evidence) -> Evidence:
    """The evidence with BM25's ranking of all passages of the project for each query.

    Passages of the corpus that stand beside no query are ranked too.
    """
    columns = ["id", "title", "text", "status"]
    corpus = {
        id_: f"{title} {text}".strip()
        for id_, title, text, status in store.values(project.id, Passage, columns)
        if status not in ("rejected", "flagged")
    }
    if not corpus or not evidence.queries:
        return evidence
    found = BM25(corpus, language=project.domain.language).retrieve(evidence.texts, DEPTH)
    return replace(evidence, rankings={**evidence.rankings, WORD_SEARCH: found})
