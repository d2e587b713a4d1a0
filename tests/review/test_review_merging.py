from __future__ import annotations

import pytest

from distiller.review import merge_concepts, undo_last
from distiller.schema.base import Status
from distiller.schema.domain import Domain, Project
from distiller.schema.errors import Conflict, InputError
from distiller.schema.examples import Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


def concept(id_: str, term: str, related: tuple[str, ...] = ()) -> Concept:
    return Concept(id=id_, term=term, definition="d", example="e", related_terms=list(related))


@pytest.fixture
def project(store: Store) -> Project:
    return store.create_project(Domain(name="residential tenancy law"))


@pytest.fixture
def two(store: Store, project: Project) -> tuple[Concept, Concept]:
    kept, gone = concept("c1", "Deposit"), concept("c2", "Bond")
    third = concept("c3", "Lease", ("bond", "Deposit"))
    queries = [
        Query(id="q1", query="who keeps the bond", key_concepts=["Bond", "Deposit"]),
        Query(id="q2", query="when may rent rise", key_concepts=["Rent"]),
    ]
    store.add(project.id, [kept, gone, third, *queries])
    return kept, gone


def test_merging_renames_and_is_one_step_that_can_be_taken_back(
    store: Store, project: Project, two: tuple[Concept, Concept]
) -> None:
    kept, gone = two
    assert merge_concepts(store, project.id, kept, gone, who="ada") == 1
    assert store.get(Concept, "c2", project_id=project.id).status is Status.REJECTED
    query = store.get(Query, "q1", project_id=project.id)
    assert (query.key_concepts, query.stale) == (["Deposit"], False)
    assert store.get(Concept, "c3", project_id=project.id).related_terms == ["Deposit"]
    assert store.get(Query, "q2", project_id=project.id).version == 1
    undo_last(store, project.id, "ada")
    assert store.get(Concept, "c2", project_id=project.id).status is Status.PROPOSED
    assert store.get(Query, "q1", project_id=project.id).key_concepts == ["Bond", "Deposit"]
    assert store.get(Concept, "c3", project_id=project.id).related_terms == ["bond", "Deposit"]


def test_a_concept_that_changed_meanwhile_is_not_merged(
    store: Store, project: Project, two: tuple[Concept, Concept]
) -> None:
    kept, gone = two
    store.edit(gone.model_copy(update={"definition": "new"}), who="bea", project_id=project.id)
    with pytest.raises(Conflict):
        merge_concepts(store, project.id, kept, gone, who="ada")
    assert store.get(Query, "q1", project_id=project.id).key_concepts == ["Bond", "Deposit"]
    with pytest.raises(InputError, match="another concept"):
        merge_concepts(store, project.id, kept, kept, who="ada")
