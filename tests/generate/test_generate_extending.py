from __future__ import annotations

import pytest
from endpoint import data
from scripted_writer import Connect, Writer

from distiller.generate.extending import extend_concept, rewrite_concept
from distiller.schema.base import Status
from distiller.schema.domain import Project
from distiller.schema.errors import NotFound, StageFailed
from distiller.schema.knowledge import Concept
from distiller.store import Store


@pytest.fixture
def deposit(store: Store, project: Project) -> Concept:
    concept = Concept(
        id="c-deposit", term="deposit", definition="Money.", example="Paid.", sub_area="Money"
    )
    store.add(project.id, [concept])
    return concept


async def test_a_rewritten_concept_waits_and_changes_nothing(
    store: Store, project: Project, connected: Connect, deposit: Concept
):
    async with connected(Writer()) as client:
        report = await rewrite_concept(store, project, client, concept_id=deposit.id)
    assert (report.made, report.failed) == (1, 0)
    assert store.get(Concept, deposit.id, project_id=project.id) == deposit
    waiting = store.proposal(project.id, deposit.id)
    assert waiting is not None
    assert waiting.old["definition"] == "Money."
    assert waiting.new["definition"].startswith("A sum of")
    assert waiting.new["related_terms"] == ["bond", "lease"]
    assert waiting.new["provenance"]["prompt"] == "knowledge.rewrite@1"
    assert store.ledger.find(waiting.new["provenance"]["request_hash"]) is not None


async def test_asking_again_brings_another_proposal(
    store: Store, project: Project, connected: Connect, deposit: Concept
):
    async with connected(Writer()) as client:
        found = []
        for _ in range(2):
            await rewrite_concept(store, project, client, concept_id=deposit.id)
            waiting = store.proposal(project.id, deposit.id)
            assert waiting is not None
            found.append(waiting.new["definition"])
    assert found[0] != found[1]
    assert [event.action for event in store.events(project.id, deposit.id)] == ["propose"] * 2


async def test_a_taken_proposal_is_an_edit_that_can_be_undone(
    store: Store, project: Project, connected: Connect, deposit: Concept
):
    async with connected(Writer()) as client:
        await rewrite_concept(store, project, client, concept_id=deposit.id)
    waiting = store.proposal(project.id, deposit.id)
    assert waiting is not None
    changed = Concept.model_validate(deposit.model_dump() | waiting.new)
    store.edit(changed, who="ada", project_id=project.id)
    store.settle(project.id, deposit.id, who="ada", accepted=True)
    assert store.proposal(project.id, deposit.id) is None
    edit = next(e for e in store.events(project.id, deposit.id) if e.action == "edit")
    assert store.undo(project.id, str(edit.group), who="ada") == 1
    assert store.get(Concept, deposit.id, project_id=project.id).definition == "Money."


async def test_a_dismissed_proposal_no_longer_waits(
    store: Store, project: Project, deposit: Concept
):
    store.propose(project.id, deposit, {"definition": "Other."}, who="model")
    store.settle(project.id, deposit.id, who="ada", accepted=False)
    assert store.proposal(project.id, deposit.id) is None
    with pytest.raises(NotFound):
        store.settle(project.id, deposit.id, who="bob", accepted=True)


async def test_an_extended_concept_gets_so_many_narrower_ones(
    store: Store, project: Project, connected: Connect, deposit: Concept
):
    async with connected(Writer()) as client:
        report = await extend_concept(store, project, client, concept_id=deposit.id, count=3)
    new = [c for c in store.items(project.id, Concept) if c.id != deposit.id]
    assert (report.made, len(new)) == (3, 3)
    assert {c.sub_area for c in new} == {"Money"}
    assert {c.related_terms[0] for c in new} == {"deposit"}
    assert {c.status for c in new} == {Status.PROPOSED}
    assert {c.provenance.prompt for c in new} == {"knowledge.narrower@1"}


async def test_known_and_rejected_terms_are_not_proposed_again(
    store: Store, project: Project, connected: Connect, deposit: Concept
):
    def same(_: object):
        entry = {"term": "Deposits", "definition": "x", "example": "", "related_terms": []}
        return data({"entries": [entry]})

    store.set_status(project.id, Concept, [deposit.id], Status.REJECTED, who="ada")
    async with connected(same) as client:
        with pytest.raises(StageFailed, match="no new concept"):
            await extend_concept(store, project, client, concept_id=deposit.id)
    assert store.count(project.id, Concept) == 1


async def test_a_concept_of_another_project_is_refused(
    store: Store, project: Project, connected: Connect, deposit: Concept
):
    other = store.create_project(project.domain, name="other")
    async with connected(Writer()) as client:
        for stage in (rewrite_concept, extend_concept):
            with pytest.raises(NotFound):
                await stage(store, other, client, concept_id=deposit.id)
