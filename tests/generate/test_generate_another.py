from __future__ import annotations

import pytest
from endpoint import data
from scripted_writer import Connect, Writer

from distiller.generate import another_negative
from distiller.schema.domain import Project
from distiller.schema.errors import NotFound, StageFailed
from distiller.schema.examples import (
    CONTRASTIVE_STRATEGIES,
    Judgment,
    Passage,
    Query,
    Strategy,
)
from distiller.store import Store


@pytest.fixture
def query(store: Store, project: Project) -> Query:
    query = Query(id="q", query="when may a tenant withhold rent")
    store.add(project.id, [query, Query(id="r", query="who mends the roof of the house")])
    return query


def used(store: Store, project: Project) -> list[Strategy]:
    return [label.strategy for label in store.judgments(project.id)]


async def test_each_call_writes_another_one_by_another_strategy(
    store: Store, project: Project, connected: Connect, query: Query
):
    told = []
    async with connected(Writer()) as client:
        for _ in range(8):
            report = await another_negative(
                store, project, client, query_ids=["q"], on_progress=told.append
            )
            assert (report.stage, report.made, report.failed) == ("another_negative", 1, 0)
    assert used(store, project) == [*CONTRASTIVE_STRATEGIES, *CONTRASTIVE_STRATEGIES[:2]]
    assert len({passage.text for passage in store.items(project.id, Passage)}) == 8
    # Each explanation quotes the altered query that the passage answers.
    assert len({label.explanation for label in store.judgments(project.id)}) == 8
    assert {label.query_id for label in store.judgments(project.id)} == {"q"}
    assert {label.grade < 2 for label in store.judgments(project.id)} == {True}
    assert (told[-1].done, told[-1].total) == (1, 1)


async def test_a_strategy_counts_as_used_whoever_wrote_the_passage(
    store: Store, project: Project, connected: Connect, query: Query
):
    store.add(
        project.id,
        [
            Passage(id="p", text="about something near"),
            Judgment(
                id="j", query_id="q", passage_id="p", grade=0, strategy=Strategy.TOPICAL_SHIFT
            ),
        ],
    )
    async with connected(Writer()) as client:
        await another_negative(store, project, client, query_ids=["q", "r"])
    assert used(store, project)[1:] == [Strategy.ENTITY_SUBSTITUTION, Strategy.TOPICAL_SHIFT] or (
        used(store, project)[1:] == [Strategy.TOPICAL_SHIFT, Strategy.ENTITY_SUBSTITUTION]
    )


async def test_what_cannot_be_written_is_recorded_and_can_be_tried_again(
    store: Store, project: Project, connected: Connect, query: Query
):
    def reworded(name: str, _: int):
        if name != "OtherQueries":
            return None
        return data({"queries": [{"kind": "same", "query": query.query}]})

    async with connected(Writer(reworded)) as client:
        with pytest.raises(StageFailed, match="only rewords"):
            await another_negative(store, project, client, query_ids=["q"])
    assert [f.stage for f in store.failures(project.id)] == ["another_negative"]
    async with connected(Writer()) as client:
        assert (await another_negative(store, project, client, query_ids=["q"])).made == 1
    assert store.failures(project.id) == []


async def test_unknown_queries_are_refused(
    store: Store, project: Project, connected: Connect, query: Query
):
    other = store.create_project(project.domain, name="other")
    async with connected(Writer()) as client:
        with pytest.raises(NotFound):
            await another_negative(store, other, client, query_ids=["q"])
