"""What the checks of `quality` look at, read from the store."""

from __future__ import annotations

from collections.abc import Mapping

from distiller.dataset.assembly import Material, gather
from distiller.quality import Evidence, Pair
from distiller.quality.evidence import counts
from distiller.retrieve import BM25
from distiller.schema.domain import Project
from distiller.schema.examples import Passage
from distiller.schema.knowledge import Concept
from distiller.schema.retrieval import Collection, Run
from distiller.store import Store

DEPTH = 100
"""Places of a ranking that are kept."""


def evidence_of(
    store: Store, project: Project, tests: Mapping[str, Collection] | None = None
) -> Evidence:
    """The project's queries, passages and pairs that are neither rejected nor flagged, ranked.

    BM25 ranks all passages of the project, those of the corpus that stand beside no query too.
    """
    material = gather(store, project)
    queries = [query for query in material.queries if counts(query)]
    offered = {
        query.id: [pair for pair in material.pairs.get(query.id, []) if counts(pair.passage)]
        for query in queries
    }
    corpus = {
        passage.id: f"{passage.title} {passage.text}".strip()
        for passage in material.passages.values()
        if counts(passage)
    }
    asked = {query.id: query.query for query in queries}
    return Evidence(
        domain=project.domain,
        queries=queries,
        passages=_beside_queries(material, offered),
        offered=offered,
        concepts=[item for item in store.items(project.id, Concept) if counts(item)],
        rankings={"word search": _ranked(corpus, asked, project.domain.language)},
        corpus_size=len(corpus),
        tests=tests or {},
    )


def _beside_queries(material: Material, offered: Mapping[str, list[Pair]]) -> dict[str, Passage]:
    named = {pair.passage.id for pairs in offered.values() for pair in pairs}
    return {id_: passage for id_, passage in material.passages.items() if id_ in named}


def _ranked(corpus: Mapping[str, str], asked: Mapping[str, str], tag: str) -> Run:
    return BM25(corpus, language=tag).retrieve(asked, DEPTH) if corpus and asked else {}
