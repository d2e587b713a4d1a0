"""Queries that look alike, to be seen side by side."""

from __future__ import annotations

from distiller.quality.duplicates import near_queries
from distiller.retrieve import BM25
from distiller.schema.base import LEFT_OUT, Status
from distiller.schema.domain import Project
from distiller.schema.examples import Query
from distiller.store import Store


def alike_queries(store: Store, project: Project) -> list[tuple[str, str, float]]:
    """Pairs of queries that ask the same, by the measure of the check `distinct_queries`.

    By id, the older one first, with the share of content words that they have in common; the
    likest pair comes first. Rejected and flagged ones are left out.
    """
    rows = store.values(project.id, Query, ["id", "query", "status"])
    texts = {id_: text for id_, text, status in rows if status not in LEFT_OUT}
    return near_queries(texts, project.domain.language)


class SimilarQueries:
    """An index of a project's queries as they were when it was built."""

    def __init__(self, store: Store, project_id: str, language: str) -> None:
        rows = store.values(project_id, Query, ["id", "query", "status"])
        texts = {id_: text for id_, text, status in rows if status != Status.REJECTED}
        self._index = BM25(texts, language=language) if texts else None

    def like(self, query_id: str, text: str, k: int = 5) -> list[str]:
        """Identifiers of the k queries most like a text, itself left out, best first."""
        if self._index is None:
            return []
        found = self._index.retrieve({query_id: text}, k + 1)[query_id]
        return [id_ for id_ in sorted(found, key=lambda id_: -found[id_]) if id_ != query_id][:k]
