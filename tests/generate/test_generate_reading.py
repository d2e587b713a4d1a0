"""The knowledge base from documents: a real client and server, a scripted model."""

from __future__ import annotations

import pytest
from corpus import passage, passages, topic_of
from endpoint import Scripted, data
from scripted_writer import Connect, Writer

from distiller.generate import generate_knowledge
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.errors import InputError
from distiller.schema.examples import Passage
from distiller.schema.knowledge import Concept, Fact
from distiller.store import Store


def read(store: Store, project: Project) -> list[Concept]:
    return [c for c in store.items(project.id, Concept) if c.provenance.span is not None]


async def test_concepts_stand_in_the_passage_that_they_name(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(6))
    async with connected(Writer()) as client:
        report = await generate_knowledge(store, project, client, concepts=12, source="corpus")
    assert (report.made, report.failed, report.notes) == (12, 0, [])
    spans = {
        (item.provenance.span.document, item.provenance.span.start): item
        for item in store.items(project.id, Passage)
        if item.provenance.span
    }
    topics = set()
    for concept in read(store, project):
        assert concept.provenance.span is not None
        source = spans[concept.provenance.span.document, concept.provenance.span.start]
        assert concept.term in source.text
        assert concept.provenance.prompt == "knowledge.read@1"
        assert concept.sub_area.startswith("chapter ")
        topics.add(topic_of(source.text))
    assert topics == {"deposits", "heating", "notice"}
    assert len(read(store, project)) == 12
    assert store.count(project.id, Fact) > 0


async def test_with_documents_half_of_the_concepts_are_read_and_half_are_not(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, passages(6))
    writer = Writer()
    async with connected(writer) as client:
        report = await generate_knowledge(store, project, client, concepts=9)
        before = sum(writer.asked.values())
        again = await generate_knowledge(store, project, client, concepts=9)
    assert sum(writer.asked.values()) == before
    assert (report.made, again.made) == (9, 0)
    assert len(read(store, project)) == 5


async def test_words_alone_read_no_document(store: Store, project: Project, connected: Connect):
    store.add(project.id, passages(2))
    writer = Writer()
    async with connected(writer) as client:
        await generate_knowledge(store, project, client, concepts=5, source="words")
    assert writer.asked["Reading"] == 0
    assert (len(read(store, project)), store.count(project.id, Concept)) == (0, 5)


async def test_words_fill_up_what_the_documents_do_not_give(
    store: Store, project: Project, connected: Connect
):
    store.add(project.id, [passage("The landlord keeps the deposit apart from all other money.")])
    async with connected(Writer()) as client:
        await generate_knowledge(store, project, client, concepts=12)
    assert store.count(project.id, Concept) == 12
    assert 0 < len(read(store, project)) < 6


async def test_a_term_that_stands_in_no_passage_is_left_out(
    store: Store, project: Project, connected: Connect
):
    def fault(name: str, turn: int) -> Scripted | None:
        entries = [
            {**Writer().entry(), "term": term} for term in ("boiler", "ship insurance", "rents")
        ]
        return data({"sub_area": "heating", "entries": entries}) if name == "Reading" else None

    store.add(project.id, passages(1, ("heating",)))
    async with connected(Writer(fault)) as client:
        report = await generate_knowledge(store, project, client, concepts=3, source="corpus")
    assert {concept.term for concept in read(store, project)} == {"boiler", "rents"}
    assert "2 of 3" in report.notes[0]


async def test_a_concept_that_is_there_or_was_rejected_is_not_read_again(
    store: Store, project: Project, connected: Connect
):
    def fault(name: str, turn: int) -> Scripted | None:
        entries = [{**Writer().entry(), "term": term} for term in ("Boiler", "notices", "tenants")]
        return data({"sub_area": "heating", "entries": entries}) if name == "Reading" else None

    known = [
        Concept(id="c-1", term="boilers", definition="What heats water."),
        Concept(id="c-2", term="notice", definition="A letter.", status=Status.REJECTED),
    ]
    store.add(project.id, [*known, *passages(1, ("heating",))])
    async with connected(Writer(fault)) as client:
        await generate_knowledge(store, project, client, concepts=4, source="corpus")
    assert [concept.term for concept in read(store, project)] == ["tenants"]


async def test_what_cannot_be_read_is_kept_as_failed(
    store: Store, project: Project, connected: Connect
):
    def fault(name: str, turn: int) -> Scripted | None:
        entries = [{**Writer().entry(), "term": "ship insurance"}]
        return data({"sub_area": "ships", "entries": entries}) if name == "Reading" else None

    store.add(project.id, passages(1, ("heating",)))
    async with connected(Writer(fault)) as client:
        report = await generate_knowledge(store, project, client, concepts=4)
    assert store.count(project.id, Concept) == 4
    assert report.failed == 1
    [failure] = store.failures(project.id, "knowledge")
    assert failure.key.startswith("read/0/p-")
    assert "no concept that stands in the passages" in failure.reason


@pytest.mark.parametrize("source", ["corpus", "both"])
async def test_without_documents_there_is_nothing_to_read(
    store: Store, project: Project, connected: Connect, source: str
):
    async with connected(Writer()) as client:
        with pytest.raises(InputError, match="run `distiller ingest` first"):
            await generate_knowledge(store, project, client, concepts=4, source=source)
        with pytest.raises(InputError, match="'web' of concepts; use words, corpus, both"):
            await generate_knowledge(store, project, client, concepts=4, source="web")
    assert store.count(project.id, Concept) == 0
