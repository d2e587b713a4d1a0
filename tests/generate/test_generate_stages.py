from __future__ import annotations

from collections import Counter

import pytest
from scripted_writer import Connect, Writer

from distiller.generate import (
    Focus,
    generate_knowledge,
    generate_passages,
    generate_queries,
    judge_passages,
)
from distiller.packs.templates import template
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
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


async def test_queries_are_written_about_one_concept_and_of_one_type(
    store: Store, project: Project, connected: Connect
):
    async with connected(Writer()) as client:
        await generate_knowledge(store, project, client, concepts=13)
        await generate_queries(store, project, client, count=4)
        before = {query.id for query in store.items(project.id, Query)}
        concept = store.items(project.id, Concept)[5]
        kind = template("legal").query_types[-1].name
        chosen = Focus(concepts=[concept.id], query_type=kind)
        report = await generate_queries(store, project, client, count=7, focus=chosen)
        fresh = [query for query in store.items(project.id, Query) if query.id not in before]
        assert (report.made, len(fresh)) == (3, 3)
        assert {(query.type, query.key_concepts[0]) for query in fresh} == {(kind, concept.term)}
        for wrong in (Focus(concepts=["nothing"]), Focus(query_type="<b>")):
            with pytest.raises(InputError):
                await generate_queries(store, project, client, count=9, focus=wrong)
    assert len(store.items(project.id, Query)) == 7
