"""How the queries are spread over what the documents are about."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from distiller.generate.outline import EMPTY, corpus_outline
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.examples import POSITIVE_GRADE, JudgmentSource, Passage, Query
from distiller.store import Store

SHOWN = 3
"""Passages that tell what a topic is about."""


@dataclass(frozen=True)
class Topic:
    """Passages of a corpus that are about the same."""

    examples: list[Passage]
    """The most central ones, of different documents where there are several."""
    passages: int
    """Those that tell something; lists and tables of contents left out."""
    queries: int
    """Those that one of the passages answers, rejected ones left out."""


def topics(store: Store, project: Project) -> list[Topic]:
    """What the documents are about, what has the fewest queries for its size first.

    The topics are the clusters from which passages are chosen for queries; none without documents.
    """
    found = corpus_outline(store, project)
    if found is None:
        return []
    cluster = {
        id_: int(label)
        for id_, label, told in zip(found.ids, found.cluster, found.substance, strict=True)
        if told > EMPTY
    }
    sizes = Counter(cluster.values())
    asked = _asked(store, project, cluster)
    shown = {label: found.representatives(label, SHOWN) for label in found.labels}
    ids = [id_ for some in shown.values() for id_ in some]
    known = {item.id: item for item in store.items(project.id, Passage, ids=ids)}
    made = [
        Topic([known[id_] for id_ in shown[label]], sizes[label], asked[label])
        for label in found.labels
    ]
    return sorted(made, key=lambda topic: (topic.queries / topic.passages, -topic.passages))


def _asked(store: Store, project: Project, cluster: dict[str, int]) -> Counter[int]:
    """Queries per cluster; one that passages of two clusters answer counts in both."""
    standing = {
        id_
        for id_, status in store.values(project.id, Query, ["id", "status"])
        if status != Status.REJECTED
    }
    labels = store.judgments(
        project.id, sources=[JudgmentSource.GENERATOR, JudgmentSource.REVIEWER]
    )
    pairs = {
        (label.query_id, cluster[label.passage_id])
        for label in labels
        if label.grade >= POSITIVE_GRADE
        and label.query_id in standing
        and label.passage_id in cluster
    }
    return Counter(label for _, label in pairs)
