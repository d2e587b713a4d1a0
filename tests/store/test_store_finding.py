"""Sorting, finding by concept, and the steps that reviewers made."""

from __future__ import annotations

import pytest

from distiller.schema.base import Status
from distiller.schema.domain import Domain
from distiller.schema.errors import Conflict, InputError
from distiller.schema.examples import Query
from distiller.schema.knowledge import Concept
from distiller.store import Store


@pytest.fixture
def project_id(store: Store) -> str:
    project = store.create_project(Domain(name="tenancy"))
    store.add(
        project.id,
        [
            Query(id="q1", query="b rent", key_concepts=["Rent"], type="how-to"),
            Query(id="q2", query="A deposit", key_concepts=["deposit", "Mietkürzung"]),
            Query(id="q3", query="c rent arrears", key_concepts=['rent "arrears"', "50%_off"]),
        ],
    )
    return project.id


def found(store: Store, project_id: str, concept: str) -> list[str]:
    ids = store.ids(project_id, Query, concept=concept)
    assert store.count(project_id, Query, concept=concept) == len(ids)
    assert [q.id for q in store.items(project_id, Query, concept=concept)] == ids
    return ids


def test_a_concept_is_found_whole_and_whatever_its_letter_case(store: Store, project_id: str):
    assert found(store, project_id, "rent") == ["q1"]
    assert found(store, project_id, "Mietkürzung") == ["q2"]
    assert found(store, project_id, 'rent "arrears"') == ["q3"]
    assert found(store, project_id, "50%_off") == ["q3"]
    assert found(store, project_id, "50%xoff") == []


def test_items_without_concepts_cannot_be_found_by_one(store: Store, project_id: str):
    with pytest.raises(InputError, match="key_concepts"):
        store.ids(project_id, Concept, concept="rent")


def test_sorting_by_words_ignores_letter_case(store: Store, project_id: str):
    up = store.items(project_id, Query, order="query")
    assert [q.id for q in up] == ["q2", "q1", "q3"]
    down = store.items(project_id, Query, order="query", descending=True, limit=1)
    assert [q.id for q in down] == ["q3"]
    with pytest.raises(InputError, match="sorted"):
        store.items(project_id, Query, order="key_concepts")


def test_values_are_columns_of_all_items(store: Store, project_id: str):
    assert store.values(project_id, Query, ["id", "type"])[0] == ("q1", "how-to")
    with pytest.raises(InputError, match="colour"):
        store.values(project_id, Query, ["colour"])


def test_a_decision_on_what_was_changed_meanwhile_is_refused(store: Store, project_id: str):
    read = store.get(Query, "q1")
    store.set_status(project_id, Query, ["q1"], Status.REJECTED, who="bea")
    with pytest.raises(Conflict):
        store.set_status(
            project_id, Query, ["q1"], Status.APPROVED, who="ada", versions={"q1": read.version}
        )
    assert store.get(Query, "q1").status is Status.REJECTED


def test_steps_are_newest_first_and_know_whether_they_stand(store: Store, project_id: str):
    before = store.revision(project_id)
    first = store.set_status(project_id, Query, ["q1", "q2"], Status.APPROVED, who="ada")
    second = store.set_status(project_id, Query, ["q3"], Status.REJECTED, who="bea")
    assert store.revision(project_id) != before
    store.undo(project_id, first, who="ada")
    steps = store.steps(project_id)
    assert [(s.group, s.action, s.who, s.count, s.undone) for s in steps] == [
        (second, "reject", "bea", 1, False),
        (first, "approve", "ada", 2, True),
    ]
    assert [s.group for s in store.steps(project_id, who="ada")] == [first]


def test_an_edit_is_a_step_of_what_was_edited(store: Store, project_id: str):
    edited = store.get(Query, "q1").model_copy(update={"query": "other words"})
    store.edit(edited, who="ada")
    [step] = store.steps(project_id)
    assert (step.action, step.item_kind, step.count) == ("edit", "query", 1)
