"""How the queries are spread over what the documents are about."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from distiller.dataset.atomic import replacing
from distiller.dataset.texts import digest
from distiller.generate.outline import EMPTY, Outline, corpus_outline
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
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
    cluster = _clusters(found)
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


def passage_topics(store: Store, project: Project, workspace: Path) -> dict[str, int]:
    """passage_id → its topic, of all passages of the documents that tell something.

    Kept in the workspace, and found anew once the documents have changed.
    """
    columns = ["id", "version", "status", "origin", "stale"]
    rows = store.values(project.id, Passage, columns)
    state = digest(project.domain.language, *("/".join(map(str, row)) for row in sorted(rows)))
    file = workspace / "index" / project.id / "topics.json"
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["state"] == state:
            return {str(id_): int(label) for id_, label in kept["topics"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # whatever is wrong with it, it can be made anew
    found = corpus_outline(store, project)
    topic = _clusters(found) if found else {}
    # A disk that is full costs time, no data.
    with suppress(InputError), replacing(file, keep=lambda _: None) as fresh:
        fresh.write_text(json.dumps({"state": state, "topics": topic}), encoding="utf-8")
    return topic


def _clusters(found: Outline) -> dict[str, int]:
    return {
        id_: int(label)
        for id_, label, told in zip(found.ids, found.cluster, found.substance, strict=True)
        if told > EMPTY
    }


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
