from __future__ import annotations

from scripted_writer import Connect, Writer

from distiller.generate import another_negative
from distiller.schema.domain import Project
from distiller.schema.examples import Query
from distiller.store import Store


async def test_another_negative_differs_each_time_by_strategy(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, [Query(id="q-1", query="how do i get my deposit back from the landlord")])
    async with connected(Writer()) as client:
        for made in (1, 2):
            report = await another_negative(store, project, client, query_ids=["q-1"])
            assert report.made == 1, report
            found = store.judgments(project.id, query_ids=["q-1"])
            assert len({judgment.strategy for judgment in found}) == len(found) == made
    assert all(judgment.grade < 2 for judgment in found)
