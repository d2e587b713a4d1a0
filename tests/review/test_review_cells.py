"""Cells of a table, as a browser sends them, honest or forged."""

from __future__ import annotations

import pytest

from distiller.review import MAX_CELL, undo_last, write_cells
from distiller.schema.base import Status
from distiller.schema.domain import Domain
from distiller.schema.errors import Conflict, InputError
from distiller.schema.examples import Query
from distiller.store import Store


@pytest.fixture
def project_id(store: Store) -> str:
    project = store.create_project(Domain(name="tenancy"))
    store.add(project.id, [Query(id="q", query="who pays", type="rule", key_concepts=["rent"])])
    return project.id


def test_words_and_status_of_one_row_are_two_steps_to_undo(store: Store, project_id: str):
    shown = store.get(Query, "q")
    cells = {"query": "  who  pays the rent ", "status": "approved", "key_concepts": "rent; ; due"}
    written = write_cells(store, project_id, shown, cells, who="ada")
    assert written == store.get(Query, "q")
    assert (written.query, written.status) == ("who pays the rent", Status.APPROVED)
    assert (written.key_concepts, written.version) == (["rent", "due"], shown.version + 2)
    undo_last(store, project_id, "ada")
    undo_last(store, project_id, "ada")
    back = store.get(Query, "q")
    assert (back.query, back.status) == ("who pays", Status.PROPOSED)


@pytest.mark.parametrize(
    "cells",
    [
        {"status": "owned"},
        {"status": None},
        {"complexity": "<b>"},
        {"query": "  "},
        {"query": 7},
        {"query": "x" * (MAX_CELL + 1)},
        {"type": None},
        {"key_concepts": ["a", "b"]},
        {"id": "other"},
        {"version": 99},
        {"stale": False},
        {"provenance": {}},
        {"query": "fine", "status": "owned"},
    ],
)
def test_forged_cells_change_nothing(store: Store, project_id: str, cells: dict):
    shown = store.get(Query, "q")
    with pytest.raises(InputError, match="nothing was changed"):
        write_cells(store, project_id, shown, cells, who="ada")
    assert store.get(Query, "q") == shown
    assert not store.steps(project_id)


@pytest.mark.parametrize("cells", [{"query": "mine"}, {"status": "approved"}])
def test_a_row_changed_by_another_is_not_overwritten(store: Store, project_id: str, cells: dict):
    shown = store.get(Query, "q")
    store.edit(shown.model_copy(update={"query": "theirs"}), who="bea")
    with pytest.raises(Conflict):
        write_cells(store, project_id, shown, cells, who="ada")
    stored = store.get(Query, "q")
    assert (stored.query, stored.status) == ("theirs", Status.PROPOSED)
