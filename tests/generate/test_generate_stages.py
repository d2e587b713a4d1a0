from __future__ import annotations

from collections import Counter

from scripted_writer import Connect, Writer

from distiller.generate import (
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
)
from distiller.schema.domain import Project
from distiller.schema.examples import Judgment, JudgmentSource, Passage, Query
from distiller.schema.knowledge import Concept, DocumentType, Fact, Relationship, TypicalQuestion
from distiller.store import Store


async def test_the_stages_make_exactly_what_was_asked_for(
    store: Store, project: Project, connected: Connect
):
    async with connected(Writer()) as client:
        knowledge = await generate_knowledge(store, project, client, concepts=13)
        queries = await generate_queries(store, project, client, count=10)
        passages = await generate_passages(
            store, project, client, positives_per_query=2, negatives_per_query=3
        )
        judged = await judge_passages(store, project, client)
    assert len(store.items(project.id, Concept)) == 13
    assert len(store.items(project.id, Query)) == 10
    assert len(store.items(project.id, Passage)) == 10 * (2 + 3)
    sources = Counter(judgment.source for judgment in store.items(project.id, Judgment))
    assert sources == {JudgmentSource.GENERATOR: 50, JudgmentSource.JUDGE: 50}
    for kind in (Fact, TypicalQuestion, Relationship, DocumentType):
        assert store.items(project.id, kind), kind
    assert (knowledge.made, queries.made, passages.made, judged.made) == (13, 10, 50, 50)
    assert [report.failed for report in (knowledge, queries, passages, judged)] == [0] * 4
    assert store.failures(project.id) == []
